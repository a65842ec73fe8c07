import { NeuroInsightError } from '../domain/errors.ts';
import type { RunReader, RunRow } from '../ports/index.ts';
import { isFinal } from './run-rows.ts';
import type { Timers } from './timers.ts';

/** Tells this process at once what it wrote of a run. Other processes find out by reading. */
export interface RunChanges {
  publish(site: string, row: RunRow): void;
  /** Returns what ends the listening. For the workers: their number is bounded elsewhere. */
  listen(site: string, runId: string, listener: (row: RunRow) => void): () => void;
  /** The same for readers from outside. Throws overloaded when too many watch already. */
  watch(site: string, runId: string, listener: (row: RunRow) => void): () => void;
}

/** @param maxWatchers over all runs; each subscriber of the API is one. */
export function createRunChanges(maxWatchers = 1000): RunChanges {
  const listeners = new Map<string, Set<(row: RunRow) => void>>();
  const keyOf = (site: string, runId: string): string => `${site} ${runId}`;
  let watchers = 0;
  const listen: RunChanges['listen'] = (site, runId, listener) => {
    const key = keyOf(site, runId);
    const own = listeners.get(key) ?? new Set();
    // Wrapped, so that one function given twice is two listeners and each is ended by its own key.
    const wrapped = (row: RunRow): void => listener(row);
    listeners.set(key, own.add(wrapped));
    return () => {
      own.delete(wrapped);
      if (own.size === 0 && listeners.get(key) === own) listeners.delete(key);
    };
  };
  return {
    publish(site, row) {
      for (const listener of listeners.get(keyOf(site, row.id)) ?? []) listener(row);
    },
    listen,
    watch(site, runId, listener) {
      if (watchers >= maxWatchers) throw new NeuroInsightError('overloaded', 'too many watch runs already');
      const unlisten = listen(site, runId, listener);
      watchers++;
      let watching = true;
      return () => {
        if (watching) watchers--;
        watching = false;
        unlisten();
      };
    },
  };
}

export interface WatchDeps {
  readonly changes: RunChanges;
  readonly runs: Pick<RunReader, 'get'>;
  readonly timers: Timers;
  readonly pollMilliseconds: number;
}

/**
 * The row as it stands, then each newer one, until a final state; a reader that is slow sees the newest and misses
 * those between, so that nothing piles up. `return()` ends it at once, also while `next()` waits.
 */
export function watchRun(
  { changes, runs, timers, pollMilliseconds }: WatchDeps,
  site: string,
  runId: string,
): AsyncIterableIterator<RunRow> {
  let newest: RunRow | undefined;
  let told = 0;
  let done = false;
  let wake: () => void = () => {};
  const offer = (row: RunRow): void => {
    if (newest === undefined || row.version > newest.version) newest = row;
  };
  const unlisten = changes.watch(site, runId, (row) => {
    offer(row);
    wake();
  });
  const end = (): IteratorReturnResult<undefined> => {
    done = true;
    unlisten();
    wake();
    return { done: true, value: undefined };
  };
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = timers.after(pollMilliseconds, resolve);
      wake = () => {
        stop();
        resolve();
      };
    });
  const read = async (): Promise<boolean> => {
    const row = await runs.get(site, runId);
    if (row !== undefined) offer(row);
    return row !== undefined;
  };
  const next = async (): Promise<IteratorResult<RunRow, undefined>> => {
    if (told === 0 && !done && !(await read())) return end();
    while (!done) {
      if (newest !== undefined && newest.version > told) {
        told = newest.version;
        return { done: false, value: newest };
      }
      if (newest !== undefined && isFinal(newest.state)) return end();
      await pause();
      if (!done && newest?.version === told && !(await read())) return end();
    }
    return { done: true, value: undefined };
  };
  return {
    next: () =>
      next().catch((error: unknown) => {
        end();
        throw error;
      }),
    return: async () => end(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
