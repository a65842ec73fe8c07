import { identifiersOf, runKeyOf } from '../../src/analysis/run-key.ts';
import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import { digestOf } from '../../src/domain/identity.ts';
import { fullUrlOf } from '../../src/fhir/result-context.ts';
import { createRunExecutor, type ExecutorDeps, type RunExecutor } from '../../src/jobs/execute-run.ts';
import { createRunChanges } from '../../src/jobs/run-changes.ts';
import { createRunService, type RunService, type RunServiceDeps } from '../../src/jobs/run-service.ts';
import type { QuietDeps } from '../../src/jobs/study-quiet.ts';
import type {
  AnalysisRequest,
  Analyst,
  Destination,
  InstanceRow,
  Log,
  Metrics,
  Principal,
  Tracing,
} from '../../src/ports/index.ts';
import { createManualTime, type ManualTime } from './manual-time.ts';
import { makeResultFixture } from './result-fixture.ts';
import { createRunLedger, type RunLedger } from './run-ledger.ts';

export const STUDY = '1.2.826.0.1.3680043.10.1338.1';
export const ADDRESSEES: readonly Pick<Destination, 'name' | 'kind'>[] = [
  { name: 'pacs', kind: 'dicomweb' },
  { name: 'ehr', kind: 'fhir' },
];

/** One stored MR image of the study; nothing but what the jobs look at. */
export function sourceRow(number: number, overrides: Partial<InstanceRow> = {}): InstanceRow {
  const sopInstanceUid = `${STUDY}.1.${number}`;
  const blob = { pack: 'received', offset: number * 100, length: 100 };
  return {
    studyInstanceUid: STUDY,
    seriesInstanceUid: `${STUDY}.1`,
    sopInstanceUid,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    instanceNumber: number,
    attributes: { study: {}, series: {}, instance: {} },
    blob,
    metadata: blob,
    frames: [],
    receivedSha256: digestOf([sopInstanceUid]),
    storedSha256: digestOf([sopInstanceUid]),
    receivedAt: '2026-11-24T07:59:00.000Z',
    receivedFrom: 'key',
    isSource: true,
    ...overrides,
  };
}

export const engineer: Principal = {
  kind: 'api-key',
  id: 'key-1',
  name: 'engineer',
  site: 'main',
  scopes: 'system/*.cruds',
  address: '127.0.0.1',
};

export interface FakeAnalyst extends Analyst {
  readonly calls: AnalysisRequest[];
  /** Awaited in the middle of each analysis. */
  work: (request: AnalysisRequest, signal: AbortSignal) => Promise<void>;
}

/** Answers with the fixture's numbers under identifiers that derive from the instances; files are a few bytes each. */
export function createFakeAnalyst(): FakeAnalyst {
  const { result: made } = makeResultFixture();
  const self: FakeAnalyst = {
    fingerprint: 'fake-1',
    calls: [],
    work: async () => {},
    async analyse(request, onProgress, signal) {
      self.calls.push(request);
      onProgress('read-headers', 0);
      onProgress('segment', 0.4);
      await self.work(request, signal);
      onProgress('encode', 0.8);
      const sources = request.instances.map(({ sopInstanceUid }) => ({ ...made.sourceHeader, sopInstanceUid }));
      const runKey = runKeyOf({
        instances: sources,
        pixelDigest: digestOf(request.instances.map(({ storedSha256 }) => storedSha256)),
        model: made.model,
        parameters: {},
        normSet: '',
        softwareVersion: '1',
      });
      const createdAt = (await request.dateOfEarlierRun(runKey)) ?? request.date;
      const result = { ...made, runKey, createdAt, identifiers: identifiersOf(runKey) };
      const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [] };
      const names = ['measurements.json', 'seg.dcm', 'sr.dcm', 'report.pdf', 'report.dcm', 'overlay/01.dcm'];
      const files = names.map((name) => ({ name, bytes: Buffer.from(`${name} ${runKey} ${createdAt}`) }));
      files.push({ name: 'bundle.json', bytes: Buffer.from(JSON.stringify({ ...bundle, id: runKey })) });
      return { result, files, times: { segment: 400, encode: 100 } };
    },
    residentBytes: () => undefined,
    close: async () => {},
  };
  return self;
}

/** Packs as an array: what was appended, sealed and discarded. */
export interface FakePack {
  readonly id: string;
  bytes: Uint8Array;
  sealed: boolean;
  discarded: boolean;
}

export interface RunWorld {
  readonly time: ManualTime;
  readonly store: RunLedger;
  readonly analyst: FakeAnalyst;
  readonly packs: FakePack[];
  readonly prepared: string[];
  readonly logged: string[];
  readonly finished: string[];
  readonly steps: string[];
  readonly nudges: string[];
  readonly deps: ExecutorDeps & RunServiceDeps & QuietDeps;
  readonly service: RunService;
  /** A worker of its own, as another process would have it but for the changes it hears of. */
  worker(overrides?: Partial<ExecutorDeps>): RunExecutor;
}

function recorders(world: Pick<RunWorld, 'logged' | 'finished' | 'steps'>): {
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
} {
  const write = (message: string): void => {
    world.logged.push(message);
  };
  const metrics: Metrics = {
    httpRequest: () => {},
    runStep: (step) => world.steps.push(step),
    runFinished: (state) => world.finished.push(state),
    delivery: () => {},
    pulled: () => {},
    commit: () => {},
    damage: () => {},
    gauge: () => {},
    text: async () => '',
  };
  const trace = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  };
  return {
    log: { info: write, warn: write, error: write },
    metrics,
    tracing: { current: () => trace, run: (_, work) => work() },
  };
}

/** The result's instances as rows of one pack, with the run's files behind them. */
function fakeResults(packs: FakePack[]): ExecutorDeps['results'] {
  return {
    async prepareInstances(_, files, receivedFrom) {
      const pack: FakePack = { id: `pack-${packs.length}`, bytes: new Uint8Array(0), sealed: false, discarded: false };
      packs.push(pack);
      const append = async (bytes: Uint8Array) => {
        const location = { pack: pack.id, offset: pack.bytes.length, length: bytes.length };
        pack.bytes = Buffer.concat([pack.bytes, bytes]);
        return location;
      };
      const rows: InstanceRow[] = [];
      for (const bytes of files) {
        const sha256 = digestOf([bytes]);
        // Name and run key name the object; the date behind them is what would make it differ.
        const sopInstanceUid = Buffer.from(bytes).toString().split(' ').slice(0, 2).join(' ');
        const row = { sopInstanceUid, receivedSha256: sha256, storedSha256: sha256, receivedFrom, isSource: false };
        rows.push(sourceRow(0, { ...row, blob: await append(bytes) }));
      }
      return {
        rows,
        append,
        seal: async () => {
          pack.sealed = true;
          return { packs: [], studyKeys: [] };
        },
        discard: async () => {
          pack.discarded = true;
        },
      };
    },
  };
}

/** Everything the jobs need, with time and failures in the hands of the test. */
export function createRunWorld({ destinations = [] as readonly Pick<Destination, 'name' | 'kind'>[] } = {}): RunWorld {
  const time = createManualTime();
  const store = createRunLedger();
  const analyst = createFakeAnalyst();
  const packs: FakePack[] = [];
  const prepared: string[] = [];
  const seen = { logged: [] as string[], finished: [] as string[], steps: [] as string[], nudges: [] as string[] };
  let number = 0;
  const ids = { uuid: () => `id-${++number}` };
  const recorded = recorders(seen);
  const deps: RunWorld['deps'] = {
    ...recorded,
    ...store,
    audit: createAuditTrail({ ledger: store.ledger, clock: time.clock, ids, tracing: recorded.tracing }),
    clock: time.clock,
    timers: time.timers,
    ids,
    analyst,
    analystFingerprint: analyst.fingerprint,
    changes: createRunChanges(),
    destinations,
    results: fakeResults(packs),
    records: {
      async prepareTransaction(_, bundle) {
        prepared.push(bundle.id!);
        const references = new Map([
          [fullUrlOf(bundle.id!, 'report'), 'DiagnosticReport/1'],
          [fullUrlOf(bundle.id!, 'patient'), 'Patient/1'],
        ]);
        return { resources: [], noneMatching: [], references };
      },
    },
    blobs: {
      read: async ({ pack, offset, length }) =>
        packs.find(({ id }) => id === pack)!.bytes.subarray(offset, offset + length),
    },
    sites: ['main'],
    limits: {
      leaseSeconds: 30,
      runSeconds: 600,
      maxAttempts: 3,
      backoffSeconds: 10,
      progressMilliseconds: 1000,
      quietSeconds: 20,
      queue: 100,
      pollMilliseconds: 1000,
    },
    onQueued: () => seen.nudges.push('claim-runs'),
    onOutbox: () => seen.nudges.push('deliver-outbox'),
  };
  return {
    ...seen,
    time,
    store,
    analyst,
    packs,
    prepared,
    deps,
    service: createRunService(deps),
    worker: (overrides = {}) => createRunExecutor({ ...deps, ...overrides }),
  };
}
