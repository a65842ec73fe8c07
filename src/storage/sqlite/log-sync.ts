import { closeSync, fdatasync, openSync } from 'node:fs';

/** Makes what was committed survive a power cut, while the thread goes on with the next commits. */
export interface LogSync {
  /**
   * Calls back after everything committed so far is on the disk, or with the error that kept it from there; what
   * becomes of the pages after such an error nobody knows, so there is no second try.
   */
  after(done: (error: Error | undefined) => void): void;
  /** To be called when nothing waits. */
  close(): void;
}

type Done = (error: Error | undefined) => void;

/**
 * @param path of the write-ahead log. Its connection syncs it only when it begins anew and before a checkpoint
 *   (synchronous = NORMAL); the sync of each commit is this one. One sync runs at a time, and what is committed
 *   meanwhile shares the next.
 */
export function openLogSync(path: string): LogSync {
  const descriptor = openSync(path, 'r');
  let next: Done[] = [];
  let isRunning = false;
  const run = (): void => {
    const sharing = next;
    next = [];
    isRunning = true;
    fdatasync(descriptor, (error) => {
      isRunning = false;
      if (next.length > 0) run();
      for (const done of sharing) done(error ?? undefined);
    });
  };
  return {
    after(done) {
      next.push(done);
      if (!isRunning) run();
    },
    close: () => closeSync(descriptor),
  };
}
