import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  isBrokenCircuitError,
} from 'cockatiel';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  BlobStore,
  Change,
  Clients,
  Clock,
  Destination,
  DicomIndex,
  Ids,
  Ledger,
  Log,
  Metrics,
  OutboxReader,
  OutboxRow,
  Principal,
  RunReader,
  RunRow,
  Tracing,
} from '../ports/index.ts';
import { nextAttemptAt } from './backoff.ts';

export interface DeliveryDeps {
  readonly outbox: OutboxReader;
  readonly runs: RunReader;
  readonly dicom: DicomIndex;
  readonly blobs: BlobStore;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly clients: Clients;
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  readonly ids: Ids;
  /** 0 to 1, for the spread of retries. */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly limits: DeliveryLimits;
}

export interface DeliveryLimits {
  /** Failed attempts before a row is dead. */
  readonly attempts: number;
  /** How long one attempt may take before another worker may think it lost. */
  readonly leaseSeconds: number;
}

export interface OutboxDelivery {
  /** Delivers what is due now; resolves to the number of rows that were settled: more may be due when there are any. */
  deliverDue(signal: AbortSignal): Promise<number>;
  /** closed, open or half-open, by destination. */
  breakers(): Readonly<Record<string, string>>;
}

interface Due {
  readonly site: string;
  readonly row: OutboxRow;
}

const ROWS_AT_ONCE = 50;
const BREAKER_FAILURES = 5;
const BREAKER_SECONDS = 30;

/**
 * Delivers the outbox: rows of one destination one after the other, destinations beside each other. A destination that
 * fails five times in a row is left alone for half a minute and costs its rows no attempt meanwhile.
 */
export function createOutboxDelivery(deps: DeliveryDeps): OutboxDelivery {
  const breakers = new Map(deps.destinations.map(({ name }) => [name, openBreaker()]));
  return {
    async deliverDue(signal) {
      const due = await deps.outbox.due(deps.clock.now().toISOString(), ROWS_AT_ONCE);
      const byDestination = Map.groupBy(due, ({ row }) => row.destination);
      const ended = await Promise.allSettled(
        [...byDestination].map(([name, rows]) => deliverTo(deps, name, breakers.get(name), rows, signal)),
      );
      // None is left running when a store that takes nothing ends the look.
      return ended.reduce((sum, outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return sum + outcome.value;
      }, 0);
    },
    breakers: () => Object.fromEntries([...breakers].map(([name, { state }]) => [name, BREAKER_STATE[state]])),
  };
}

const BREAKER_STATE: Record<CircuitState, string> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'isolated',
};

function openBreaker(): CircuitBreakerPolicy {
  const unavailable = handleWhen((error) => kindOf(error) === 'upstream-unavailable');
  return circuitBreaker(unavailable, {
    halfOpenAfter: BREAKER_SECONDS * 1000,
    breaker: new ConsecutiveBreaker(BREAKER_FAILURES),
  });
}

async function deliverTo(
  deps: DeliveryDeps,
  name: string,
  breaker: CircuitBreakerPolicy | undefined,
  rows: readonly Due[],
  signal: AbortSignal,
): Promise<number> {
  const destination = deps.destinations.find((candidate) => candidate.name === name);
  // A start without the peers file must not give up what was promised: it waits until the destination is back.
  if (!destination || !breaker) return leaveAlone(deps, rows, `destination ${name} is not configured`);
  let settled = 0;
  for (const [index, due] of rows.entries()) {
    if (signal.aborted) break;
    const outcome = await deps.tracing.run(due.row.traceparent, () =>
      unlessTakenOver(deps, due, () => attempt(deps, destination, breaker, due, signal)),
    );
    if (outcome === 'settled') settled++;
    if (outcome === 'left-alone') return settled + (await leaveAlone(deps, rows.slice(index)));
  }
  return settled;
}

/** settled: the row says what came of the attempt; passed-over: another worker's, or we stop. */
type Outcome = 'settled' | 'passed-over' | 'left-alone';

/** What another worker has taken over, since our lease ran out or it was quicker, is its own. */
async function unlessTakenOver(deps: DeliveryDeps, { row }: Due, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error;
    deps.log.info('a delivery is with another worker', { destination: row.destination, runId: row.runId });
    return 'passed-over';
  }
}

/** Takes the row for this worker. The attempt is counted before it begins. @throws conflict: another was quicker. */
async function lease(deps: DeliveryDeps, { site, row }: Due): Promise<Due> {
  const until = new Date(deps.clock.now().getTime() + deps.limits.leaseSeconds * 1000);
  const leased: OutboxRow = {
    ...row,
    version: row.version + 1,
    attempt: row.attempt + 1,
    leaseToken: deps.ids.uuid(),
    leaseUntil: until.toISOString(),
  };
  await deps.ledger.commit({ site, outbox: [{ expected: row.version, row: leased }] });
  return { site, row: leased };
}

async function attempt(
  deps: DeliveryDeps,
  destination: Destination,
  breaker: CircuitBreakerPolicy,
  due: Due,
  signal: AbortSignal,
): Promise<Outcome> {
  const started = deps.clock.now().getTime();
  const seconds = (): number => (deps.clock.now().getTime() - started) / 1000;
  const taken: { leased?: Due } = {};
  try {
    await breaker.execute(async () => {
      taken.leased = await lease(deps, due);
      await sendInTime(deps, destination, taken.leased, signal);
    });
  } catch (error) {
    if (isBrokenCircuitError(error)) return 'left-alone';
    if (!taken.leased) throw error;
    if (signal.aborted) return giveBack(deps, taken.leased);
    const dead = isDead(deps, taken.leased.row, error);
    await fail(deps, taken.leased, error);
    deps.metrics.delivery(destination.name, dead ? 'dead' : 'failed', seconds());
    return 'settled';
  }
  await markDelivered(deps, taken.leased!);
  deps.metrics.delivery(destination.name, 'delivered', seconds());
  return 'settled';
}

/** Ends before the lease does: after that another worker may send the same. */
async function sendInTime(deps: DeliveryDeps, destination: Destination, due: Due, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(deps.limits.leaseSeconds * 900);
  try {
    await send(deps, destination, due, AbortSignal.any([signal, late]));
  } catch (error) {
    if (!late.aborted || signal.aborted) throw error;
    const message = `${destination.name} took longer than a delivery may`;
    throw new NeuroInsightError('upstream-unavailable', message, { cause: error });
  }
}

async function send(
  deps: DeliveryDeps,
  destination: Destination,
  { site, row }: Due,
  signal: AbortSignal,
): Promise<void> {
  const { payload } = row;
  if (payload.kind === 'fhir') {
    await deps.clients.ehr(destination).send(await deps.blobs.read(payload.bundle), signal);
    return;
  }
  const { studyInstanceUid, sopInstanceUids } = payload;
  const instances = await deps.dicom.findInstances(site, sopInstanceUids);
  if (instances.length !== sopInstanceUids.length) {
    throw new NeuroInsightError('not-found', 'an object to deliver is no longer stored');
  }
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (const { blob } of instances) yield await deps.blobs.read(blob);
  };
  const held = new Set(await deps.clients.pacs(destination).store(studyInstanceUid, bytes(), signal));
  const missing = sopInstanceUids.filter((uid) => !held.has(uid));
  if (missing.length > 0) {
    throw new NeuroInsightError(
      'upstream-refused',
      `${destination.name} does not say that it holds ${missing.length} objects`,
    );
  }
}

/** The row and, when it was the last one open, its run: in one commit, repeated while others finish beside it. */
async function markDelivered(deps: DeliveryDeps, { site, row }: Due): Promise<void> {
  const now = deps.clock.now().toISOString();
  const delivered = released(row, { state: 'delivered', deliveredAt: now, lastError: undefined });
  for (;;) {
    const run = await changeOfRun(deps, site, row, now);
    try {
      await deps.ledger.commit({
        site,
        outbox: [{ expected: row.version, row: delivered }],
        ...(run ? { runs: [run] } : {}),
        runLog: [{ runId: row.runId, at: now, level: 'info', message: `delivered to ${row.destination}` }],
        audit: [auditOf(deps, site, row)],
      });
      return;
    } catch (error) {
      const current = await deps.outbox.get(site, row.id);
      // Another worker owns the row by now: what it does decides. The peer has the objects in any case.
      if (kindOf(error) !== 'conflict' || current?.version !== row.version) throw error;
    }
  }
}

/**
 * A run that waits for its deliveries gets a new version with each of them, so that of two which end together the
 * second looks again: otherwise each would take the other for open, and the run would never be completed.
 */
async function changeOfRun(
  deps: DeliveryDeps,
  site: string,
  row: OutboxRow,
  now: string,
): Promise<Change<RunRow> | undefined> {
  const run = await deps.runs.get(site, row.runId);
  if (run?.state !== 'built') return undefined;
  const others = await deps.outbox.ofRun(site, row.runId);
  const open = others.some(({ id, state }) => id !== row.id && state !== 'delivered');
  const completed: Partial<RunRow> = open ? {} : { state: 'completed', finishedAt: now };
  return { expected: run.version, row: { ...run, ...completed, version: run.version + 1 } };
}

/** Whether the row is given up: at once after a refusal, since nothing changes until somebody changes something. */
function isDead(deps: DeliveryDeps, row: OutboxRow, error: unknown): boolean {
  const kind = kindOf(error);
  const passing = kind === undefined || kind === 'upstream-unavailable' || kind === 'cancelled';
  return !passing || row.attempt >= deps.limits.attempts;
}

/** A failed attempt: the row waits for its next one, or is dead. A defect waits too; its words are for the log alone. */
async function fail(deps: DeliveryDeps, { site, row }: Due, error: unknown): Promise<'settled'> {
  const { destination, runId } = row;
  const dead = isDead(deps, row, error);
  const now = deps.clock.now();
  const reason = error instanceof NeuroInsightError ? error.message : 'a defect of this server';
  const next = released(row, {
    state: dead ? 'dead' : 'pending',
    lastError: reason,
    notBefore: dead ? row.notBefore : nextAttemptAt(now, row.attempt, deps.random()),
  });
  const severity = kindOf(error) === undefined ? 'error' : 'warn';
  deps.log[severity](dead ? 'delivery given up' : 'delivery failed', { destination, runId, error: error as Error });
  const what = `delivery to ${destination} ${dead ? 'given up' : 'failed'}, attempt ${row.attempt}: ${reason}`;
  await deps.ledger.commit({
    site,
    outbox: [{ expected: row.version, row: next }],
    runLog: [{ runId, at: now.toISOString(), level: dead ? 'error' : 'warn', message: what }],
    audit: [auditOf(deps, site, row, kindOf(error) ?? 'defect')],
  });
  return 'settled';
}

/** We stop: the attempt does not count. */
async function giveBack(deps: DeliveryDeps, { site, row }: Due): Promise<'passed-over'> {
  const pending = released(row, { attempt: row.attempt - 1 });
  await deps.ledger.commit({ site, outbox: [{ expected: row.version, row: pending }] });
  return 'passed-over';
}

/**
 * Rows whose destination is left alone come back when it is tried again: while they waited as due, they would fill
 * every look and keep the other destinations out. Resolves to how many were put off.
 */
async function leaveAlone(deps: DeliveryDeps, rows: readonly Due[], reason?: string): Promise<number> {
  const notBefore = new Date(deps.clock.now().getTime() + BREAKER_SECONDS * 1000).toISOString();
  let putOff = 0;
  for (const due of rows) {
    const { site, row } = due;
    const outcome = await unlessTakenOver(deps, due, async () => {
      const next = released(row, { notBefore, lastError: reason ?? row.lastError });
      await deps.ledger.commit({ site, outbox: [{ expected: row.version, row: next }] });
      return 'settled';
    });
    if (outcome === 'settled') putOff++;
  }
  return putOff;
}

function released(row: OutboxRow, change: Partial<OutboxRow>): OutboxRow {
  return { ...row, ...change, version: row.version + 1, leaseToken: undefined, leaseUntil: undefined };
}

function auditOf(deps: DeliveryDeps, site: string, row: OutboxRow, failure?: string) {
  const principal: Principal = {
    kind: 'job',
    id: 'deliver-outbox',
    name: `delivery to ${row.destination}`,
    site,
    scopes: '',
    address: undefined,
  };
  const study = row.payload.kind === 'dicom' ? [`urn:oid:${row.payload.studyInstanceUid}`] : [];
  return deps.audit.rowOf({
    principal,
    action: 'R',
    interaction: `job/deliver-${row.payload.kind}`,
    outcome: failure === undefined ? '0' : '8',
    ...(failure === undefined ? {} : { outcomeDesc: failure }),
    entities: [...study, `Task/${row.runId}`],
  });
}

const kindOf = (error: unknown): string | undefined => (error instanceof NeuroInsightError ? error.kind : undefined);
