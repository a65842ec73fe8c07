import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { AuditTrail, Clock, DocumentReader, Ledger, LogHead, Principal } from '../../ports/index.ts';
import { lockFolder } from '../folder-lock.ts';
import type { DataKeys } from '../keys/data-keys.ts';
import type { Snapshot } from '../sqlite/checkpoint.ts';
import { copyDatabase } from './database-blocks.ts';
import { type BackupContents, type BackupFile, type BackupManifest, readManifest, writeManifest } from './manifest.ts';
import { copyPacks, linkPacks } from './packs.ts';
import { openRepository, type Repository } from './repository.ts';
import { createSigner, type ManifestSigner } from './signature.ts';

export interface BackupDeps {
  readonly dataDir: string;
  readonly checkpoint: { snapshot(): Promise<Snapshot> };
  readonly ledger: Ledger;
  readonly documents: DocumentReader;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  readonly keys: Pick<DataKeys, 'signingSeed'>;
  readonly clock: Clock;
  readonly softwareVersion: string;
  /** The signed list of erased patients and how many entries it has, as of now. */
  readonly erasures?: () => Promise<{ readonly bytes: Uint8Array; readonly count: number }>;
  /** Where the file of an archived pack lies; absent or undefined: archived packs are named, not copied. */
  readonly archivedPack?: (pack: string) => string | undefined;
}

export interface BackupRequest {
  /** A folder outside of the data folder. */
  readonly repository: string;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  readonly step: 'database' | 'packs';
  readonly done: number;
  readonly total: number;
}

export interface BackupReport {
  readonly snapshot: string;
  readonly at: string;
  readonly log: LogHead;
  readonly bytes: number;
  /** What this backup added to the repository. */
  readonly addedBytes: number;
  readonly packs: number;
  readonly seconds: number;
  /** Packs that were not what their rows say, or not there, before the backup began: find out why. */
  readonly damagedPacks: number;
  readonly missingPacks: number;
  readonly archivedPacks: number;
}

/** Content of the document backup/last. */
export type LastBackup = Omit<BackupReport, 'log'> & { readonly sequence: number };

const DATABASE = 'neuroinsight.sqlite';
const KEYS = 'keys.json';
const TRIES = 3;

/**
 * Copies the state of this moment while the server works: the database file, whose state is held still while it is
 * read, and the packs that this state points to. A backup that is interrupted leaves the repository as it was, and
 * what it copied is not copied again. Written down in the audit and in the document backup/last.
 *
 * @throws cancelled, storage-full; invalid-request for a repository within the data folder; in-use; overloaded.
 */
export async function backup(deps: BackupDeps, request: BackupRequest): Promise<BackupReport> {
  try {
    const report = await copyAll(deps, request);
    await writeDown(deps, request, report);
    return report;
  } catch (error) {
    const outcomeDesc = error instanceof NeuroInsightError ? error.kind : 'defect';
    const row = deps.audit.rowOf({ ...accessOf(request.principal), outcome: '8', outcomeDesc });
    await deps.ledger.commit({ site: request.principal.site, audit: [row] });
    throw error;
  }
}

async function copyAll(deps: BackupDeps, request: BackupRequest): Promise<BackupReport> {
  const started = performance.now();
  requireOutside(deps.dataDir, request.repository);
  const lock = lockFolder(request.repository, 'backup', deps.clock.now().toISOString());
  try {
    return await copyInto(await openRepository(request.repository, 'write'), deps, request, started);
  } finally {
    lock.release();
  }
}

async function copyInto(
  repository: Repository,
  deps: BackupDeps,
  request: BackupRequest,
  started: number,
): Promise<BackupReport> {
  const signer = createSigner(deps.keys.signingSeed);
  const erasures = await deps.erasures?.();
  const { state, packs, addedBytes: added } = await copyWhole(deps, request, repository, signer);
  const contents: BackupContents = {
    database: state.copy.database,
    files: [...state.keys, ...packs.files],
    elsewhere: packs.elsewhere,
  };
  const stored = await repository.putBytes(Buffer.from(JSON.stringify(contents)));
  const manifest: BackupManifest = {
    format: 'neuroinsight-backup-1',
    snapshot: `${state.at.replaceAll(':', '-')}-${randomBytes(4).toString('hex')}`,
    softwareVersion: deps.softwareVersion,
    at: state.at,
    log: state.log,
    contents: { sha256: stored.sha256, bytes: stored.bytes },
    bytes: contents.database.bytes + contents.files.reduce((sum, file) => sum + file.bytes, 0),
    addedBytes: added + (stored.added ? stored.bytes : 0),
    packs: packs.files.length,
    kekIds: state.kekIds,
    erasures: erasures?.count ?? 0,
  };
  await putErasures(repository, deps);
  await repository.putSnapshot(manifest.snapshot, writeManifest(manifest, signer));
  const { snapshot, at, log, bytes, addedBytes } = manifest;
  return {
    snapshot,
    at,
    log,
    bytes,
    addedBytes,
    packs: manifest.packs,
    seconds: (performance.now() - started) / 1000,
    damagedPacks: packs.files.filter(({ damaged }) => damaged).length,
    missingPacks: packs.elsewhere.filter(({ why }) => why === 'missing').length,
    archivedPacks: packs.elsewhere.filter(({ why }) => why === 'archived').length,
  };
}

/** As it is now, and again if it grew meanwhile: whoever erases while a backup is made leaves it to the backup. */
async function putErasures(repository: Repository, { erasures }: BackupDeps): Promise<void> {
  for (let written = -1; ; ) {
    const list = await erasures?.();
    if (!list || list.count === written) return;
    await repository.putErasures(list.bytes);
    written = list.count;
  }
}

/**
 * A pack that is gone may have moved into another one between the state and the copy: then a later state has it there.
 * What is gone every time was gone before.
 */
async function copyWhole(deps: BackupDeps, request: BackupRequest, repository: Repository, signer: ManifestSigner) {
  let addedBytes = 0;
  for (let tries = 1; ; tries++) {
    const state = await copyState(deps, request, repository, signer);
    const packs = await copyPacks({ ...request, repository, links: state.links, packs: state.packs, deps });
    addedBytes += state.copy.addedBytes + packs.addedBytes;
    if (tries === TRIES || !packs.elsewhere.some(({ why }) => why === 'missing')) return { state, packs, addedBytes };
  }
}

/** What must be of one moment: the file, what it points to, and the keys that open it. */
async function copyState(deps: BackupDeps, request: BackupRequest, repository: Repository, signer: ManifestSigner) {
  const previous = await newestContents(repository, signer);
  const snapshot = await deps.checkpoint.snapshot();
  try {
    const at = deps.clock.now().toISOString();
    const keys = await copyKeys(deps.dataDir, repository);
    const [head] = await snapshot.rows('SELECT sequence, chain FROM commits ORDER BY sequence DESC LIMIT 1');
    const kekIds = (await snapshot.rows('SELECT DISTINCT kek_id FROM study_keys')).map((row) => String(row.kek_id));
    const { packs, links } = await linkPacks(snapshot, deps.dataDir, repository);
    const copy = await copyDatabase(join(deps.dataDir, DATABASE), DATABASE, {
      repository,
      previous: previous?.database,
      signal: request.signal,
      onProgress: (done, total) => request.onProgress?.({ step: 'database', done, total }),
    });
    const log = { sequence: Number(head?.sequence ?? 0), chain: String(head?.chain ?? '') };
    return { at, log, kekIds, keys, packs, links, copy };
  } finally {
    await snapshot.release();
  }
}

/** The wrapped keys of the data folder; without them a backup is of no use, and without the KEK they are of none. */
async function copyKeys(dataDir: string, repository: Repository): Promise<BackupFile[]> {
  try {
    const { sha256, bytes } = await repository.putBytes(await readFile(join(dataDir, KEYS)));
    return [{ path: KEYS, sha256, bytes }];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Of the newest snapshot that this server signed. */
async function newestContents(repository: Repository, signer: ManifestSigner): Promise<BackupContents | undefined> {
  for (const name of (await repository.snapshots()).toReversed()) {
    try {
      const { contents } = readManifest(await repository.readSnapshot(name), signer);
      return JSON.parse((await repository.readWhole(contents)).toString()) as BackupContents;
    } catch (error) {
      // Nothing of a snapshot that is damaged is used again: this backup copies everything.
      if (!(error instanceof NeuroInsightError)) throw error;
    }
  }
  return undefined;
}

function requireOutside(dataDir: string, repository: string): void {
  const path = relative(resolve(dataDir), resolve(repository));
  if (path === '' || !path.startsWith('..')) {
    throw new NeuroInsightError('invalid-request', 'backups must lie outside of the data folder');
  }
}

async function writeDown(deps: BackupDeps, { principal }: BackupRequest, report: BackupReport): Promise<void> {
  const { log, ...rest } = report;
  const content: LastBackup = { ...rest, sequence: log.sequence };
  const known = await deps.documents.get(principal.site, 'backup', 'last');
  const expected = known?.version ?? 0;
  await deps.ledger.commit({
    site: principal.site,
    audit: [deps.audit.rowOf(accessOf(principal))],
    documents: [{ expected, row: { kind: 'backup', id: 'last', version: expected + 1, content } }],
  });
}

const accessOf = (principal: Principal) => ({ principal, action: 'E', interaction: 'admin/backup' }) as const;
