import type { Log } from '../ports/index.ts';
import type { Execution, RunExecutor } from './execute-run.ts';
import { createJobLoop } from './job-loop.ts';
import type { Timers } from './timers.ts';

export interface RunWorkerDeps {
  readonly executor: RunExecutor;
  /** Runs carried out beside each other by this process. */
  readonly concurrency: number;
  /** How long a stop waits for what is in flight before it gives the runs back. */
  readonly graceSeconds: number;
  readonly timers: Timers;
  readonly log: Log;
}

export interface RunWorker {
  /** Claims as many runs as there are free places; returns at once. */
  wake(): void;
  inFlight(): number;
  /**
   * Claims nothing more, waits up to the grace for what is in flight, then ends it and gives it back: another worker,
   * or this one after its start, does it again, and the attempt is not counted.
   */
  stop(): Promise<void>;
}

export function createRunWorker({ executor, concurrency, graceSeconds, timers, log }: RunWorkerDeps): RunWorker {
  const inFlight = new Set<Execution>();
  const loop = createJobLoop(
    'claim-runs',
    async (signal) => {
      if (signal.aborted || inFlight.size >= concurrency) return false;
      const execution = await executor.claimNext();
      if (execution === undefined) return false;
      inFlight.add(execution);
      void execution.done.finally(() => {
        inFlight.delete(execution);
        loop.wake();
      });
      return true;
    },
    log,
  );
  return {
    wake: loop.wake,
    inFlight: () => inFlight.size,
    async stop() {
      await loop.stop();
      const settled = Promise.all([...inFlight].map(({ done }) => done));
      let stopTimer = (): void => {};
      const graceOver = new Promise<void>((resolve) => {
        stopTimer = timers.after(graceSeconds * 1000, resolve);
      });
      await Promise.race([settled, graceOver]);
      stopTimer();
      for (const execution of inFlight) execution.stop();
      await settled;
    },
  };
}
