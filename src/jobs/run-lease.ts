import { NeuroInsightError } from '../domain/errors.ts';
import type { Change, Clock, Commit, Ledger, RunReader, RunRow } from '../ports/index.ts';
import type { RunChanges } from './run-changes.ts';
import { heartbeat } from './run-rows.ts';
import type { Timers } from './timers.ts';

/** Why the work on a run ends before it is done. */
export type Ending = 'cancelled' | 'lost' | 'stopped' | 'overtime';

export interface LeaseDeps {
  readonly ledger: Ledger;
  readonly runs: Pick<RunReader, 'get'>;
  readonly changes: RunChanges;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly leaseSeconds: number;
}

/** What goes into the same commit as a change of the run. */
export type Beside = Omit<Commit, 'site' | 'runs'>;
export type Transition = (row: RunRow) => Change<RunRow>;

/** One worker's hold on one run. */
export interface RunLease {
  readonly site: string;
  readonly token: string;
  /** The row as it was last read or written. */
  row(): RunRow;
  /** Aborted as soon as the work should end; `ending` says why. */
  readonly signal: AbortSignal;
  ending(): Ending | undefined;
  end(ending: Ending): void;
  /**
   * One commit of the change that `transition` makes of the current row. Throws conflict when something moved on; then
   * the row has been read again, and the lease is ended where it turned out to be another's or cancelled.
   */
  writeOnce(transition: Transition, beside?: Beside): Promise<RunRow>;
  /** The same, repeated on the newer row while this worker still holds it: for changes that depend on nothing else. */
  write(transition: Transition, beside?: Beside): Promise<RunRow>;
  /** Ends the heartbeat; the row stays as it is. */
  close(): void;
}

const REPETITIONS = 5;

const MESSAGES: Record<Ending, string> = {
  cancelled: 'the run was cancelled on request',
  lost: 'another worker may hold the run',
  stopped: 'the worker stops',
  overtime: 'the run took longer than it may',
};

const isConflict = (error: unknown): boolean => error instanceof NeuroInsightError && error.kind === 'conflict';

/**
 * Holds a run that was just claimed: a heartbeat at a third of the lease, writes one after the other, and a signal that
 * says when to stop. A lease that could not be renewed in time counts as lost, whatever the store says later.
 */
export function openLease(deps: LeaseDeps, site: string, claimed: RunRow): RunLease {
  const { ledger, runs, changes, clock, timers, leaseSeconds } = deps;
  const token = claimed.leaseToken!;
  const controller = new AbortController();
  let row = claimed;
  let ended: Ending | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let beating = false;

  const end = (ending: Ending): void => {
    if (ended !== undefined) return;
    ended = ending;
    controller.abort(new NeuroInsightError('cancelled', MESSAGES[ending]));
  };
  const adopt = (newer: RunRow | undefined): void => {
    const held = newer !== undefined && newer.state === 'running' && newer.leaseToken === token;
    if (!held) {
      end('lost');
      return;
    }
    if (newer.version > row.version) row = newer;
    if (newer.cancelRequested) end('cancelled');
  };
  const commitOnce = async (transition: Transition, beside: Beside): Promise<RunRow> => {
    if (ended === 'lost') throw new NeuroInsightError('conflict', MESSAGES.lost);
    let change: Change<RunRow>;
    try {
      change = transition(row);
      await ledger.commit({ ...beside, site, runs: [change] });
    } catch (error) {
      if (isConflict(error)) adopt(await runs.get(site, row.id));
      throw error;
    }
    row = change.row;
    changes.publish(site, row);
    return row;
  };
  const writeOnce: RunLease['writeOnce'] = (transition, beside = {}) => {
    const written = tail.then(() => commitOnce(transition, beside));
    tail = written.catch(() => undefined);
    return written;
  };
  const write: RunLease['write'] = async (transition, beside) => {
    for (let left = REPETITIONS; ; left--) {
      try {
        return await writeOnce(transition, beside);
      } catch (error) {
        if (!isConflict(error) || ended === 'lost' || left === 0) throw error;
      }
    }
  };
  const beat = async (): Promise<void> => {
    if (row.leaseUntil !== undefined && clock.now().toISOString() >= row.leaseUntil) end('lost');
    if (beating || ended === 'lost') return;
    beating = true;
    // What fails here is not the run's fault: the next beat tries again until the lease has run out.
    await write((current) => heartbeat(current, token, leaseSeconds, clock.now())).catch(() => undefined);
    beating = false;
  };
  const stopBeating = timers.every((leaseSeconds * 1000) / 3, () => void beat());
  // Told without asking the store: what this process wrote itself, a request to cancel among it.
  const unlisten = changes.listen(site, claimed.id, (newer) => {
    if (newer.leaseToken === token && newer.cancelRequested) adopt(newer);
  });
  return {
    site,
    token,
    row: () => row,
    signal: controller.signal,
    ending: () => ended,
    end,
    writeOnce,
    write,
    close() {
      stopBeating();
      unlisten();
    },
  };
}
