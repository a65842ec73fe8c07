import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import type {
  BlobLocation,
  Commit,
  InstanceRow,
  Ledger,
  Principal,
  RetentionReader,
  RunRow,
} from '../../src/ports/index.ts';
import { createDigest, type DeletionDeps } from '../../src/retention/deletion.ts';
import type { ListSigner } from '../../src/retention/erasure-list.ts';
import { createExplicitDeletion } from '../../src/retention/explicit-deletion.ts';
import { createHolds } from '../../src/retention/holds.ts';
import { type DeletionProof, type DeletionStatement, readProof } from '../../src/retention/proof.ts';
import { createRetention, type DueLine } from '../../src/retention/retention.ts';
import { DEFAULT_RETENTION, type RetentionRules } from '../../src/retention/rules.ts';
import { openMemoryStore } from '../../src/storage/memory/memory-store.ts';
import { packRow, studyKeyRow } from '../contract/packs.contract.ts';
import { instanceRow, patientVersion, runRow, seriesAttributes } from '../contract/store-rows.ts';
import { countingIds } from './records-world.ts';

export const START = '2026-11-24T10:00:00.000Z';
export const SITE = 'main';
export const ADMINISTRATOR: Principal = {
  kind: 'administrator',
  id: 'root',
  name: 'root',
  site: SITE,
  scopes: '',
  address: undefined,
};

// RFC 8410: what stands before the 32 bytes of a private key in its DER form.
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKey = createPrivateKey({
  key: Buffer.concat([PKCS8_ED25519, Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
/** Signs and checks lists with the key of the world's proofs. */
export const listSigner: ListSigner = {
  sign: (bytes) => sign(null, bytes, privateKey),
  verifies: (bytes, signature) => verify(null, bytes, createPublicKey(privateKey), signature),
};
export const digest = createDigest(Buffer.alloc(32, 9));

const signal = (): AbortSignal => new AbortController().signal;

/** Retention over the memory store, with a clock that is set by hand. */
export async function openRetentionWorld(rules: Partial<RetentionRules> = {}) {
  const time = { now: new Date(START) };
  const clock = { now: () => time.now };
  const store = await openMemoryStore({ clock });
  const ids = countingIds();
  const removedFiles: string[] = [];
  const forgotten: string[] = [];
  const logged: string[] = [];
  const world = { beforeCommit: (_commit: Commit): Promise<unknown> | unknown => undefined };
  const ledger: Ledger = {
    async commit(commit) {
      await world.beforeCommit(commit);
      return store.ledger.commit(commit);
    },
  };
  const audit = createAuditTrail({
    ledger,
    clock,
    ids,
    tracing: { current: () => ({ traceId: '0', spanId: '0', traceparent: '' }) },
  });
  const holds = createHolds({ documents: store.documents, ledger, audit, clock, ids });
  const blobs = {
    remove: async (pack: string): Promise<void> => {
      removedFiles.push(pack);
    },
    forgetStudy: async (_site: string, study: string): Promise<void> => {
      forgotten.push(study);
    },
  };
  const deps: DeletionDeps & { retention: RetentionReader } = {
    ...store,
    ledger,
    blobs,
    audit,
    holds,
    clock,
    ids,
    signer: { sign: (bytes) => sign(null, bytes, privateKey) },
    digest,
  };
  const log = { error: (message: string) => void logged.push(message) };
  const retentionOf = (given: Partial<RetentionRules>) =>
    createRetention({
      ...deps,
      retention: deps.retention,
      rules: { ...DEFAULT_RETENTION, ...given },
      sites: [SITE],
      log,
    });
  return {
    world,
    deps,
    store,
    holds,
    audit,
    blobs,
    publicKey,
    removedFiles,
    forgotten,
    logged,
    retentionOf,
    explicit: createExplicitDeletion(deps),
    setNow: (instant: string) => {
      time.now = new Date(instant);
    },
    retain: (options: { readonly dryRun?: boolean; readonly onDue?: (line: DueLine) => void } = {}) =>
      retentionOf(rules).run(signal(), options),
    commit: (given: Omit<Commit, 'site'>) => store.ledger.commit({ site: SITE, ...given }),
    async proofs(): Promise<readonly DeletionStatement[]> {
      const rows = await store.documents.list<DeletionProof>(SITE, 'deletion-proof', { after: '', limit: 100 });
      return rows.map(({ content }) => readProof(content, publicKey));
    },
    async auditOf(interaction: string) {
      const { rows } = await store.audit.search(SITE, { count: 100, offset: 0 });
      return rows.filter((row) => row.interaction === interaction);
    },
  };
}
export type RetentionWorld = Awaited<ReturnType<typeof openRetentionWorld>>;

export const fileIn = (pack: string): BlobLocation => ({ pack, offset: 0, length: 10 });

/** An MR instance of Erika's in the pack `source-STUDY`. */
export function source(study: string, number: number, given: Partial<InstanceRow> = {}): InstanceRow {
  const place = { study, series: `${study}.1`, uid: `${study}.1.${number}` };
  const { attributes } = instanceRow(place);
  const patient = {
    '00100020': { vr: 'LO', Value: ['PID-1'] },
    '00100021': { vr: 'LO', Value: ['HOSPITAL'] },
  };
  return instanceRow(place, {
    attributes: { ...attributes, study: { ...attributes.study, ...patient } },
    blob: fileIn(`source-${study}`),
    metadata: fileIn(`source-${study}`),
    receivedAt: START,
    ...given,
  });
}

/** A SEG that a run made, in the pack `result-STUDY`. */
export function result(study: string): InstanceRow {
  const { attributes } = source(study, 1);
  return {
    ...source(study, 1),
    seriesInstanceUid: `${study}.2`,
    sopInstanceUid: `${study}.2.1`,
    attributes: { ...attributes, series: seriesAttributes(`${study}.2`, 'SEG') },
    blob: fileIn(`result-${study}`),
    metadata: fileIn(`result-${study}`),
    receivedSha256: 'e'.repeat(64),
    isSource: false,
  };
}

const resourceVersion = (resourceType: string, id: string, content: object) => ({
  expected: 0,
  row: {
    ...patientVersion(id, 1),
    resourceType,
    resource: { resourceType, id, ...content } as never,
    index: [],
  },
});

/** A study with its packs and key, a run that completed, and the FHIR side of its result. */
export function measuredStudy(study: string, given: Partial<RunRow> = {}): Omit<Commit, 'site'> {
  const subject = { reference: `Patient/p-${study}` };
  const report = `DiagnosticReport/r-${study}`;
  const provenance = resourceVersion('Provenance', `v-${study}`, { target: [{ reference: report }] });
  return {
    instances: [source(study, 1), source(study, 2), result(study)],
    packs: [`source-${study}`, `result-${study}`].map((pack) => packRow(pack, { studyInstanceUid: study })),
    studyKeys: [studyKeyRow(study, 'kek')],
    runs: [
      {
        expected: 0,
        row: runRow(`run-${study}`, {
          studyInstanceUid: study,
          state: 'completed',
          createdAt: START,
          finishedAt: START,
          result: { patient: subject.reference, diagnosticReport: report } as RunRow['result'],
          files: { 'report.pdf': fileIn(`result-${study}`) },
          ...given,
        }),
      },
    ],
    resources: [
      resourceVersion('Patient', `p-${study}`, { identifier: [{ value: 'PID-1' }] }),
      resourceVersion('DiagnosticReport', `r-${study}`, {
        subject,
        imagingStudy: [{ reference: `ImagingStudy/i-${study}` }],
        // The last is about somebody else: a hand wrote it there.
        result: [{ reference: `Observation/o-${study}` }, { reference: `Observation/other-${study}` }],
      }),
      resourceVersion('ImagingStudy', `i-${study}`, { subject, identifier: [{ value: `urn:oid:${study}` }] }),
      resourceVersion('Observation', `o-${study}`, { subject }),
      resourceVersion('Observation', `other-${study}`, { subject: { reference: 'Patient/other' } }),
      {
        ...provenance,
        row: {
          ...provenance.row,
          index: [{ kind: 'reference', param: 'target', type: 'DiagnosticReport', id: `r-${study}` }],
        },
      },
    ],
  };
}
