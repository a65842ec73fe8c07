import { NeuroInsightError } from '../domain/errors.ts';
import type { Log } from '../ports/index.ts';

/** One job of this process: never beside itself, and never missing a wake-up that came while it ran. */
export interface JobLoop {
  wake(): void;
  /** Starts nothing any more, aborts what runs and resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * @param work One round; resolves to whether another should follow at once. What it throws is logged and ends the
 * round: the next wake-up tries again.
 */
export function createJobLoop(name: string, work: (signal: AbortSignal) => Promise<boolean>, log: Log): JobLoop {
  const controller = new AbortController();
  let woken = false;
  let running: Promise<void> | undefined;
  const rounds = async (): Promise<void> => {
    while (woken && !controller.signal.aborted) {
      woken = false;
      try {
        if (await work(controller.signal)) woken = true;
      } catch (error) {
        if (controller.signal.aborted) return;
        // A peer that is down is its own administrator's alarm, told with every look.
        const expected = error instanceof NeuroInsightError && error.kind === 'upstream-unavailable';
        const fields = { job: name, error: error instanceof Error ? error : new Error(String(error)) };
        if (expected) log.warn('a job found nobody to talk to', fields);
        else log.error('a job failed', fields);
      }
    }
  };
  const wake = (): void => {
    woken = true;
    if (controller.signal.aborted) return;
    running ??= rounds().finally(() => {
      running = undefined;
      // One that came after the last round had looked and before this moment.
      if (woken) wake();
    });
  };
  return {
    wake,
    async stop() {
      controller.abort();
      await running;
    },
  };
}
