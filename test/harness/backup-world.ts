import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import type { Ledger, Principal } from '../../src/ports/index.ts';
import { type BackupDeps, type BackupProgress, type BackupReport, backup } from '../../src/storage/backup/backup.ts';
import {
  type RestoreDeps,
  type RestoreReport,
  type RestoreRequest,
  restore,
} from '../../src/storage/backup/restore.ts';
import { openSqliteStore, type SqliteStore } from '../../src/storage/sqlite/open.ts';
import { AT, instanceRow, patientVersion } from '../contract/store-rows.ts';
import { TEST_DATA_KEYS, testKeyRing } from './test-keys.ts';

export const ADMINISTRATOR: Principal = {
  kind: 'administrator',
  id: 'root',
  name: 'root',
  site: 'main',
  scopes: '',
  address: undefined,
};

const clock = { now: () => new Date() };
const KEYS_FILE = '{"what":"a test has keys of its own"}';

/** A data folder with a store in it, and a place for its backups. */
export interface BackupWorld {
  readonly folder: string;
  readonly dataDir: string;
  readonly repository: string;
  readonly store: SqliteStore;
  /** Bytes of packs by name, as they were written. */
  readonly packs: Map<string, Buffer>;
  /** Writes a pack as it might lie there and an instance that points to it. */
  addInstance(number: number, bytes?: number): Promise<string>;
  addPatient(id: string, family?: string): Promise<void>;
  deps(given?: Partial<BackupDeps>): BackupDeps;
  backup(given?: {
    readonly deps?: Partial<BackupDeps>;
    readonly signal?: AbortSignal;
    readonly onProgress?: (progress: BackupProgress) => void;
  }): Promise<BackupReport>;
  restore(
    to: string,
    given?: Partial<RestoreRequest> & { readonly deps?: Partial<RestoreDeps<SqliteStore>> },
  ): Promise<RestoreReport>;
  openRestored(to: string): Promise<SqliteStore>;
  close(): Promise<void>;
}

const auditOf = (ledger: Ledger) =>
  createAuditTrail({
    ledger,
    clock,
    ids: { uuid: () => randomBytes(16).toString('hex') },
    tracing: { current: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceparent: '' }) },
  });

const openStore = (dataDir: string) => openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });

export async function openBackupWorld(): Promise<BackupWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-backup-'));
  const dataDir = join(folder, 'data');
  const repository = join(folder, 'repository');
  const store = await openStore(dataDir);
  writeFileSync(join(dataDir, 'keys.json'), KEYS_FILE);
  const packs = new Map<string, Buffer>();
  const deps = (given: Partial<BackupDeps> = {}): BackupDeps => ({
    dataDir,
    checkpoint: store.checkpoint,
    ledger: store.ledger,
    documents: store.documents,
    audit: auditOf(store.ledger),
    keys: TEST_DATA_KEYS,
    clock,
    softwareVersion: '0.0.0-test',
    ...given,
  });
  return {
    folder,
    dataDir,
    repository,
    store,
    packs,
    addInstance: (number, bytes = 1_000) => addInstance(dataDir, store, packs, number, bytes),
    async addPatient(id, family) {
      await store.ledger.commit({ site: 'main', resources: [{ expected: 0, row: patientVersion(id, 1, family) }] });
    },
    deps,
    backup: (given = {}) =>
      backup(deps(given.deps), {
        repository,
        principal: ADMINISTRATOR,
        signal: given.signal ?? new AbortController().signal,
        ...(given.onProgress && { onProgress: given.onProgress }),
      }),
    restore: (to, { deps: restoring, ...given } = {}) =>
      restore(
        {
          openKeys: async (at) => {
            if (readFileSync(join(at, 'keys.json'), 'utf8') !== KEYS_FILE) throw new Error('other keys');
            return { ring: testKeyRing(), keys: TEST_DATA_KEYS };
          },
          openStore,
          auditOf,
          ...restoring,
        },
        { repository, dataDir: join(folder, to), principal: ADMINISTRATOR, ...given },
      ),
    openRestored: (to) => openStore(join(folder, to)),
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function addInstance(
  dataDir: string,
  store: SqliteStore,
  packs: Map<string, Buffer>,
  number: number,
  length: number,
): Promise<string> {
  const pack = randomBytes(16).toString('hex');
  const bytes = randomBytes(length);
  mkdirSync(join(dataDir, 'blobs', pack.slice(0, 2)), { recursive: true });
  writeFileSync(packPath(dataDir, pack), bytes);
  const place = { study: `1.2.${number}`, series: `1.2.${number}.1`, uid: `1.2.${number}.1.1` };
  const row = instanceRow(place);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const wrapped = testKeyRing().wrap(randomBytes(32), `study/main/${place.study}`);
  await store.ledger.commit({
    site: 'main',
    instances: [{ ...row, blob: { ...row.blob, pack }, metadata: { ...row.metadata, pack } }],
    studyKeys: [{ ...wrapped, studyInstanceUid: place.study, createdAt: AT }],
    packs: [{ pack, studyInstanceUid: place.study, bytes: length, sha256, sealedAt: AT, tier: 'online' }],
  });
  packs.set(pack, bytes);
  return pack;
}

export const packPath = (dataDir: string, pack: string): string =>
  join(dataDir, 'blobs', pack.slice(0, 2), `${pack}.pack`);

/** Paths of all files below a folder, relative to it. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
