import { basename, dirname, join, resolve } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { AuditTrail, ChangeFeed, KeyRing, Ledger, LogHead, PackReader, Principal } from '../../ports/index.ts';
import { buildFolder, requireEmptyFolder } from '../build-folder.ts';
import { makePrivateFolder } from '../durable-files.ts';
import { everyPack } from '../every-pack.ts';
import type { DataKeys } from '../keys/data-keys.ts';
import { rebuildDatabase } from './database-blocks.ts';
import { type BackupContents, type BackupFile, type BackupManifest, readManifest, readUnchecked } from './manifest.ts';
import { openRepository, type Repository, writeFileWhole } from './repository.ts';
import { createSigner } from './signature.ts';

/** What a restored folder is opened with before it may be served. */
export interface RestoreDeps<Opened extends RestoredStore> {
  /** The keys of the folder: keys.json lies in it. @throws wrong-key */
  readonly openKeys: (dataDir: string) => Promise<{ readonly ring: KeyRing; readonly keys: DataKeys }>;
  readonly openStore: (dataDir: string, keys: DataKeys) => Promise<Opened>;
  readonly auditOf: (ledger: Ledger) => Pick<AuditTrail, 'rowOf'>;
  /** Holds every row to its MAC and to the log. @throws damaged */
  readonly verifyStore?: (opened: Opened, keys: DataKeys) => Promise<void>;
  readonly erasures?: ErasureReplay<Opened>;
}

export interface RestoredStore {
  readonly ledger: Ledger;
  readonly changes: ChangeFeed;
  readonly packs: Pick<PackReader, 'list'>;
  close(): Promise<void>;
}

/** How the list of erased patients is read and carried out again. */
export interface ErasureReplay<Opened> {
  /** Number of entries. @throws damaged when it is not signed by these keys. */
  count(list: Uint8Array, keys: DataKeys): number;
  /** Erases who is in the list; resolves to how many there were in this store. */
  replay(list: Uint8Array, opened: Opened, keys: DataKeys, dataDir: string): Promise<number>;
}

export interface RestoreRequest {
  readonly repository: string;
  /** Absent: the newest. */
  readonly snapshot?: string;
  /** Must be absent or empty. */
  readonly dataDir: string;
  /** A list of erasures that was kept apart from the repository: it may be newer than that. */
  readonly erasures?: Uint8Array;
  readonly principal: Principal;
  readonly onProgress?: (progress: { readonly step: string; readonly done: number; readonly total: number }) => void;
}

export interface RestoreReport {
  readonly snapshot: string;
  readonly at: string;
  readonly log: LogHead;
  readonly bytes: number;
  readonly packs: number;
  readonly damagedPacks: number;
  readonly missingPacks: number;
  readonly archivedPacks: number;
  readonly erased: number;
  readonly seconds: number;
}

/**
 * Builds a data folder from a backup. Everything happens in a folder aside, which gets its name when all of it has
 * been checked: signature, sizes, hashes, the log, the packs of every row. Nothing that is half restored can be served.
 *
 * @throws output-exists: the folder is not empty. not-found: no such snapshot. wrong-key: the KEK is another one.
 *   damaged: something is missing, cut, swapped or edited, by name; or the erasure list is older than the snapshot.
 */
export async function restore<Opened extends RestoredStore>(
  deps: RestoreDeps<Opened>,
  request: RestoreRequest,
): Promise<RestoreReport> {
  const started = performance.now();
  const dataDir = resolve(request.dataDir);
  await requireEmptyFolder(dataDir);
  const repository = await openRepository(request.repository, 'read');
  const name = request.snapshot ?? (await repository.snapshots()).at(-1);
  if (name === undefined) throw new NeuroInsightError('not-found', 'there is no snapshot in the repository');
  return buildFolder(dataDir, 'restoring', async (aside) => {
    const { manifest, contents, keys } = await openSnapshot(deps, repository, name, aside);
    await copyFiles(repository, contents, aside, request);
    const erased = await checkOpened(deps, request, { repository, manifest, contents, keys, aside });
    return reportOf(manifest, contents, erased, started);
  });
}

/** The keys come first, by a manifest that is not believed yet: with them it is known whether it can be. */
async function openSnapshot<Opened extends RestoredStore>(
  deps: RestoreDeps<Opened>,
  repository: Repository,
  name: string,
  aside: string,
) {
  const text = await repository.readSnapshot(name);
  const unchecked = readUnchecked(text);
  const contents = parseContents(await repository.readWhole(unchecked.contents));
  const keyFile = contents.files.find(({ path }) => path === 'keys.json');
  if (keyFile) await restoreFile(repository, keyFile, aside);
  const { keys } = await deps.openKeys(aside);
  const manifest = readManifest(text, createSigner(keys.signingSeed));
  if (manifest.snapshot !== name) throw new NeuroInsightError('damaged', 'the manifest is that of another snapshot');
  return { manifest, contents, keys };
}

export function parseContents(bytes: Buffer): BackupContents {
  try {
    const contents = JSON.parse(bytes.toString()) as BackupContents;
    if (Array.isArray(contents.files) && Array.isArray(contents.elsewhere)) return contents;
  } catch {
    // Told below.
  }
  throw new NeuroInsightError('damaged', 'the list of a backup is malformed');
}

async function copyFiles(
  repository: Repository,
  contents: BackupContents,
  aside: string,
  { onProgress }: RestoreRequest,
): Promise<void> {
  await rebuildDatabase(repository, contents.database, join(aside, 'neuroinsight.sqlite'));
  const packs = contents.files.filter(({ path }) => path !== 'keys.json');
  for (const [done, file] of packs.entries()) {
    onProgress?.({ step: 'packs', done, total: packs.length });
    await restoreFile(repository, file, aside);
  }
}

/** The paths that a backup has; the list is signed, but a path that leads elsewhere is never followed. */
const PATH = /^(keys\.json|blobs\/[0-9a-f]{2}\/[0-9a-f]{32}\.pack)$/;

async function restoreFile(repository: Repository, file: BackupFile, aside: string): Promise<void> {
  if (!PATH.test(file.path)) throw new NeuroInsightError('damaged', 'the list of a backup names a strange file');
  const path = join(aside, file.path);
  makePrivateFolder(dirname(path));
  await writeFileWhole(path, async (to) => {
    for await (const piece of repository.read(file)) await to.writeFile(piece);
  });
}

interface Restored {
  readonly repository: Repository;
  readonly manifest: BackupManifest;
  readonly contents: BackupContents;
  readonly keys: DataKeys;
  readonly aside: string;
}

async function checkOpened<Opened extends RestoredStore>(
  deps: RestoreDeps<Opened>,
  request: RestoreRequest,
  restored: Restored,
): Promise<number> {
  const { manifest, contents, keys } = restored;
  const lists = await erasureLists(deps, request, restored);
  const opened = await deps.openStore(restored.aside, keys);
  try {
    const head = await opened.changes.head();
    if (head.sequence !== manifest.log.sequence || head.chain !== manifest.log.chain) {
      throw new NeuroInsightError('damaged', 'the log of the restored database is not the one of the manifest');
    }
    await requirePacks(opened.packs, contents);
    await deps.verifyStore?.(opened, keys);
    let erased = 0;
    for (const list of lists) erased += await deps.erasures!.replay(list, opened, keys, restored.aside);
    const row = deps.auditOf(opened.ledger).rowOf({
      principal: request.principal,
      action: 'E',
      interaction: 'admin/restore',
      entities: [],
    });
    await opened.ledger.commit({ site: request.principal.site, audit: [row] });
    return erased;
  } finally {
    await opened.close();
  }
}

/** @throws damaged when none of them is as long as the list was when the backup was made. */
async function erasureLists<Opened extends RestoredStore>(
  { erasures }: RestoreDeps<Opened>,
  request: RestoreRequest,
  { repository, manifest, keys }: Restored,
): Promise<readonly Uint8Array[]> {
  const lists = [await repository.readErasures(), request.erasures].filter((list) => list !== undefined);
  const counts = erasures ? lists.map((list) => erasures.count(list, keys)) : [];
  if (Math.max(0, ...counts) < manifest.erasures) {
    throw new NeuroInsightError('damaged', 'the list of erased patients is missing or older than the backup');
  }
  return erasures ? lists : [];
}

async function requirePacks(packs: RestoredStore['packs'], contents: BackupContents): Promise<void> {
  const files = new Map(contents.files.map((file) => [basename(file.path, '.pack'), file]));
  const excused = new Set(contents.elsewhere.map(({ pack }) => pack));
  for await (const { row } of everyPack(packs)) {
    const file = files.get(row.pack);
    const isWhole = file ? file.damaged || (file.sha256 === row.sha256 && file.bytes === row.bytes) : false;
    if (!isWhole && !excused.has(row.pack)) {
      throw new NeuroInsightError('damaged', `pack ${row.pack.slice(0, 12)} of the backup is not the one of its row`);
    }
  }
}

function reportOf(
  manifest: BackupManifest,
  { files, elsewhere }: BackupContents,
  erased: number,
  started: number,
): RestoreReport {
  const { snapshot, at, log, bytes, packs } = manifest;
  return {
    snapshot,
    at,
    log,
    bytes,
    packs,
    damagedPacks: files.filter(({ damaged }) => damaged).length,
    missingPacks: elsewhere.filter(({ why }) => why === 'missing').length,
    archivedPacks: elsewhere.filter(({ why }) => why === 'archived').length,
    erased,
    seconds: (performance.now() - started) / 1000,
  };
}
