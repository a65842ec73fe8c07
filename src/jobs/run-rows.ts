import { type ErrorKind, NeuroInsightError } from '../domain/errors.ts';
import type { BlobLocation, Change, RunFailure, RunResult, RunRow, RunState } from '../ports/index.ts';

/**
 * The life of a run as pure transitions: a row in, the change out. The ledger applies a change only while the version
 * that it was made from is current; a worker's transitions ask for its lease token besides, so that one who lost the
 * lease cannot even form a write. A transition that the state does not allow throws conflict.
 */

/** Named reasons of the input: the stored bytes stay what they are, so another attempt would end the same. */
const REFUSALS: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'not-dicom',
  'truncated',
  'malformed-dicom',
  'limit-exceeded',
  'unsupported-transfer-syntax',
  'malformed-pixels',
  'nothing-to-read',
  'no-usable-series',
  'mixed-patients',
  'mixed-studies',
  'no-pixel-data',
  'missing-geometry',
  'mixed-orientation',
  'mixed-frames-of-reference',
  'mixed-spacing',
  'gantry-tilt',
  'slice-gap',
  'duplicate-slice',
  'too-few-slices',
  'non-finite-pixels',
  'empty-image',
  'poor-geometry',
  'no-hippocampus',
]);

export function isRefusal(kind: RunFailure['kind']): boolean {
  return kind !== 'defect' && REFUSALS.has(kind);
}

/** States that nothing but a new request changes. */
export function isFinal(state: RunState): boolean {
  return state === 'completed' || state === 'refused' || state === 'dead' || state === 'cancelled';
}

/** How often and how far apart a failing run is tried. */
export interface RetryPolicy {
  /** Attempts in all; the last one that fails leaves the row dead. */
  readonly maxAttempts: number;
  /** Seconds before the second attempt; doubled for each one after it. */
  readonly backoffSeconds: number;
}

export interface NewRun {
  readonly id: string;
  readonly key: string;
  readonly studyInstanceUid: string;
  readonly cause: RunRow['cause'];
  readonly requestedBy: string;
  readonly traceparent: string | undefined;
}

const later = (now: Date, seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString();

function changed(row: RunRow, difference: Partial<RunRow>): Change<RunRow> {
  return { expected: row.version, row: { ...row, ...difference, version: row.version + 1 } };
}

function refuseUnless(allowed: boolean, row: RunRow, action: string): void {
  if (!allowed) throw new NeuroInsightError('conflict', `a run that is ${row.state} cannot be ${action}`);
}

function assertHeld(row: RunRow, leaseToken: string, action: string): void {
  refuseUnless(row.state === 'running', row, action);
  if (row.leaseToken !== leaseToken) throw new NeuroInsightError('conflict', 'another worker holds the run');
}

const UNHELD = { leaseToken: undefined, leaseUntil: undefined } as const;

/** A run that waits. Its date is fixed here: every attempt makes the same bytes. */
export function queueRun(run: NewRun, now: Date): Change<RunRow> {
  const at = now.toISOString();
  return {
    expected: 0,
    row: {
      ...run,
      ...UNHELD,
      state: 'queued',
      version: 1,
      createdAt: at,
      date: at,
      notBefore: at,
      attempt: 0,
      step: undefined,
      percent: 0,
      cancelRequested: false,
      startedAt: undefined,
      finishedAt: undefined,
      failure: undefined,
      result: undefined,
      files: {},
    },
  };
}

/** Whether a worker may take the row now: it waits and is due, or its worker has fallen silent. */
export function isClaimable(row: RunRow, now: Date): boolean {
  const at = now.toISOString();
  if (row.state === 'queued') return row.notBefore <= at;
  return row.state === 'running' && (row.leaseUntil === undefined || row.leaseUntil <= at);
}

/** Gives the row to a worker. The attempt is counted before the work starts: one that kills the process counts. */
export function claimRun(
  row: RunRow,
  leaseToken: string,
  leaseSeconds: number,
  { maxAttempts }: RetryPolicy,
  now: Date,
): Change<RunRow> {
  refuseUnless(isClaimable(row, now), row, 'claimed now');
  refuseUnless(row.attempt < maxAttempts && !row.cancelRequested, row, 'tried again');
  return changed(row, {
    state: 'running',
    attempt: row.attempt + 1,
    leaseToken,
    leaseUntil: later(now, leaseSeconds),
    step: undefined,
    percent: 0,
    startedAt: now.toISOString(),
    failure: undefined,
  });
}

/**
 * Settles a row whose worker fell silent and that may not be claimed again: cancelled when that was asked for, dead
 * when its attempts are used up. Undefined where the row can be claimed.
 */
export function settleAbandoned(row: RunRow, { maxAttempts }: RetryPolicy, now: Date): Change<RunRow> | undefined {
  if (!isClaimable(row, now)) return undefined;
  const at = now.toISOString();
  if (row.cancelRequested) return changed(row, { ...UNHELD, state: 'cancelled', finishedAt: at });
  if (row.attempt < maxAttempts) return undefined;
  const failure = row.failure ?? { kind: 'defect', message: 'the worker fell silent in every attempt' };
  return changed(row, { ...UNHELD, state: 'dead', finishedAt: at, failure });
}

export function heartbeat(row: RunRow, leaseToken: string, leaseSeconds: number, now: Date): Change<RunRow> {
  assertHeld(row, leaseToken, 'kept');
  return changed(row, { leaseUntil: later(now, leaseSeconds) });
}

/** Says where the work is; renews the lease as well. `percent` 0 to 100; it never falls. */
export function progressRun(
  row: RunRow,
  leaseToken: string,
  leaseSeconds: number,
  { step, percent }: { readonly step: string; readonly percent: number },
  now: Date,
): Change<RunRow> {
  assertHeld(row, leaseToken, 'moved on');
  const bounded = Math.max(row.percent, Math.min(100, Math.round(percent)));
  return changed(row, { leaseUntil: later(now, leaseSeconds), step, percent: bounded });
}

export interface FinishedRun {
  /** Built when destinations wait for the results, completed when none does. */
  readonly state: 'built' | 'completed';
  readonly result: RunResult;
  readonly files: Readonly<Record<string, BlobLocation>>;
  /** The date that the results carry; that of an earlier run when this one repeated it. */
  readonly date: string;
}

export function finishRun(row: RunRow, leaseToken: string, finished: FinishedRun, now: Date): Change<RunRow> {
  assertHeld(row, leaseToken, 'finished');
  // Whoever asked was told that it ends; nothing may be published after that.
  refuseUnless(!row.cancelRequested, row, 'finished when it is to be cancelled');
  return changed(row, {
    ...UNHELD,
    ...finished,
    step: undefined,
    percent: 100,
    finishedAt: now.toISOString(),
    failure: undefined,
  });
}

/** The last destination has its results. */
export function completeRun(row: RunRow): Change<RunRow> {
  refuseUnless(row.state === 'built', row, 'completed');
  return changed(row, { state: 'completed' });
}

/** A failed attempt: back to the queue, later each time, or dead after the last. Refused for a reason of the input. */
export function failRun(
  row: RunRow,
  leaseToken: string,
  failure: RunFailure,
  { maxAttempts, backoffSeconds }: RetryPolicy,
  now: Date,
): Change<RunRow> {
  assertHeld(row, leaseToken, 'failed');
  const ended = { ...UNHELD, finishedAt: now.toISOString(), failure };
  if (isRefusal(failure.kind)) return changed(row, { ...ended, state: 'refused' });
  if (row.attempt >= maxAttempts) return changed(row, { ...ended, state: 'dead' });
  const notBefore = later(now, backoffSeconds * 2 ** (row.attempt - 1));
  return changed(row, { ...UNHELD, state: 'queued', notBefore, failure, step: undefined, percent: 0 });
}

/** Gives a run back unfinished because the worker stops. The attempt is not counted: it was not the run that failed. */
export function releaseRun(row: RunRow, leaseToken: string, now: Date): Change<RunRow> {
  assertHeld(row, leaseToken, 'given back');
  return changed(row, {
    ...UNHELD,
    state: 'queued',
    attempt: row.attempt - 1,
    notBefore: now.toISOString(),
    step: undefined,
    percent: 0,
  });
}

/** Asks for the end of a run: one that waits ends at once, one that runs when its worker sees the flag. */
export function requestCancel(row: RunRow, now: Date): Change<RunRow> {
  refuseUnless(row.state === 'queued' || row.state === 'running', row, 'cancelled');
  if (row.state === 'running') return changed(row, { cancelRequested: true });
  return changed(row, { state: 'cancelled', cancelRequested: true, finishedAt: now.toISOString() });
}

/** The worker has stopped because it was asked to. */
export function cancelRun(row: RunRow, leaseToken: string, now: Date): Change<RunRow> {
  assertHeld(row, leaseToken, 'cancelled');
  refuseUnless(row.cancelRequested, row, 'cancelled without a request');
  return changed(row, { ...UNHELD, state: 'cancelled', finishedAt: now.toISOString() });
}

/** A person wants it tried again: all attempts are there anew. Key and date stay. */
export function requeueRun(
  row: RunRow,
  asked: { readonly requestedBy: string; readonly traceparent: string | undefined },
  now: Date,
): Change<RunRow> {
  refuseUnless(row.state === 'dead' || row.state === 'refused' || row.state === 'cancelled', row, 'queued again');
  return changed(row, {
    ...UNHELD,
    ...asked,
    state: 'queued',
    cause: 'request',
    notBefore: now.toISOString(),
    attempt: 0,
    cancelRequested: false,
    step: undefined,
    percent: 0,
    startedAt: undefined,
    finishedAt: undefined,
    failure: undefined,
  });
}
