import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import { createDeliveries } from '../../src/exchange/deliveries.ts';
import type { ApiDeps } from '../../src/http/api/routes.ts';
import type { Runs } from '../../src/http/api/services.ts';
import { createHealth } from '../../src/http/health.ts';
import type { AuditRow, Commit, Destination, OutboxRow, Principal, RunRow } from '../../src/ports/index.ts';

export const ID = '3f0c6d5e-8b1a-4c2d-9e0f-1a2b3c4d5e6f';
export const UID = '1.2.826.0.1.3680043.8.498.1';
export const AT = '2026-11-24T13:33:19.123Z';

function runRow(changes: Partial<RunRow> = {}): RunRow {
  return {
    id: ID,
    key: 'secret-key',
    studyInstanceUid: UID,
    state: 'running',
    version: 2,
    cause: 'request',
    requestedBy: 'key-1',
    traceparent: undefined,
    createdAt: AT,
    date: AT,
    notBefore: AT,
    attempt: 1,
    leaseToken: 'secret-lease',
    leaseUntil: AT,
    step: 'segment',
    percent: 42,
    cancelRequested: false,
    startedAt: AT,
    finishedAt: undefined,
    failure: undefined,
    result: undefined,
    files: {},
    ...changes,
  };
}

export const RESULT = {
  analysisKey: 'a',
  segSopInstanceUid: '2.25.1',
  srSopInstanceUid: '2.25.2',
  pdfSopInstanceUid: '2.25.3',
  diagnosticReport: 'DiagnosticReport/d',
  patient: 'Patient/p',
  leftVolumeMm3: 3000.5,
  rightVolumeMm3: 3100,
  qualityVerdict: 'pass',
};
const LOCATION = { pack: 'secret-pack', offset: 0, length: 1 };
const DONE = runRow({
  state: 'completed',
  version: 9,
  step: undefined,
  percent: 100,
  finishedAt: AT,
  result: RESULT,
  files: { 'report.pdf': LOCATION, 'bundle.json': LOCATION, 'labels.nii.gz': LOCATION, 'overlay.png': LOCATION },
});

/** Runs that remember what they were asked. */
function fakeRuns(asked: unknown[]): Runs {
  const note = async <T>(what: string, principal: Principal, rest: unknown, answer: T): Promise<T> => {
    asked.push([what, principal.name, rest]);
    return answer;
  };
  return {
    request: (principal, wanted) => note('request', principal, wanted, runRow({ state: 'queued', step: undefined })),
    get: async (principal, id) => {
      if (id !== ID) throw new NeuroInsightError('not-found', 'there is no such run');
      return note('get', principal, id, DONE);
    },
    list: (principal, query) => note('list', principal, query, { rows: [DONE, runRow()], total: 7 }),
    log: (principal, id) =>
      note('log', principal, id, [{ runId: id, at: AT, level: 'info' as const, message: 'queued' }]),
    cancel: (principal, id) => note('cancel', principal, id, runRow({ cancelRequested: true })),
    requeue: async () => {
      throw new NeuroInsightError('conflict', 'the run is running');
    },
    file: (principal, id, name) =>
      note('file', principal, [id, name], new TextEncoder().encode(`<${name}>`).subarray(1)),
    subscribe: async function* () {
      yield DONE;
    },
  };
}

const DESTINATION: Destination = {
  name: 'hospital-pacs',
  kind: 'dicomweb',
  url: 'https://user:secret@pacs.example/dicom-web?token=secret#secret',
  authorization: 'Bearer secret',
  timeoutSeconds: 60,
  profile: undefined,
};

function outboxRow(changes: Partial<OutboxRow> = {}): OutboxRow {
  return {
    id: ID,
    key: 'k',
    destination: 'hospital-pacs',
    runId: ID,
    payload: { kind: 'dicom', studyInstanceUid: UID, sopInstanceUids: ['2.25.1'] },
    state: 'dead',
    version: 4,
    createdAt: AT,
    notBefore: AT,
    attempt: 20,
    leaseToken: 'secret',
    leaseUntil: AT,
    deliveredAt: undefined,
    lastError: 'hospital-pacs answered 503',
    traceparent: undefined,
    ...changes,
  };
}

/** The services behind the product API, and what reached them. */
export interface ApiWorld {
  readonly deps: ApiDeps;
  readonly asked: unknown[];
  readonly audited: AuditRow[];
  readonly outbox: Map<string, OutboxRow>;
  /** How often the outbox was told that something waits. */
  queued(): number;
}

export function apiWorld(): ApiWorld {
  const asked: unknown[] = [];
  const audited: AuditRow[] = [];
  const outbox = new Map([[ID, outboxRow()]]);
  let queued = 0;
  const deps = depsOf(asked, audited, outbox, () => {
    queued++;
  });
  return { deps, asked, audited, outbox, queued: () => queued };
}

function depsOf(asked: unknown[], audited: AuditRow[], outbox: Map<string, OutboxRow>, onQueued: () => void): ApiDeps {
  const clock = { now: () => new Date(AT) };
  const ledger = {
    commit: async ({ outbox: changes = [], audit = [] }: Commit) => {
      for (const { row } of changes) outbox.set(row.id, row);
      audited.push(...audit);
      return { sequence: 1 };
    },
  };
  const tracing = { current: () => ({ traceId: 'a'.repeat(32), spanId: 'b', traceparent: '' }) };
  const audit = createAuditTrail({ ledger, clock, ids: { uuid: () => ID }, tracing });
  return {
    runs: fakeRuns(asked),
    deliveries: createDeliveries({
      destinations: [DESTINATION],
      outbox: {
        get: async (_, id) => outbox.get(id),
        list: async (_, { state, destination }) =>
          [...outbox.values()].filter(
            (row) => row.state === (state ?? row.state) && row.destination === (destination ?? row.destination),
          ),
      },
      ledger,
      audit,
      clock,
      onQueued,
    }),
    sites: [
      { name: 'main', title: 'Main site' },
      { name: 'north', title: 'North' },
    ],
    health: createHealth({ probes: { disk: async () => ({ ok: true, detail: { freeMiB: 5000 } }) }, clock }),
    audit,
    publicUrl: 'http://127.0.0.1:8080',
    version: '0.1.0',
  };
}
