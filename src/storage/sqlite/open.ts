import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { JobRepository } from 'agenda';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock, Ledger, Metrics } from '../../ports/index.ts';
import { makePrivateFolder, PRIVATE_FILE, syncFolderSync } from '../durable-files.ts';
import type { DataKeys } from '../keys/data-keys.ts';
import { MOST_PAGE_BYTES } from '../page-budget.ts';
import type { Store } from '../store.ts';
import { createChangeFeed } from './change-feed.ts';
import { type Checkpoint, createCheckpoint } from './checkpoint.ts';
import { foldLog, openConnection, refreshStatistics, sqliteCode } from './database.ts';
import { createDicomReader } from './dicom-reader.ts';
import { createDocumentReader } from './document-reader.ts';
import { createJobRepository } from './job-repository.ts';
import {
  createApiKeyReader,
  createAuditLog,
  createOutboxReader,
  createRunReader,
  createSeenReader,
} from './ledger-readers.ts';
import { migrate } from './migrate.ts';
import { createPackReader } from './pack-reader.ts';
import { planCommit } from './plan-commit.ts';
import { type Readers, startReaders } from './readers.ts';
import { createResourceReader } from './resource-reader.ts';
import { compileExistence } from './resource-sql.ts';
import { createPackContentsReader, createRetentionReader } from './retention-reader.ts';
import { type MacKey, readyMacKey } from './row-mac.ts';
import { type Verification, type VerifyOptions, verifyStore } from './verify.ts';
import { startWriter, type Writer } from './writer.ts';

export interface SqliteOptions {
  /** Folder of this server alone; made if it is not there, readable by its owner only. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly keys: Pick<DataKeys, 'database' | 'rowMac'>;
  readonly metrics?: Pick<Metrics, 'commit'> & Partial<Pick<Metrics, 'damage'>>;
  /** Told once when nothing can be written any more, as after a sync that failed: only a new start helps. */
  readonly onFailure?: (error: Error) => void;
  /** Threads for searches; a point read needs none. */
  readonly readerThreads?: number;
  /** Upper bound of the database, in pages of 4096 bytes; beyond it a commit is refused with storage-full. */
  readonly maxPages?: number;
  /** Bytes of the resources of one page of a search or history; a larger page is refused with limit-exceeded. */
  readonly mostPageBytes?: number;
}

export interface SqliteStore extends Store {
  readonly jobs: JobRepository;
  readonly checkpoint: Checkpoint;
  /** Looks at everything that is stored, see verifyStore. */
  verify(options?: VerifyOptions): Promise<Verification>;
}

const FILE = 'neuroinsight.sqlite';

/** Another process may hold the lock for as long as one group of commits takes. */
const BUSY_MILLISECONDS = 5_000;

const READER_THREADS = 2;

/**
 * Opens or makes the embedded database, enciphered whole: one thread writes, some search, point reads happen at once.
 * Throws invalid-configuration for a database of a newer version, wrong-key for one that this key does not open.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SqliteStore> {
  const { clock, metrics, maxPages } = options;
  const { database: key, rowMac } = options.keys;
  const dataDir = resolve(options.dataDir);
  const path = join(dataDir, FILE);
  prepareFile(dataDir, path, key, clock);
  const writerOptions = { key, busyMilliseconds: BUSY_MILLISECONDS, ...(maxPages === undefined ? {} : { maxPages }) };
  const writer = await startWriter({ path, options: writerOptions, rowMac }, metrics, options.onFailure);
  const threads = options.readerThreads ?? READER_THREADS;
  const readers = await startReaders({ path, key, rowMac }, threads, metrics?.damage).catch(async (error: unknown) => {
    await writer.close();
    throw error;
  });
  const checkpoint = createCheckpoint({ path, options: { key, busyMilliseconds: BUSY_MILLISECONDS } });
  return {
    ledger: createLedger(writer, readyMacKey(rowMac), clock),
    resources: createResourceReader(readers, options.mostPageBytes ?? MOST_PAGE_BYTES),
    dicom: createDicomReader(readers),
    runs: createRunReader(readers),
    outbox: createOutboxReader(readers),
    apiKeys: createApiKeyReader(readers),
    audit: createAuditLog(readers),
    seen: createSeenReader(readers),
    packs: createPackReader(readers),
    documents: createDocumentReader(readers),
    changes: createChangeFeed(readers),
    retention: createRetentionReader(readers),
    packContents: createPackContentsReader(readers),
    checkpoint,
    verify: (given) => verifyStore({ path, key, rowMac }, given),
    jobs: createJobRepository(writer, readers, clock),
    close: async () => {
      await checkpoint.close();
      await closeAll(writer, readers);
    },
  };
}

function createLedger(writer: Writer, rowMac: MacKey, clock: Clock): Ledger {
  return {
    async commit(commit) {
      const operations = planCommit(commit, rowMac, compileExistence);
      const [sequence] = await writer.submit(operations, { site: commit.site, at: clock.now().toISOString() });
      return { sequence: sequence as number };
    },
  };
}

/**
 * Whether a database with something in it is there. An empty one beside packs or keys of a folder that was in use is
 * what a lost disk or an attacker leaves: whoever opens it asks first.
 */
export async function hasDatabase(dataDir: string): Promise<boolean> {
  return (await databaseBytes(dataDir)).database > 0;
}

/** The last to close folds the log into the file, and that should be the writer. */
async function closeAll(writer: Writer, readers: Readers): Promise<void> {
  await readers.close();
  await writer.close();
}

/** Makes folder and file private and durable, brings the schema up to date and refreshes what the planner knows. */
function prepareFile(dataDir: string, path: string, key: string, clock: Clock): void {
  explained('the data folder cannot be made or written', () => {
    makePrivateFolder(dataDir);
    closeSync(openSync(path, 'a', PRIVATE_FILE));
  });
  explained('the database in the data folder cannot be opened', () => prepareDatabase(path, key, clock));
  for (const folder of [dataDir, dirname(dataDir)]) syncFolderSync(folder);
}

/** What an administrator can mend is no defect. @throws invalid-configuration with the system's code, without paths. */
function explained(what: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (cause instanceof NeuroInsightError) throw cause;
    if (sqliteCode(cause) === 'SQLITE_NOTADB') throw notOurs(cause);
    const { code } = cause as { readonly code?: unknown };
    if (typeof code !== 'string') throw cause;
    throw new NeuroInsightError('invalid-configuration', `${what} (${code})`, { cause });
  }
}

function notOurs(cause: unknown): NeuroInsightError {
  const message = 'the database was enciphered with another key, or it is damaged or not enciphered at all';
  return new NeuroInsightError('wrong-key', message, { cause });
}

function prepareDatabase(path: string, key: string, clock: Clock): void {
  const connection = openConnection(path, { key, busyMilliseconds: BUSY_MILLISECONDS });
  try {
    migrate(connection, clock.now().toISOString());
    refreshStatistics(connection);
    foldLog(connection);
  } finally {
    connection.close();
  }
}

/** Bytes of the database file and of its write-ahead log; 0 for what is not there. */
export async function databaseBytes(dataDir: string): Promise<Readonly<Record<'database' | 'log', number>>> {
  const sizeOf = (name: string): Promise<number> =>
    stat(join(dataDir, name)).then(
      ({ size }) => size,
      () => 0,
    );
  return { database: await sizeOf(FILE), log: await sizeOf(`${FILE}-wal`) };
}
