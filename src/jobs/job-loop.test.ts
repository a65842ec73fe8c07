import { describe, expect, it } from '@jest/globals';
import { settled } from '../../test/harness/manual-time.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Log } from '../ports/index.ts';
import { createJobLoop } from './job-loop.ts';
import { createWakeUps } from './wake-ups.ts';

const errors: string[] = [];
const log: Log = { info: () => {}, warn: () => {}, error: (message) => errors.push(message) };

describe('a job of this process', () => {
  it('is never beside itself and misses no wake-up that came while it ran', async () => {
    let [rounds, beside, most] = [0, 0, 0];
    const loop = createJobLoop(
      'job',
      async () => {
        rounds++;
        most = Math.max(most, ++beside);
        await settled(1);
        beside--;
        return false;
      },
      log,
    );
    for (let wake = 0; wake < 10; wake++) loop.wake();
    await settled();
    expect([rounds, most]).toEqual([2, 1]);
    loop.wake();
    await settled();
    expect(rounds).toBe(3);
  });

  it('goes on at once while there is more to do', async () => {
    let left = 3;
    const loop = createJobLoop('job', async () => --left > 0, log);
    loop.wake();
    await settled();
    expect(left).toBe(0);
  });

  it('warns of a peer that is down, which is no failure of ours', async () => {
    const warnings: string[] = [];
    const down = new NeuroInsightError('upstream-unavailable', 'the PACS cannot be reached');
    const loop = createJobLoop('pull/pacs', () => Promise.reject(down), {
      ...log,
      warn: (message) => warnings.push(message),
    });
    loop.wake();
    await settled();
    expect(warnings).toEqual(['a job found nobody to talk to']);
  });

  it('survives a round that throws, and says so', async () => {
    let rounds = 0;
    const loop = createJobLoop('job', () => Promise.reject(new Error(`round ${++rounds}`)), log);
    loop.wake();
    await settled();
    loop.wake();
    await settled();
    expect([rounds, errors]).toEqual([2, ['a job failed', 'a job failed']]);
  });

  it('stops with the round that it aborts, and wakes no more', async () => {
    let rounds = 0;
    const loop = createJobLoop(
      'job',
      (signal) => {
        rounds++;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
      log,
    );
    loop.wake();
    await loop.stop();
    loop.wake();
    await settled();
    expect([rounds, errors.length]).toEqual([1, 2]);
  });
});

describe('wake-ups', () => {
  it('reach the job of this process, and nobody where it does not run', () => {
    const wakeUps = createWakeUps();
    const woken: string[] = [];
    wakeUps.nudge('claim-runs');
    const first = wakeUps.connect('claim-runs', () => woken.push('first'));
    wakeUps.nudge('claim-runs');
    wakeUps.connect('claim-runs', () => woken.push('second'));
    first();
    wakeUps.nudge('claim-runs');
    wakeUps.nudge('deliver-outbox');
    expect(woken).toEqual(['first', 'second']);
  });
});
