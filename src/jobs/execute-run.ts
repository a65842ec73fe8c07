import { type ErrorKind, NeuroInsightError } from '../domain/errors.ts';
import type {
  AnalysisOutcome,
  Analyst,
  DicomIndex,
  Ids,
  InstanceRow,
  Log,
  Metrics,
  RunFailure,
  RunLogLine,
  RunRow,
  Tracing,
} from '../ports/index.ts';
import { analysisPrincipal, type PublishDeps, publishRun } from './publish-run.ts';
import { runRowKeyOf, sourcesOf } from './run-identity.ts';
import { type LeaseDeps, openLease, type RunLease } from './run-lease.ts';
import {
  cancelRun,
  claimRun,
  failRun,
  progressRun,
  type RetryPolicy,
  releaseRun,
  settleAbandoned,
} from './run-rows.ts';

export interface ExecutorLimits extends RetryPolicy {
  /** How long a worker may be silent before another may claim its run. */
  readonly leaseSeconds: number;
  /** How long one attempt may take. */
  readonly runSeconds: number;
  /** Least time between two progress writes of one step. */
  readonly progressMilliseconds: number;
}

export interface ExecutorDeps extends PublishDeps, Omit<LeaseDeps, 'leaseSeconds' | 'runs' | 'clock'> {
  readonly dicom: DicomIndex;
  readonly analyst: Analyst;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly limits: ExecutorLimits;
  /** Told after a commit that left something for the outbox. */
  readonly onOutbox?: () => void;
}

/** A run that this worker has claimed, with its work under way. */
export interface Execution {
  readonly row: RunRow;
  /** Resolves when the run is settled or given up; never rejects. */
  readonly done: Promise<void>;
  /** Ends the work and gives the run back. */
  stop(): void;
}

export interface RunExecutor {
  /** Claims the oldest run that is due and starts its work; undefined when there is none. */
  claimNext(): Promise<Execution | undefined>;
}

/** How many candidates are looked at before a worker who loses every race waits for the next wake-up. */
const CANDIDATES = 16;
/** Share of the percentage that the analysis takes; the rest is publishing. */
const ANALYSIS_PERCENT = 95;

/**
 * Claims runs and carries them through. What holds exclusivity is the row alone: the claim is a compare-and-set, each
 * later write asks for the lease token, and a worker that falls silent loses the run when the lease has run out.
 */
export function createRunExecutor(deps: ExecutorDeps): RunExecutor {
  return {
    async claimNext() {
      const due = await deps.runs.claimable(deps.clock.now().toISOString(), CANDIDATES);
      for (const { site, row } of due) {
        const claimed = await claim(deps, site, row);
        if (claimed) return start(deps, site, claimed);
      }
      return undefined;
    },
  };
}

/** The claimed row; undefined when another worker was quicker or the run has no attempt left. */
async function claim(deps: ExecutorDeps, site: string, row: RunRow): Promise<RunRow | undefined> {
  const { limits, ledger, changes, ids, metrics } = deps;
  const now = deps.clock.now();
  const settled = settleAbandoned(row, limits, now);
  const change = settled ?? claimRun(row, ids.uuid(), limits.leaseSeconds, limits, now);
  const line = settled
    ? logLine(row.id, now, 'error', `${change.row.state}: ${change.row.failure?.message ?? 'cancelled on request'}`)
    : logLine(row.id, now, 'info', `attempt ${change.row.attempt} of ${limits.maxAttempts}`);
  const audit = settled ? [auditOf(deps, site, change.row, change.row.failure?.kind ?? 'cancelled')] : [];
  try {
    await ledger.commit({ site, runs: [change], runLog: [line], audit });
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'conflict') return undefined;
    throw error;
  }
  changes.publish(site, change.row);
  if (!settled) return change.row;
  metrics.runFinished(change.row.state);
  return undefined;
}

function start(deps: ExecutorDeps, site: string, claimed: RunRow): Execution {
  const lease = openLease({ ...deps, leaseSeconds: deps.limits.leaseSeconds }, site, claimed);
  const done = deps.tracing
    .run(claimed.traceparent, () => carryOut(deps, lease))
    // Nothing more can be done than to say so: the lease runs out and the run is claimed again.
    .catch((error: unknown) =>
      deps.log.error('a run could not be settled', { runId: claimed.id, error: asError(error) }),
    );
  return { row: claimed, done, stop: () => lease.end('stopped') };
}

async function carryOut(deps: ExecutorDeps, lease: RunLease): Promise<void> {
  const { timers, limits, log, metrics } = deps;
  const stopTimer = timers.after(limits.runSeconds * 1000, () => lease.end('overtime'));
  const { id: runId, attempt, notBefore, startedAt } = lease.row();
  metrics.runStep('wait', (Date.parse(startedAt!) - Date.parse(notBefore)) / 1000);
  log.info('run started', { runId, attempt });
  try {
    const outcome = await analyse(deps, lease);
    for (const [step, milliseconds] of Object.entries(outcome.times)) metrics.runStep(step, milliseconds / 1000);
    const began = deps.clock.now().getTime();
    await lease.write((row) => progressRun(row, lease.token, limits.leaseSeconds, PUBLISHING, deps.clock.now()), {
      runLog: [logLine(runId, deps.clock.now(), 'info', timesOf(outcome))],
    });
    const row = await publishRun(deps, lease, outcome);
    metrics.runStep('publish', (deps.clock.now().getTime() - began) / 1000);
    metrics.runFinished(row.state);
    log.info('run finished', { runId, state: row.state });
    if (row.state === 'built') deps.onOutbox?.();
  } catch (error) {
    await settle(deps, lease, error);
  } finally {
    stopTimer();
    lease.close();
  }
}

const PUBLISHING = { step: 'publish', percent: ANALYSIS_PERCENT };

async function analyse(deps: ExecutorDeps, lease: RunLease): Promise<AnalysisOutcome> {
  const { dicom, analyst, runs } = deps;
  const { studyInstanceUid, date, key } = lease.row();
  const instances = sourcesOf(await dicom.instances(lease.site, { studyInstanceUid }));
  if (instances.length === 0) throw new NeuroInsightError('nothing-to-read', 'the study holds no image to measure');
  await sayWhatIsRead(deps, lease, instances, key);
  const progress = progressWriter(deps, lease);
  const request = {
    instances,
    date,
    dateOfEarlierRun: async (analysisKey: string) => (await runs.findByAnalysisKey(lease.site, analysisKey))?.date,
  };
  const work = analyst.analyse(request, progress, lease.signal);
  // An analyst that does not listen to the signal holds up nobody.
  work.catch(() => undefined);
  const outcome = await Promise.race([work, rejectWhenAborted(lease.signal)]);
  lease.signal.throwIfAborted();
  return outcome;
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function sayWhatIsRead(
  deps: ExecutorDeps,
  lease: RunLease,
  instances: readonly InstanceRow[],
  key: string,
): Promise<void> {
  const { id, studyInstanceUid } = lease.row();
  const grown = runRowKeyOf(studyInstanceUid, instances, deps.analyst.fingerprint) !== key;
  const said = `${instances.length} instances to read${grown ? '; the study or the software changed since the request' : ''}`;
  await lease.write((row) => progressRun(row, lease.token, deps.limits.leaseSeconds, READING, deps.clock.now()), {
    runLog: [logLine(id, deps.clock.now(), 'info', said)],
  });
}

const READING = { step: 'read-headers', percent: 0 };

/**
 * Writes progress without holding up the work: at a new step, and within a step not more often than the limit says.
 * While one write is under way the newest waits, the others are dropped.
 */
function progressWriter(deps: ExecutorDeps, lease: RunLease): (step: string, fraction: number) => void {
  const { clock, limits } = deps;
  let writing = false;
  let waiting: { readonly step: string; readonly percent: number } | undefined;
  let last = { step: READING.step, at: clock.now().getTime() };
  const flush = async (): Promise<void> => {
    if (writing) return;
    writing = true;
    while (waiting !== undefined && !lease.signal.aborted) {
      const progress = waiting;
      waiting = undefined;
      // A progress that cannot be written is not worth a failed run.
      await lease
        .write((row) => progressRun(row, lease.token, limits.leaseSeconds, progress, clock.now()))
        .catch(() => undefined);
    }
    writing = false;
  };
  return (step, fraction) => {
    const at = clock.now().getTime();
    if (step === last.step && at - last.at < limits.progressMilliseconds) return;
    last = { step, at };
    waiting = { step, percent: Math.floor(Math.min(1, Math.max(0, fraction)) * ANALYSIS_PERCENT) };
    void flush();
  };
}

/** Writes how an attempt ended that did not end well. */
async function settle(deps: ExecutorDeps, lease: RunLease, error: unknown): Promise<void> {
  const { log, limits, metrics } = deps;
  const runId = lease.row().id;
  const now = deps.clock.now();
  const ending = lease.ending();
  if (ending === 'lost') {
    log.warn('run lost to another worker', { runId });
    return;
  }
  if (ending === 'stopped') {
    const line = logLine(runId, now, 'info', 'given back: the worker stops');
    await lease.write((row) => releaseRun(row, lease.token, now), { runLog: [line] });
    return;
  }
  const failure = failureOf(ending, error);
  const level = ending === 'cancelled' ? 'info' : 'error';
  if (failure.kind === 'defect') log.error('run failed by a defect', { runId, error: asError(error) });
  const row = await lease.write(
    (current) =>
      ending === 'cancelled'
        ? cancelRun(current, lease.token, now)
        : failRun(current, lease.token, failure, limits, now),
    {
      runLog: [logLine(runId, now, level, `${failure.kind}: ${failure.message}`)],
      audit: [auditOf(deps, lease.site, lease.row(), failure.kind)],
    },
  );
  metrics.runFinished(row.state === 'queued' ? 'failed' : row.state);
  log.info('run ended', { runId, state: row.state, kind: failure.kind, attempt: row.attempt });
}

function failureOf(ending: RunLease['ending'] extends () => infer E ? E : never, error: unknown): RunFailure {
  if (ending === 'overtime') return { kind: 'inference-timeout', message: 'the run took longer than it may' };
  if (ending === 'cancelled') return { kind: 'cancelled', message: 'cancelled on request' };
  if (error instanceof NeuroInsightError) return { kind: error.kind, message: error.message };
  return { kind: 'defect', message: 'an unforeseen error; the log of the server has it under this run' };
}

function auditOf({ audit }: ExecutorDeps, site: string, row: RunRow, kind: ErrorKind | 'defect') {
  return audit.rowOf({
    principal: analysisPrincipal(site),
    action: 'E',
    interaction: 'job/analyse',
    outcome: kind === 'cancelled' ? '4' : '8',
    outcomeDesc: kind,
    entities: [`Task/${row.id}`, `urn:oid:${row.studyInstanceUid}`],
  });
}

function timesOf({ times }: AnalysisOutcome): string {
  const steps = Object.entries(times).map(([step, milliseconds]) => `${step} ${Math.round(milliseconds)} ms`);
  return `measured: ${steps.join(', ')}`;
}

const logLine = (runId: string, at: Date, level: RunLogLine['level'], message: string): RunLogLine => ({
  runId,
  at: at.toISOString(),
  level,
  message,
});

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
