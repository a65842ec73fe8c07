import { type CircuitBreakerPolicy, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
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
  /** Delivers what is due now; resolves to the number of rows that were tried. */
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
      const tried = await Promise.all(
        [...byDestination].map(([name, rows]) => deliverTo(deps, name, breakers.get(name), rows, signal)),
      );
      return tried.reduce((sum, count) => sum + count, 0);
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
  let tried = 0;
  for (const due of rows) {
    if (signal.aborted) break;
    if (!destination || !breaker) {
      await settle(deps, due, new NeuroInsightError('upstream-refused', `destination ${name} is not configured`));
      continue;
    }
    const leased = await lease(deps, due);
    if (!leased) continue;
    tried++;
    const outcome = await deps.tracing.run(leased.row.traceparent, () =>
      attempt(deps, destination, breaker, leased, signal),
    );
    if (outcome === 'postponed') break;
  }
  return tried;
}

/** Takes the row for this worker; undefined when another was quicker. The attempt is counted before it begins. */
async function lease(deps: DeliveryDeps, { site, row }: Due): Promise<Due | undefined> {
  const until = new Date(deps.clock.now().getTime() + deps.limits.leaseSeconds * 1000);
  const leased: OutboxRow = {
    ...row,
    version: row.version + 1,
    attempt: row.attempt + 1,
    leaseToken: deps.ids.uuid(),
    leaseUntil: until.toISOString(),
  };
  try {
    await deps.ledger.commit({ site, outbox: [{ expected: row.version, row: leased }] });
    return { site, row: leased };
  } catch (error) {
    if (kindOf(error) === 'conflict') return undefined;
    throw error;
  }
}

async function attempt(
  deps: DeliveryDeps,
  destination: Destination,
  breaker: CircuitBreakerPolicy,
  due: Due,
  signal: AbortSignal,
): Promise<'done' | 'postponed'> {
  const started = deps.clock.now().getTime();
  const late = AbortSignal.timeout(deps.limits.leaseSeconds * 900);
  const seconds = (): number => (deps.clock.now().getTime() - started) / 1000;
  try {
    await breaker.execute(() => send(deps, destination, due, AbortSignal.any([signal, late])));
  } catch (error) {
    if (kindOf(error) === undefined || signal.aborted) {
      await postpone(deps, due, error);
      return 'postponed';
    }
    const dead = await settle(deps, due, error as NeuroInsightError);
    deps.metrics.delivery(destination.name, dead ? 'dead' : 'failed', seconds());
    return 'done';
  }
  await markDelivered(deps, due);
  deps.metrics.delivery(destination.name, 'delivered', seconds());
  return 'done';
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
    const run = await completedRun(deps, site, row, now);
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

async function completedRun(
  deps: DeliveryDeps,
  site: string,
  row: OutboxRow,
  now: string,
): Promise<Change<RunRow> | undefined> {
  const run = await deps.runs.get(site, row.runId);
  if (run?.state !== 'built') return undefined;
  const others = await deps.outbox.ofRun(site, row.runId);
  const open = others.some(({ id, state }) => id !== row.id && state !== 'delivered');
  if (open) return undefined;
  return { expected: run.version, row: { ...run, version: run.version + 1, state: 'completed', finishedAt: now } };
}

/** Resolves to whether the row is dead now. A refusal is: nothing changes until somebody changes something. */
async function settle(deps: DeliveryDeps, { site, row }: Due, error: NeuroInsightError): Promise<boolean> {
  const dead = error.kind !== 'upstream-unavailable' || row.attempt >= deps.limits.attempts;
  const now = deps.clock.now();
  const next = released(row, {
    state: dead ? 'dead' : 'pending',
    lastError: error.message,
    notBefore: dead ? row.notBefore : nextAttemptAt(now, row.attempt, deps.random()),
  });
  deps.log.warn(dead ? 'delivery given up' : 'delivery failed', {
    destination: row.destination,
    runId: row.runId,
    error,
  });
  await deps.ledger.commit({
    site,
    outbox: [{ expected: row.version, row: next }],
    runLog: [
      {
        runId: row.runId,
        at: now.toISOString(),
        level: dead ? 'error' : 'warn',
        message: `delivery to ${row.destination} ${dead ? 'given up' : 'failed'}, attempt ${row.attempt}: ${error.message}`,
      },
    ],
    audit: [auditOf(deps, site, row, error)],
  });
  return dead;
}

/** Nothing was tried, or we are stopping: the attempt does not count. A defect is logged and waits as well. */
async function postpone(deps: DeliveryDeps, { site, row }: Due, error: unknown): Promise<void> {
  const notBefore = new Date(deps.clock.now().getTime() + BREAKER_SECONDS * 1000).toISOString();
  const open = (error as { readonly isBrokenCircuitError?: unknown }).isBrokenCircuitError === true;
  const cancelled = kindOf(error) === 'cancelled';
  if (!open && !cancelled)
    deps.log.error('delivery stopped by a defect', { destination: row.destination, error: error as Error });
  const attempts = open || cancelled ? row.attempt - 1 : row.attempt;
  const state = attempts >= deps.limits.attempts ? 'dead' : 'pending';
  await deps.ledger.commit({
    site,
    outbox: [
      {
        expected: row.version,
        row: released(row, { state, attempt: attempts, notBefore: cancelled ? row.notBefore : notBefore }),
      },
    ],
  });
}

function released(row: OutboxRow, change: Partial<OutboxRow>): OutboxRow {
  return { ...row, ...change, version: row.version + 1, leaseToken: undefined, leaseUntil: undefined };
}

function auditOf(deps: DeliveryDeps, site: string, row: OutboxRow, error?: NeuroInsightError) {
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
    outcome: error ? '8' : '0',
    ...(error ? { outcomeDesc: error.kind } : {}),
    entities: [...study, `Task/${row.runId}`],
  });
}

const kindOf = (error: unknown): string | undefined => (error instanceof NeuroInsightError ? error.kind : undefined);
