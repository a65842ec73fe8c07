import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  Access,
  AuditTrail,
  BlobStore,
  Change,
  Clock,
  DicomIndex,
  Ids,
  Ledger,
  Principal,
  RunLogLine,
  RunQuery,
  RunReader,
  RunRow,
  Tracing,
} from '../ports/index.ts';
import { type RunChanges, watchRun } from './run-changes.ts';
import { runRowKeyOf, sourcesOf } from './run-identity.ts';
import { isFinal, queueRun, requestCancel, requeueRun } from './run-rows.ts';
import type { Timers } from './timers.ts';

export interface RunServiceLimits {
  /** Runs that wait or run, over all sites; one more is refused with overloaded. */
  readonly queue: number;
  /** How often a subscription looks for what other processes wrote. */
  readonly pollMilliseconds: number;
}

export interface RunServiceDeps {
  readonly runs: RunReader;
  readonly ledger: Ledger;
  readonly dicom: DicomIndex;
  readonly blobs: Pick<BlobStore, 'read'>;
  readonly audit: AuditTrail;
  readonly analystFingerprint: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tracing: Tracing;
  readonly changes: RunChanges;
  readonly timers: Timers;
  readonly limits: RunServiceLimits;
  /** Told after a commit that left a run to be claimed. */
  readonly onQueued?: () => void;
}

/** Runs for those who ask from outside. Permission: Task c (request), r, s (list), u (cancel, requeue). */
export interface RunService {
  /**
   * The run of the study as it stands: a new one, the one that is there already, or one that failed and waits again.
   * Throws not-found, no-usable-series, overloaded.
   */
  request(principal: Principal, asked: { readonly studyInstanceUid: string }): Promise<RunRow>;
  get(principal: Principal, id: string): Promise<RunRow>;
  /** Newest first; at most 1000 rows. */
  list(principal: Principal, query: RunQuery): Promise<{ readonly rows: readonly RunRow[]; readonly total: number }>;
  log(principal: Principal, id: string): Promise<readonly RunLogLine[]>;
  /** Throws conflict for a run that has ended. */
  cancel(principal: Principal, id: string): Promise<RunRow>;
  /** Throws conflict unless the run is dead, refused or cancelled. */
  requeue(principal: Principal, id: string): Promise<RunRow>;
  /** Bytes of a file that the run made and that is no DICOM: report.pdf, bundle.json ... Throws not-found. */
  file(principal: Principal, id: string, name: string): Promise<Uint8Array>;
  /** The row as it stands, then each newer one, until the run has ended. Permission is asked at the first `next()`. */
  subscribe(principal: Principal, id: string): AsyncIterable<RunRow>;
}

const REPETITIONS = 5;
const LONGEST_PAGE = 1000;
const WAITING_OR_RUNNING = ['queued', 'running'] as const;

/** Throws overloaded when as many runs wait or run as the queue holds. */
export async function assertRoom(runs: Pick<RunReader, 'countByState'>, queue: number): Promise<void> {
  const counts = await runs.countByState();
  const open = WAITING_OR_RUNNING.reduce((sum, state) => sum + counts[state], 0);
  if (open >= queue) throw new NeuroInsightError('overloaded', `${open} runs wait already; try again later`);
}

export function createRunService(deps: RunServiceDeps): RunService {
  const { runs, blobs, audit } = deps;
  return {
    request: (principal, { studyInstanceUid }) =>
      guarded(deps, principal, 'c', 'api/run-request', [`urn:oid:${studyInstanceUid}`], () =>
        repeated(() => requestOnce(deps, principal, studyInstanceUid)),
      ),
    get: (principal, id) =>
      guarded(deps, principal, 'r', 'api/run-read', [`Task/${id}`], async () => {
        const row = await existing(runs, principal, id);
        await audit.record(accessTo(principal, 'R', 'api/run-read', row));
        return row;
      }),
    list: (principal, query) =>
      guarded(deps, principal, 's', 'api/run-list', [], async () => {
        const { limit, offset } = query;
        const bounded = Number.isInteger(limit) && limit >= 0 && limit <= LONGEST_PAGE;
        if (!bounded || !Number.isInteger(offset) || offset < 0) {
          throw new NeuroInsightError('invalid-request', `limit is 0 to ${LONGEST_PAGE}, offset not below 0`);
        }
        const page = await runs.list(principal.site, query);
        const entities = page.rows.map(({ id }) => `Task/${id}`);
        const patients = [...new Set(page.rows.flatMap(({ result }) => (result ? [result.patient] : [])))];
        await audit.record({ principal, action: 'E', interaction: 'api/run-list', entities, patients });
        return page;
      }),
    log: (principal, id) =>
      guarded(deps, principal, 'r', 'api/run-log', [`Task/${id}`], async () => {
        const row = await existing(runs, principal, id);
        const lines = await runs.log(principal.site, id);
        await audit.record(accessTo(principal, 'R', 'api/run-log', row));
        return lines;
      }),
    cancel: (principal, id) =>
      guarded(deps, principal, 'u', 'api/run-cancel', [`Task/${id}`], () =>
        repeated(async () => {
          const row = await existing(runs, principal, id);
          if (row.state === 'running' && row.cancelRequested) return row;
          return apply(deps, principal, requestCancel(row, deps.clock.now()), 'api/run-cancel', 'cancel requested');
        }),
      ),
    requeue: (principal, id) =>
      guarded(deps, principal, 'u', 'api/run-requeue', [`Task/${id}`], () =>
        repeated(async () => requeue(deps, principal, await existing(runs, principal, id), 'api/run-requeue')),
      ),
    file: (principal, id, name) =>
      guarded(deps, principal, 'r', 'api/run-file', [`Task/${id}`], async () => {
        const row = await existing(runs, principal, id);
        const location = Object.hasOwn(row.files, name) ? row.files[name] : undefined;
        if (location === undefined) throw new NeuroInsightError('not-found', 'the run has no such file');
        const bytes = await blobs.read(location);
        await audit.record({ ...accessTo(principal, 'R', 'api/run-file', row), query: `name=${name}` });
        return bytes;
      }),
    subscribe: (principal, id) => ({
      [Symbol.asyncIterator]: () => subscription(deps, principal, id),
    }),
  };
}

/** Opens the watch at the first `next()`, after permission was asked and the access written down. */
function subscription(deps: RunServiceDeps, principal: Principal, id: string): AsyncIterator<RunRow> {
  let watching: AsyncIterator<RunRow> | undefined;
  let ended = false;
  const open = (): Promise<AsyncIterator<RunRow>> =>
    guarded(deps, principal, 'r', 'api/run-watch', [`Task/${id}`], async () => {
      const row = await existing(deps.runs, principal, id);
      await deps.audit.record(accessTo(principal, 'R', 'api/run-watch', row));
      return watchRun({ ...deps, pollMilliseconds: deps.limits.pollMilliseconds }, principal.site, id);
    });
  return {
    async next() {
      if (ended) return { done: true, value: undefined };
      watching ??= await open();
      if (ended) await watching.return?.();
      return watching.next();
    },
    async return() {
      ended = true;
      await watching?.return?.();
      return { done: true, value: undefined };
    },
  };
}

type Action = 'c' | 'r' | 'u' | 's';
const AUDIT_ACTIONS: Record<Action, Access['action']> = { c: 'C', r: 'R', u: 'U', s: 'E' };

/** Asks for the permission; a refusal, and a foreseen failure, is written down as well. */
async function guarded<T>(
  { audit }: RunServiceDeps,
  principal: Principal,
  action: Action,
  interaction: string,
  entities: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    requirePermission(principal, action, 'Task');
    return await work();
  } catch (error) {
    if (error instanceof NeuroInsightError) {
      const failed = { outcome: '4', outcomeDesc: error.kind, entities } as const;
      await audit.record({ principal, action: AUDIT_ACTIONS[action], interaction, ...failed });
    }
    throw error;
  }
}

/** Work that reads and then writes, again when somebody else wrote between; the last conflict is the caller's. */
async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let left = REPETITIONS; ; left--) {
    try {
      return await work();
    } catch (error) {
      const raced = error instanceof RacedError;
      if (!raced) throw error;
      if (left === 0) throw error.conflict;
    }
  }
}

/** A conflict of the commit, unlike one of the state, which no repetition changes. */
class RacedError extends Error {
  readonly conflict: NeuroInsightError;

  constructor(conflict: NeuroInsightError) {
    super(conflict.message);
    this.conflict = conflict;
  }
}

async function existing(runs: RunReader, { site }: Principal, id: string): Promise<RunRow> {
  const row = await runs.get(site, id);
  if (row === undefined) throw new NeuroInsightError('not-found', 'there is no such run');
  return row;
}

async function requestOnce(deps: RunServiceDeps, principal: Principal, studyInstanceUid: string): Promise<RunRow> {
  const { dicom, runs, clock, ids, tracing, limits } = deps;
  const { site } = principal;
  // The study before its instances: what arrives between is considered again, never forgotten.
  const study = await dicom.study(site, studyInstanceUid);
  if (study === undefined) throw new NeuroInsightError('not-found', 'there is no such study');
  const sources = sourcesOf(await dicom.instances(site, { studyInstanceUid }));
  if (sources.length === 0) throw new NeuroInsightError('no-usable-series', 'the study holds no image to measure');
  const key = runRowKeyOf(studyInstanceUid, sources, deps.analystFingerprint);
  const known = await runs.findByKey(site, key);
  if (known !== undefined && isFinal(known.state) && known.state !== 'completed') {
    return requeue(deps, principal, known, 'api/run-request');
  }
  if (known !== undefined) {
    await deps.audit.record(accessTo(principal, 'C', 'api/run-request', known));
    return known;
  }
  await assertRoom(runs, limits.queue);
  const { traceparent } = tracing.current();
  const run = {
    id: ids.uuid(),
    key,
    studyInstanceUid,
    cause: 'request',
    requestedBy: principal.id,
    traceparent,
  } as const;
  const { sourceReceivedAt } = study;
  const considered = sourceReceivedAt === undefined ? [] : [{ studyInstanceUid, sourceReceivedAt }];
  return apply(deps, principal, queueRun(run, clock.now()), 'api/run-request', 'requested', { considered });
}

async function requeue(deps: RunServiceDeps, principal: Principal, row: RunRow, interaction: string): Promise<RunRow> {
  const asked = { requestedBy: principal.id, traceparent: deps.tracing.current().traceparent };
  const change = requeueRun(row, asked, deps.clock.now());
  await assertRoom(deps.runs, deps.limits.queue);
  return apply(deps, principal, change, interaction, `queued again after it was ${row.state}`);
}

async function apply(
  { ledger, audit, changes, clock, onQueued }: RunServiceDeps,
  principal: Principal,
  change: Change<RunRow>,
  interaction: string,
  message: string,
  beside: { readonly considered?: readonly { studyInstanceUid: string; sourceReceivedAt: string }[] } = {},
): Promise<RunRow> {
  const { row, expected } = change;
  const action = expected === 0 ? 'C' : 'U';
  try {
    await ledger.commit({
      ...beside,
      site: principal.site,
      runs: [change],
      runLog: [{ runId: row.id, at: clock.now().toISOString(), level: 'info', message }],
      audit: [audit.rowOf(accessTo(principal, action, interaction, row))],
    });
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'conflict') throw new RacedError(error);
    throw error;
  }
  changes.publish(principal.site, row);
  if (row.state === 'queued') onQueued?.();
  return row;
}

function accessTo(principal: Principal, action: Access['action'], interaction: string, row: RunRow): Access {
  return {
    principal,
    action,
    interaction,
    patients: row.result ? [row.result.patient] : [],
    entities: [`Task/${row.id}`, `urn:oid:${row.studyInstanceUid}`],
  };
}
