import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import { createOutboxDelivery, type DeliveryDeps, type OutboxDelivery } from '../../src/exchange/outbox-delivery.ts';
import type {
  BlobStore,
  Clients,
  Commit,
  Destination,
  EhrClient,
  Ledger,
  Log,
  Metrics,
  OutboxRow,
  PacsClient,
  RunRow,
  Tracing,
} from '../../src/ports/index.ts';
import { openMemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { Store } from '../../src/storage/store.ts';
import { AT, instanceRow, outboxRow, runRow } from '../contract/store-rows.ts';

export const SITE = 'main';
export const STUDY = '1.2.3';
export const OBJECTS = ['1.2.3.4', '1.2.3.5'] as const;

export interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export interface ExchangeWorld {
  readonly store: Store;
  readonly lines: LoggedLine[];
  /** What metrics were told of deliveries and pulls, as text. */
  readonly counted: string[];
  readonly clients: Clients;
  /** What the peers do; each answers with success until the test says otherwise. */
  pacs: PacsClient;
  ehr: EhrClient;
  /** Thrown at the next commit that it says so of; nothing is written then. */
  refuse: (commit: Commit) => Error | undefined;
  readonly deps: Omit<DeliveryDeps, 'destinations' | 'limits'>;
  advance(seconds: number): void;
  now(): Date;
  delivery(change?: Partial<DeliveryDeps>): OutboxDelivery;
  outbox(id: string): Promise<OutboxRow>;
  run(id?: string): Promise<RunRow>;
  runLog(): Promise<readonly string[]>;
  audit(): Promise<readonly string[]>;
  /** One row to PACS and one to EHR, of a run that waits for them. */
  queue(...rows: readonly OutboxRow[]): Promise<void>;
}

export const DESTINATIONS: readonly Destination[] = [
  { name: 'pacs', kind: 'dicomweb', profile: undefined },
  { name: 'ehr', kind: 'fhir', profile: 'transaction' },
].map((destination) => ({
  ...(destination as Pick<Destination, 'name' | 'kind' | 'profile'>),
  url: `https://${destination.name}.example`,
  authorization: undefined,
  timeoutSeconds: 1,
}));

export const toPacs = (id: string, given: Partial<OutboxRow> = {}): OutboxRow =>
  outboxRow(id, { payload: { kind: 'dicom', studyInstanceUid: STUDY, sopInstanceUids: OBJECTS }, ...given });

export const toEhr = (id: string, given: Partial<OutboxRow> = {}): OutboxRow =>
  outboxRow(id, {
    destination: 'ehr',
    payload: { kind: 'fhir', bundle: { pack: 'run files', offset: 10, length: 2 } },
    ...given,
  });

const untraced: Tracing = {
  current: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceparent: '' }),
  run: (_, work) => work(),
};

const blobs: BlobStore = {
  read: async ({ pack, offset }) => Buffer.from(`${pack}@${offset}`),
} as Partial<BlobStore> as BlobStore;

/** A peer that takes everything. */
const willingPacs = (): PacsClient => ({
  findStudies: async () => [],
  async *retrieveStudy() {},
  store: async (_study, instances) => {
    for await (const _ of instances);
    return OBJECTS;
  },
});

/** Outbox and watch over the memory store, with a clock that stands until it is moved. */
export async function createExchangeWorld(): Promise<ExchangeWorld> {
  let now = Date.parse(AT);
  let ids = 0;
  const clock = { now: () => new Date(now) };
  const uuids = { uuid: () => `id-${++ids}` };
  const store = await openMemoryStore({ clock });
  const lines: LoggedLine[] = [];
  const counted: string[] = [];
  const log = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [
      level,
      (message: string) => void lines.push({ level, message }),
    ]),
  ) as unknown as Log;
  const metrics = {
    delivery: (destination: string, outcome: string) => void counted.push(`${destination} ${outcome}`),
    pulled: (source: string, instances: number, refused: number) =>
      void counted.push(`${source} ${instances} ${refused}`),
  } as unknown as Metrics;
  const ledger: Ledger = {
    async commit(commit) {
      const refused = self.refuse(commit);
      if (refused) throw refused;
      return store.ledger.commit(commit);
    },
  };
  const clients: Clients = { pacs: () => self.pacs, ehr: () => self.ehr };
  const audit = createAuditTrail({ ledger, clock, ids: uuids, tracing: untraced });
  const self: ExchangeWorld = {
    store,
    lines,
    counted,
    clients,
    pacs: willingPacs(),
    ehr: { send: async () => undefined },
    refuse: () => undefined,
    deps: {
      outbox: store.outbox,
      runs: store.runs,
      dicom: store.dicom,
      ids: uuids,
      random: () => 0,
      tracing: untraced,
      blobs,
      ledger,
      audit,
      clients,
      clock,
      log,
      metrics,
    },
    advance: (seconds) => {
      now += seconds * 1000;
    },
    now: clock.now,
    delivery: (change = {}) =>
      createOutboxDelivery({
        ...self.deps,
        destinations: DESTINATIONS,
        limits: { attempts: 3, leaseSeconds: 60 },
        ...change,
      }),
    outbox: async (id) => (await store.outbox.get(SITE, id))!,
    run: async (id = 'run-1') => (await store.runs.get(SITE, id))!,
    runLog: async () => (await store.runs.log(SITE, 'run-1')).map(({ level, message }) => `${level}: ${message}`),
    audit: async () =>
      (await store.audit.search(SITE, { count: 100, offset: 0 })).rows.map(
        ({ interaction, outcome, outcomeDesc }) => `${interaction} ${outcome}${outcomeDesc ? ` ${outcomeDesc}` : ''}`,
      ),
    async queue(...rows) {
      const run = runRow('run-1', { state: 'built', studyInstanceUid: STUDY });
      const instances = OBJECTS.map((uid) => instanceRow({ study: STUDY, series: '1.2.9', uid }));
      const changes = rows.map((row) => ({ expected: 0, row }));
      await store.ledger.commit({ site: SITE, runs: [{ expected: 0, row: run }], instances, outbox: changes });
    },
  };
  return self;
}
