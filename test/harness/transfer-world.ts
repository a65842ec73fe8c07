import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import { indexOf } from '../../src/fhir/search-index.ts';
import type { BlobStore, Ledger } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import type { ContainerLock } from '../../src/storage/transfer/container.ts';
import { type ExportReport, exportServer } from '../../src/storage/transfer/export.ts';
import type { ExportReader } from '../../src/storage/transfer/export-reader.ts';
import {
  type ImportDeps,
  type ImportReport,
  type ImportRequest,
  importServer,
} from '../../src/storage/transfer/import.ts';
import {
  AT,
  apiKeyRow,
  auditRow,
  instanceRow,
  LATER,
  outboxRow,
  patientVersion,
  runRow,
} from '../contract/store-rows.ts';
import { ADMINISTRATOR } from './backup-world.ts';
import { testKeyRing } from './test-keys.ts';

/** Quicker than a passphrase, which takes its time. */
export const BY_KEY: ContainerLock = { ring: testKeyRing('carried along') };

export const transferClock = { now: () => new Date(LATER) };
const signal = new AbortController().signal;

/** A server that is exported from or imported into. */
export interface TransferServer {
  readonly store: Omit<Store, 'close'>;
  readonly blobs: BlobStore;
  readonly openExport: () => Promise<ExportReader>;
}

const auditOf = (ledger: Ledger) =>
  createAuditTrail({
    ledger,
    clock: transferClock,
    ids: { uuid: () => randomBytes(16).toString('hex') },
    tracing: { current: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceparent: '' }) },
  });

export function exportTo(
  { store, blobs, openExport }: TransferServer,
  file: string,
  given: { readonly lock?: ContainerLock; readonly signal?: AbortSignal } = {},
): Promise<ExportReport> {
  const { ledger } = store;
  const deps = { openReader: openExport, blobs, ledger, audit: auditOf(ledger), clock: transferClock };
  const request = { file: join(file), lock: BY_KEY, principal: ADMINISTRATOR, signal, ...given };
  return exportServer({ ...deps, softwareVersion: '0.0.0-test' }, request);
}

export function importDeps({ store, blobs, openExport }: TransferServer): ImportDeps {
  const { ledger, changes } = store;
  const index = (resource: Resource) => indexOf(resource, 'http://127.0.0.1:8080');
  return { ledger, changes, blobs, audit: auditOf(ledger), openReader: openExport, indexOf: index };
}

export const importRequest = (file: string, lock: ContainerLock = BY_KEY): ImportRequest => ({
  file,
  lock,
  principal: ADMINISTRATOR,
  signal,
});

export const importFrom = (server: TransferServer, file: string, lock?: ContainerLock): Promise<ImportReport> =>
  importServer(importDeps(server), importRequest(file, lock));

/** A little of every kind, on two sites. */
export async function fillServer({ store, blobs }: TransferServer): Promise<void> {
  const { ledger } = store;
  for (const site of ['main', 'other']) {
    await ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('a', 1) }] });
    await ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('a', 2, 'Canaryname') }] });
    const gone = { ...patientVersion('b', 2), method: 'DELETE', resource: undefined, index: [] } as const;
    await ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('b', 1) }] });
    await ledger.commit({ site, resources: [{ expected: 1, row: gone }] });
    for (const study of ['1.2.3', '1.2.4']) await addStudy(store.ledger, blobs, site, study);
    await ledger.commit({
      site,
      apiKeys: [{ expected: 0, row: apiKeyRow(`key-${site}`, { secretSha256: digest(site) }) }],
    });
    await ledger.commit({ site, seen: [seenStudy], audit: [auditRow('audit-1', { patients: ['Patient/a'] })] });
    const hold = { kind: 'legal-hold', id: 'h', version: 1, content: { reason: 'asked for' } } as const;
    const backup = { kind: 'backup', id: 'last', version: 1, content: {} } as const;
    await ledger.commit({ site, documents: [hold, backup].map((row) => ({ expected: 0, row })) });
  }
}

export const digest = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
const seenStudy = {
  source: 'pacs',
  studyInstanceUid: '1.2.3',
  numberOfInstances: 2,
  pulledInstances: 2,
  refusedInstances: 0,
  attempt: 1,
  seenAt: AT,
};

async function addStudy(ledger: Ledger, blobs: BlobStore, site: string, study: string): Promise<void> {
  const pack = await blobs.openPack(site, study);
  const instances = [];
  for (const number of [1, 2]) {
    const bytes = randomBytes(700_000);
    const [blob, metadata] = [await pack.append(bytes), await pack.append(randomBytes(300))];
    const row = instanceRow({ study, series: `${study}.1`, uid: `${study}.1.${number}` });
    instances.push({ ...row, blob, metadata, storedSha256: digest(bytes) });
  }
  const [report, bundle] = [await pack.append(Buffer.from('the report')), await pack.append(Buffer.from('{}'))];
  const { row, studyKey } = await pack.seal();
  const run = runRow(`run-${study}`, { studyInstanceUid: study, files: { 'report.pdf': report } });
  const outbox = outboxRow(`out-${study}`, { runId: run.id, payload: { kind: 'fhir', bundle } });
  await ledger.commit({
    site,
    instances,
    packs: [row],
    ...(studyKey && { studyKeys: [studyKey] }),
    runs: [{ expected: 0, row: run }],
    runLog: [{ runId: run.id, at: AT, level: 'info', message: 'begun' }],
    outbox: [
      { expected: 0, row: outbox },
      { expected: 0, row: outboxRow(`loose-${study}`, { runId: 'gone', payload: { kind: 'fhir', bundle } }) },
    ],
  });
  await ledger.commit({ site, considered: [{ studyInstanceUid: study, sourceReceivedAt: AT }] });
  await ledger.commit({ site, runs: [{ expected: 1, row: { ...run, version: 2, state: 'completed' } }] });
}
