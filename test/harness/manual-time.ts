import type { Timers } from '../../src/jobs/timers.ts';
import type { Clock } from '../../src/ports/index.ts';

/** Lets everything that is already able to go on, go on. */
export async function settled(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Timer {
  at: number;
  readonly period: number | undefined;
  readonly work: () => void;
}

/** A clock that stands until it is moved, and timers that go by it. */
export interface ManualTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Moves the clock, running what comes due in order and letting its promises settle. */
  advance(seconds: number): Promise<void>;
  /** Timers that wait. */
  pending(): number;
}

export function createManualTime(start = '2026-11-24T08:00:00.000Z'): ManualTime {
  let now = Date.parse(start);
  const waiting = new Set<Timer>();
  const add = (milliseconds: number, period: number | undefined, work: () => void): (() => void) => {
    const timer: Timer = { at: now + milliseconds, period, work };
    waiting.add(timer);
    return () => {
      waiting.delete(timer);
    };
  };
  const nextBefore = (end: number): Timer | undefined =>
    [...waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  return {
    clock: { now: () => new Date(now) },
    timers: {
      every: (milliseconds, work) => add(milliseconds, milliseconds, work),
      after: (milliseconds, work) => add(milliseconds, undefined, work),
    },
    async advance(seconds) {
      const end = now + seconds * 1000;
      for (let timer = nextBefore(end); timer !== undefined; timer = nextBefore(end)) {
        now = timer.at;
        if (timer.period === undefined) waiting.delete(timer);
        else timer.at += timer.period;
        timer.work();
        await settled();
      }
      now = end;
      await settled();
    },
    pending: () => waiting.size,
  };
}
