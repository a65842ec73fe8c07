import type { Timers } from './timers.ts';

/** Rings when what arrived last can be quiet: one timer, however much arrives. */
export interface QuietAlarm {
  /** Something arrived. */
  set(): void;
  stop(): void;
}

/** What arrived at this very millisecond must be older than the quiet time when the alarm rings. */
const BEYOND_MILLISECONDS = 10;

/**
 * @param quietMilliseconds How long after the first arrival it rings. What arrives while the timer runs starts another
 * when it has rung; in between the recurring look finds what became quiet.
 */
export function createQuietAlarm(quietMilliseconds: number, timers: Timers, ring: () => void): QuietAlarm {
  let stopTimer: (() => void) | undefined;
  let arrivedSince = false;
  const arm = (): void => {
    arrivedSince = false;
    stopTimer = timers.after(quietMilliseconds + BEYOND_MILLISECONDS, () => {
      stopTimer = undefined;
      ring();
      if (arrivedSince) arm();
    });
  };
  return {
    set() {
      if (stopTimer === undefined) arm();
      else arrivedSince = true;
    },
    stop() {
      stopTimer?.();
      stopTimer = undefined;
      arrivedSince = false;
    },
  };
}
