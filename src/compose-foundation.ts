import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createExclusive, type Exclusive } from './admin/exclusive.ts';
import { createAuditTrail } from './audit/audit-trail.ts';
import { type ApiKeys, createApiKeys } from './auth/api-keys.ts';
import { systemClock } from './compose.ts';
import { type OpenedKeys, openKeys } from './compose-keys.ts';
import type { Config } from './config.ts';
import { NeuroInsightError } from './domain/errors.ts';
import { timeUuid } from './domain/identity.ts';
import type { AuditTrail, BlobStore, Clock, Ids, Ledger, Log, Metrics, Tracing } from './ports/index.ts';
import { type DeletionDeps, digestOfFolder } from './retention/deletion.ts';
import { createExplicitDeletion, type ExplicitDeletion } from './retention/explicit-deletion.ts';
import { createHolds, type LegalHolds } from './retention/holds.ts';
import { createRetention, type Retention } from './retention/retention.ts';
import { createSigner, type ManifestSigner } from './storage/backup/signature.ts';
import { type ArchiveTier, openArchiveTier } from './storage/blobs/archive-tier.ts';
import { blobsFolder, type FileBlobStore, openFileBlobStore } from './storage/blobs/file-blob-store.ts';
import { packsIn } from './storage/blobs/pack-files.ts';
import { createScrub, type Scrub } from './storage/blobs/scrub.ts';
import { type FolderLock, lockFolder } from './storage/folder-lock.ts';
import { keepingUp } from './storage/keys/key-ring.ts';
import { createKeyRotation, type KeyRotation, requireKeks } from './storage/keys/rotate-keys.ts';
import { guardSpace } from './storage/space-guard.ts';
import { hasDatabase, openSqliteStore, type SqliteStore } from './storage/sqlite/open.ts';
import { openWitness, type Witness } from './storage/sqlite/witness.ts';
import { type Archival, createArchival } from './storage/upkeep/archival.ts';
import { type Compaction, createCompaction } from './storage/upkeep/compaction.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createTracing } from './telemetry/tracing.ts';

/** What the process that works on a data folder has: the store, who may ask, what is written down, how it is seen. */
export interface Foundation {
  readonly config: Config;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly keys: OpenedKeys;
  readonly store: SqliteStore;
  readonly blobs: BlobStore;
  /** The same bytes, with what only those who keep house need. */
  readonly packFiles: FileBlobStore;
  readonly audit: AuditTrail;
  readonly apiKeys: ApiKeys;
  readonly signer: ManifestSigner;
  readonly holds: LegalHolds;
  readonly deletion: ExplicitDeletion;
  readonly retention: Retention;
  readonly compaction: Compaction;
  readonly keyRotation: KeyRotation;
  readonly scrub: Scrub;
  /** Moves old studies to the slow store; undefined when there is none. */
  readonly archival: Archival | undefined;
  /** Keeps what may not be done twice at once apart. */
  readonly exclusive: Exclusive;
  close(): Promise<void>;
}

/** The sites of this server: one, until sites are administered. */
export const SITES = [{ name: 'main', title: 'Main site' }] as const;

export const systemIds: Ids = { uuid: () => timeUuid(Date.now(), randomBytes(10)) };
const NOWHERE = { write: () => undefined };
const MEBIBYTE = 2 ** 20;

export interface FoundationOptions {
  /** What the process is there for: told to whoever finds the folder in use. */
  readonly purpose: string;
  /** Where log lines go; undefined: nowhere. */
  readonly logStream?: NodeJS.WritableStream | undefined;
  /** Told once when the database can no longer be written: the process should end, a new start recovers. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * Takes the data folder for this process and opens what lies in it; what was opened is closed in reverse.
 * @throws in-use, wrong-key, damaged, invalid-configuration.
 */
export async function openFoundation(config: Config, options: FoundationOptions): Promise<Foundation> {
  const { logStream } = options;
  const clock = systemClock;
  const ids = systemIds;
  const tracing = createTracing();
  const destination = logStream ? { write: (line: string) => void logStream.write(line) } : NOWHERE;
  const log = createLog({ level: config.log.level, tracing, destination });
  const metrics = createMetrics();
  const opened = await openStorage(config, options, clock, { metrics, log });
  const { keys, packFiles, dataDir, tier } = opened;
  const { ledger, blobs } = guardSpace({
    ledger: opened.ledger,
    blobs: packFiles,
    clock,
    reserveBytes: config.storage.minimumFreeMiB * MEBIBYTE,
    ...(config.storage.quotaMiB > 0 && {
      quota: { bytes: config.storage.quotaMiB * MEBIBYTE, usedBytes: opened.store.packs.bytesOf },
    }),
  });
  const store = { ...opened.store, ledger };
  const audit = createAuditTrail({ ledger, clock, ids, tracing });
  const apiKeys = createApiKeys({ ledger, reader: store.apiKeys, clock, ids, random: randomBytes, audit });
  const signer = createSigner(keys.keys.signingSeed);
  const close = async (): Promise<void> => {
    await opened.close();
    metrics.close();
  };
  const exclusive = createExclusive();
  const base = { config, dataDir, clock, ids, tracing, log, metrics, keys, store, blobs, packFiles, audit, apiKeys };
  return {
    ...base,
    signer,
    ...deletions({ ...base, signer }),
    ...upkeep(base, tier),
    keyRotation: keyRotationOf(base, exclusive),
    exclusive,
    close,
  };
}

type Seen = Pick<Foundation, 'metrics' | 'log'>;

/** Lock, keys, database, witness, packs: in this order, and back. */
async function openStorage(config: Config, options: FoundationOptions, clock: Clock, { metrics, log }: Seen) {
  const dataDir = resolve(config.storage.dataDir);
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let end = closing.pop(); end !== undefined; end = closing.pop()) await end();
  };
  try {
    const lock: FolderLock = lockFolder(dataDir, options.purpose, clock.now().toISOString());
    closing.push(lock.release);
    await refuseLostDatabase(dataDir);
    const keys = await openKeys(config);
    const onFailure = (error: Error): void => {
      log.error('the database can no longer be written', { error });
      options.onFailure?.(error);
    };
    const store = await openSqliteStore({ dataDir, clock, metrics, keys: keys.keys, onFailure });
    closing.push(store.close);
    await requireKeks(keys, store.packs);
    const witness = await witnessOf(config, store, keys, log);
    closing.push(() => witness?.close());
    const kept = keepingUp(store.ledger, keys.ring, store.packs);
    const ledger = witness === undefined ? kept : witnessed(kept, witness);
    const { packFiles, tier } = await openPacks(
      config,
      { dataDir, keyRing: keys.ring, packs: store.packs, ledger, clock },
      log,
    );
    closing.push(packFiles.close, async () => tier?.close());
    return { dataDir, keys, store, ledger, packFiles, tier, close };
  } catch (error) {
    // Threads would keep a process alive that has failed to start.
    await close();
    throw error;
  }
}

/** A new database beside instances would hide that the old one is gone. @throws damaged */
async function refuseLostDatabase(dataDir: string): Promise<void> {
  if ((await hasDatabase(dataDir)) || !existsSync(blobsFolder(dataDir))) return;
  for await (const _ of packsIn(blobsFolder(dataDir))) {
    throw new NeuroInsightError('damaged', 'the database is gone while instances are there; restore a backup');
  }
}

/** What remembers outside of the data folder how far the log was; undefined when none is configured. */
async function witnessOf(config: Config, store: SqliteStore, { keys }: OpenedKeys, log: Log) {
  const { witnessFile } = config.storage;
  if (witnessFile === null) return undefined;
  return openWitness({
    file: witnessFile,
    key: keys.rowMac,
    head: store.changes.head,
    chainAt: async (sequence) => {
      const snapshot = await store.checkpoint.snapshot();
      try {
        const [row] = await snapshot.rows('SELECT chain FROM commits WHERE sequence = ?', [sequence]);
        return sequence === 0 ? '' : row && String(row.chain);
      } finally {
        await snapshot.release();
      }
    },
    failed: (error) => log.error('the witness file could not be written', { error: error as Error }),
  });
}

const witnessed = (ledger: Ledger, witness: Witness): Ledger => ({
  async commit(commit) {
    const receipt = await ledger.commit(commit);
    witness.touch();
    return receipt;
  },
});

type PackOptions = Omit<Parameters<typeof openFileBlobStore>[0], 'archive'>;

/** The packs, and the slow store that they are recalled from: each asks the other. */
async function openPacks({ storage }: Config, options: PackOptions & { readonly ledger: Ledger }, log: Log) {
  let packFiles: FileBlobStore | undefined;
  try {
    const tier: ArchiveTier | undefined =
      storage.archiveDir === null
        ? undefined
        : await openArchiveTier({
            ...options,
            online: blobsFolder(options.dataDir),
            archived: resolve(storage.archiveDir),
            forgetFile: async (pack) => packFiles?.forgetFile(pack),
            log,
          });
    packFiles = await openFileBlobStore({ ...options, ...(tier && { archive: tier }) });
    return { packFiles, tier };
  } catch (cause) {
    if (typeof (cause as NodeJS.ErrnoException).code !== 'string') throw cause;
    const message = `a folder for instances cannot be made or written (${(cause as NodeJS.ErrnoException).code})`;
    throw new NeuroInsightError('invalid-configuration', message, { cause });
  }
}

type Base = Omit<
  Foundation,
  | 'signer'
  | 'holds'
  | 'deletion'
  | 'retention'
  | 'compaction'
  | 'keyRotation'
  | 'scrub'
  | 'archival'
  | 'exclusive'
  | 'close'
>;

const DAY_SECONDS = 86_400;

/** What looks after the bytes that stay. */
function upkeep(base: Base, tier: ArchiveTier | undefined): Pick<Foundation, 'scrub' | 'archival'> {
  const { config, store, packFiles, dataDir, audit, clock, metrics, log } = base;
  const { packs, packContents, dicom, documents, ledger } = store;
  const { archiveDir, archiveAfterDays, scrubDays, scrubMiBPerSecond } = config.storage;
  const online = blobsFolder(dataDir);
  const scrub = createScrub({
    packs,
    contents: packContents,
    index: dicom,
    documents,
    ledger,
    audit,
    clock,
    metrics,
    blobs: packFiles,
    folders: { online, ...(archiveDir !== null && { archived: resolve(archiveDir) }) },
    bytesPerSecond: scrubMiBPerSecond * MEBIBYTE,
    everySeconds: scrubDays * DAY_SECONDS,
    pause: (milliseconds) => setTimeout(milliseconds),
  });
  return { scrub, archival: tier && createArchival({ packs, tier, clock, afterDays: archiveAfterDays, log }) };
}

function keyRotationOf({ store, keys, audit, clock }: Base, exclusive: Exclusive): KeyRotation {
  const { packs, ledger, documents } = store;
  return createKeyRotation({
    chest: keys,
    packs,
    ledger,
    documents,
    audit,
    clock,
    site: SITES[0].name,
    milliseconds: () => performance.now(),
    pause: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }).catch(() => undefined),
    // A backup holds keys.json beside the rows of a moment before.
    apart: (work) => exclusive('work on the backups', work),
  });
}

/** What goes for good, and what forbids it. */
function deletions(
  base: Base & Pick<Foundation, 'signer'>,
): Pick<Foundation, 'holds' | 'deletion' | 'retention' | 'compaction'> {
  const { config, store, packFiles, audit, clock, ids, signer, keys, log } = base;
  const { dicom, resources, runs, outbox, packs, packContents, ledger, documents } = store;
  const holds = createHolds({ documents, ledger, audit, clock, ids });
  const digest = digestOfFolder(keys.keys.rowMac);
  const read = { dicom, resources, runs, outbox, packs, packContents };
  const deps: DeletionDeps = { ...read, ledger, blobs: packFiles, audit, holds, clock, ids, signer, digest };
  const retention = createRetention({
    ...deps,
    retention: store.retention,
    rules: config.retention,
    sites: SITES.map(({ name }) => name),
    log,
  });
  // Past the quota: what it writes makes room.
  const compaction = createCompaction({ ...store, blobs: packFiles, clock, log });
  return { holds, deletion: createExplicitDeletion(deps), retention, compaction };
}
