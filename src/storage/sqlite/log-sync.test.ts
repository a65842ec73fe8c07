import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLogSync } from './log-sync.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-log-sync-'));
  writeFileSync(join(folder, 'log'), 'x');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('openLogSync', () => {
  it('calls back in order, and never in the turn that asked', async () => {
    const sync = openLogSync(join(folder, 'log'));
    const called: number[] = [];
    const all = Promise.all(
      [1, 2, 3].map(
        (number) =>
          new Promise<Error | undefined>((resolve) => {
            sync.after((error) => {
              called.push(number);
              resolve(error);
            });
          }),
      ),
    );
    expect(called).toEqual([]);
    expect(await all).toEqual([undefined, undefined, undefined]);
    expect(called).toEqual([1, 2, 3]);
    sync.close();
  });

  it('tells of a sync that failed', async () => {
    // A device cannot be synced.
    const sync = openLogSync('/dev/null');
    const error = await new Promise<Error | undefined>((resolve) => sync.after(resolve));
    expect((error as NodeJS.ErrnoException).code).toBe('EINVAL');
    sync.close();
  });
});
