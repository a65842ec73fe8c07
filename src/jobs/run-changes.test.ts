import { describe, expect, it } from '@jest/globals';
import { createManualTime, settled } from '../../test/harness/manual-time.ts';
import type { RunRow } from '../ports/index.ts';
import { createRunChanges, watchRun } from './run-changes.ts';

const rowOf = (version: number, state: RunRow['state'] = 'running'): RunRow =>
  ({ id: 'run', version, state }) as RunRow;

describe('changes of a run', () => {
  it('reach who listens to that run of that site, and nobody who has stopped', () => {
    const changes = createRunChanges();
    const heard: number[] = [];
    const stop = changes.listen('main', 'run', ({ version }) => heard.push(version));
    changes.listen('other', 'run', () => heard.push(-1));
    changes.publish('main', rowOf(2));
    stop();
    stop();
    changes.publish('main', rowOf(3));
    expect(heard).toEqual([2]);
  });

  it('refuse a watcher beyond the limit, but never a worker, and take one again when another has gone', () => {
    const changes = createRunChanges(1);
    const stop = changes.watch('main', 'run', () => {});
    expect(() => changes.watch('main', 'run', () => {})).toThrow('too many watch runs already');
    expect(() => changes.listen('main', 'run', () => {})).not.toThrow();
    stop();
    stop();
    expect(() => changes.watch('main', 'run', () => {})).not.toThrow();
    expect(() => changes.watch('main', 'run', () => {})).toThrow('too many watch runs already');
  });

  it('show a slow reader the newest row and none between, so that nothing piles up', async () => {
    const changes = createRunChanges();
    const { timers } = createManualTime();
    const runs = { get: async () => rowOf(1) };
    const watching = watchRun({ changes, runs, timers, pollMilliseconds: 1000 }, 'main', 'run');
    expect((await watching.next()).value?.version).toBe(1);
    for (let version = 2; version <= 500; version++) changes.publish('main', rowOf(version));
    changes.publish('main', rowOf(400));
    expect((await watching.next()).value?.version).toBe(500);
    await watching.return?.();
  });

  it('end where the run has gone, and where the store fails', async () => {
    const changes = createRunChanges(1);
    const time = createManualTime();
    let answer = async (): Promise<RunRow | undefined> => rowOf(1);
    const deps = { changes, runs: { get: () => answer() }, timers: time.timers, pollMilliseconds: 1000 };
    const watching = watchRun(deps, 'main', 'run');
    await watching.next();
    answer = async () => undefined;
    const gone = watching.next();
    await settled();
    await time.advance(1);
    expect((await gone).done).toBe(true);
    answer = () => Promise.reject(new Error('closed'));
    await expect(watchRun(deps, 'main', 'run').next()).rejects.toThrow('closed');
    // Both have left their place.
    expect(() => changes.watch('main', 'run', () => {})).not.toThrow();
  });
});
