import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import {
  AT,
  apiKeyRow,
  auditRow,
  instanceRow,
  LATER,
  outboxRow,
  patientVersion,
  runRow,
} from '../../../test/contract/store-rows.ts';
import { ADMINISTRATOR } from '../../../test/harness/backup-world.ts';
import { testKeyRing } from '../../../test/harness/test-keys.ts';
import { createAuditTrail } from '../../audit/audit-trail.ts';
import { indexOf } from '../../fhir/search-index.ts';
import type { Ledger } from '../../ports/index.ts';
import { type FileBlobStore, openFileBlobStore } from '../blobs/file-blob-store.ts';
import { type MemoryStore, openMemoryStore } from '../memory/memory-store.ts';
import type { ContainerLock } from './container.ts';
import { type ExportReport, exportServer } from './export.ts';
import { type ImportReport, importServer } from './import.ts';

const PASSPHRASE: ContainerLock = { passphrase: 'correct horse battery staple' };
/** Quicker than a passphrase, which takes its time. */
const BY_KEY: ContainerLock = { ring: testKeyRing('carried along') };
const clock = { now: () => new Date(LATER) };
const signal = new AbortController().signal;

interface Server {
  readonly store: MemoryStore;
  readonly blobs: FileBlobStore;
}

const opened: FileBlobStore[] = [];

/** Each has a key-encryption key of its own, as two servers have. */
async function openServer(): Promise<Server> {
  const store = await openMemoryStore({ clock });
  const dataDir = mkdtempSync(join(folder, 'server-'));
  const keyRing = testKeyRing(dataDir);
  const blobs = await openFileBlobStore({ dataDir, keyRing, packs: store.packs, clock });
  opened.push(blobs);
  return { store, blobs };
}

const auditOf = (ledger: Ledger) =>
  createAuditTrail({
    ledger,
    clock,
    ids: { uuid: () => randomBytes(16).toString('hex') },
    tracing: { current: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceparent: '' }) },
  });

/** A little of every kind, on two sites. */
async function fill({ store, blobs }: Server): Promise<void> {
  const { ledger } = store;
  for (const site of ['main', 'other']) {
    await ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('a', 1) }] });
    await ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('a', 2, 'Canaryname') }] });
    const gone = { ...patientVersion('b', 2), method: 'DELETE', resource: undefined, index: [] } as const;
    await ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('b', 1) }] });
    await ledger.commit({ site, resources: [{ expected: 1, row: gone }] });
    for (const study of ['1.2.3', '1.2.4']) await addStudy({ store, blobs }, site, study);
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

const digest = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
const seenStudy = {
  source: 'pacs',
  studyInstanceUid: '1.2.3',
  numberOfInstances: 2,
  pulledInstances: 2,
  refusedInstances: 0,
  attempt: 1,
  seenAt: AT,
};

async function addStudy({ store, blobs }: Server, site: string, study: string): Promise<void> {
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
  await store.ledger.commit({
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
  await store.ledger.commit({ site, considered: [{ studyInstanceUid: study, sourceReceivedAt: AT }] });
  await store.ledger.commit({ site, runs: [{ expected: 1, row: { ...run, version: 2, state: 'completed' } }] });
}

let folder: string;
let source: Server;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-transfer-'));
  source = await openServer();
  await fill(source);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((blobs) => blobs.close()));
  rmSync(folder, { recursive: true, force: true });
});

function exported(
  name: string,
  lock = PASSPHRASE,
  given: { readonly signal?: AbortSignal } = {},
): Promise<ExportReport> {
  const { store, blobs } = source;
  const deps = { openReader: store.openExport, blobs, ledger: store.ledger, audit: auditOf(store.ledger), clock };
  const request = { file: join(folder, name), lock, principal: ADMINISTRATOR, signal, ...given };
  return exportServer({ ...deps, softwareVersion: '0.0.0-test' }, request);
}

function imported({ store, blobs }: Server, name: string, lock = BY_KEY): Promise<ImportReport> {
  const { ledger, changes } = store;
  const deps = { ledger, changes, blobs, audit: auditOf(ledger), openReader: store.openExport };
  return importServer(
    { ...deps, indexOf: (resource: Resource) => indexOf(resource, 'http://127.0.0.1:8080') },
    { file: join(folder, name), lock, principal: ADMINISTRATOR, signal },
  );
}

describe('an export', () => {
  it('becomes an equal server: every version, every byte, every row of the audit', async () => {
    const made = await exported('all');
    expect(made.counts).toEqual({
      resource: 8,
      instance: 8,
      study: 4,
      run: 4,
      outbox: 4,
      'api-key': 2,
      seen: 2,
      document: 2,
      audit: 3,
    });
    const target = await openServer();
    expect(await imported(target, 'all')).toMatchObject({ counts: made.counts, compared: true, at: made.at });
    for (const site of ['main', 'other']) {
      for (const version of [1, 2]) {
        expect(await target.store.resources.getVersion(site, 'Patient', 'a', version)).toEqual(
          await source.store.resources.getVersion(site, 'Patient', 'a', version),
        );
      }
      const [run] = (await target.store.runs.list(site, { limit: 9, offset: 0 })).rows;
      const report = await target.blobs.read(run!.files['report.pdf']!);
      expect([run!.state, Buffer.from(report).toString()]).toEqual(['completed', 'the report']);
      for (const row of await target.store.dicom.instances(site, { studyInstanceUid: '1.2.3' })) {
        expect(digest(await target.blobs.read(row.blob))).toBe(row.storedSha256);
        expect(await target.store.packs.get(row.blob.pack)).toMatchObject({ site, row: { studyInstanceUid: '1.2.3' } });
      }
      expect(await target.store.documents.get(site, 'legal-hold', 'h')).toMatchObject({
        content: { reason: 'asked for' },
      });
      expect(await target.store.documents.get(site, 'backup', 'last')).toBeUndefined();
    }
    const found = await target.store.resources.search('main', {
      resourceType: 'Patient',
      where: [{ kind: 'string', param: 'family', anyOf: ['canaryname'], match: 'starts' }],
      sort: [],
      count: 1,
      offset: 0,
      total: true,
    });
    expect(found.total).toBe(1);
    expect((await target.store.audit.search('main', { count: 1, offset: 0 })).rows[0]?.interaction).toBe(
      'admin/import',
    );
  });

  it('shows nothing to who does not have the key, is for its owner alone, and is audited', async () => {
    await exported('all');
    const bytes = readFileSync(join(folder, 'all'));
    for (const text of ['Canaryname', '1.2.3', 'Patient', 'audit-1']) expect(bytes.includes(text)).toBe(false);
    expect(statSync(join(folder, 'all')).mode & 0o777).toBe(0o600);
    const { rows } = await source.store.audit.search('main', { count: 1, offset: 0 });
    expect(rows[0]).toMatchObject({ action: 'R', interaction: 'admin/export' });
  });

  it('opens with its passphrase or key-encryption key alone', async () => {
    const lock = { ring: testKeyRing('one') };
    await exported('by-key', lock);
    await exported('by-passphrase', PASSPHRASE);
    const wrong: [string, ContainerLock][] = [
      ['by-key', { ring: testKeyRing('two') }],
      ['by-key', PASSPHRASE],
      ['by-passphrase', { passphrase: 'correct horse battery stable' }],
      ['by-passphrase', lock],
    ];
    for (const [name, other] of wrong) {
      const target = await openServer();
      await expect(imported(target, name, other)).rejects.toMatchObject({ kind: 'wrong-key' });
      expect((await target.store.changes.head()).sequence).toBe(0);
    }
    expect(await imported(await openServer(), 'by-key', lock)).toMatchObject({ compared: true });
    await expect(exported('short', { passphrase: 'short' })).rejects.toMatchObject({ kind: 'invalid-request' });
  });

  it('that was cut, edited, put together anew or is something else is refused, never imported whole', async () => {
    await exported('all');
    const bytes = readFileSync(join(folder, 'all'));
    const head = bytes.indexOf(10) + 1;
    const chunk = 2 ** 18 + 16;
    const flippedAt = (at: number): Buffer => {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1;
      return flipped;
    };
    const chunkOf = (index: number): Buffer =>
      bytes.subarray(head + 32 + index * chunk, head + 32 + (index + 1) * chunk);
    const swapped = Buffer.concat([
      bytes.subarray(0, head + 32),
      chunkOf(1),
      chunkOf(0),
      bytes.subarray(head + 32 + 2 * chunk),
    ]);
    const wrong = [
      Buffer.alloc(0),
      Buffer.from('{"format":"something else"}\n'),
      bytes.subarray(0, head - 10),
      bytes.subarray(0, head + 10),
      bytes.subarray(0, head + 32 + 3 * chunk),
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.from('more')]),
      flippedAt(head + 3),
      flippedAt(head + 40),
      flippedAt(bytes.length - 5),
      swapped,
      Buffer.alloc(100_000, 'x'),
    ];
    for (const [index, forged] of wrong.entries()) {
      writeFileSync(join(folder, 'forged'), forged);
      const outcome = imported(await openServer(), 'forged').then(
        () => 'imported',
        (error: { kind?: string }) => error.kind,
      );
      expect([index, await outcome]).toEqual([index, 'damaged']);
    }
  });

  it('leaves no file when it is cancelled or bytes are not what was stored, and writes over none', async () => {
    await exported('all');
    await expect(exported('all')).rejects.toMatchObject({ kind: 'output-exists' });
    const cancelled = new AbortController();
    cancelled.abort();
    await expect(exported('cancelled', BY_KEY, { signal: cancelled.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    const { stream } = source.blobs;
    source = {
      ...source,
      blobs: { ...source.blobs, stream: (at) => stream({ ...at, offset: Math.max(0, at.offset - 1) }) },
    };
    await expect(exported('rotten')).rejects.toMatchObject({ kind: 'damaged' });
    expect(readdirSync(folder).filter((name) => !name.startsWith('server-'))).toEqual(['all']);
  });

  it('is imported into an empty server only', async () => {
    await exported('all');
    await expect(imported(source, 'all')).rejects.toMatchObject({ kind: 'conflict' });
  });
});
