import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock, Ledger, Log, PackReader, PackRow } from '../../ports/index.ts';
import { PRIVATE_FILE, PRIVATE_FOLDER, syncFolder } from '../durable-files.ts';
import type { FileBlobStore } from './file-blob-store.ts';
import { packFolder, packPath, translated, writeWhole } from './pack-files.ts';
import { damaged } from './sealed-pack.ts';

export interface ArchiveTierDeps {
  /** Folders of packs: the quick one, and the slow one, which is made if it is not there. */
  readonly online: string;
  readonly archived: string;
  readonly packs: Pick<PackReader, 'get'>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Handed in late: the store asks the tier for recalls. */
  readonly forgetFile: FileBlobStore['forgetFile'];
  readonly log?: Pick<Log, 'error'>;
  readonly recallsAtOnce?: number;
}

export interface ArchiveTier {
  /**
   * Moves a pack into the slow store: copied, compared by its sha256 and durable there before its row says so, and only
   * then removed here. False for one that is not online any more.
   * @throws damaged for a file that is not the one that was sealed; it stays where it is. storage-full.
   */
  archive(pack: string): Promise<boolean>;
  /** Begins to copy a pack back unless that has begun; readers of one pack wait for one copy. @throws damaged: it is not there. */
  recall(pack: string): void;
  /** Resolves when a recall that has begun has ended, well or not. */
  recalled(pack: string): Promise<void>;
  /** Removes what lies of a pack in the slow store. */
  remove(pack: string): Promise<void>;
  /** Resolves when no recall is under way. */
  close(): Promise<void>;
}

const COPY_BYTES = 2 ** 20;
const RECALLS_AT_ONCE = 2;
/** After a failure a pack is not asked for again for so long: the slow store may be away. */
const FAILURE_MILLISECONDS = 60_000;

export async function openArchiveTier(deps: ArchiveTierDeps): Promise<ArchiveTier> {
  await mkdir(deps.archived, { recursive: true, mode: PRIVATE_FOLDER });
  const recalls = new Map<string, Promise<void>>();
  const missing = new Map<string, number>();
  const inTurn = limited(deps.recallsAtOnce ?? RECALLS_AT_ONCE);
  const begin = async (pack: string): Promise<void> => {
    try {
      await inTurn(() => recall(deps, pack));
    } catch (error) {
      if (missing.size >= 1000) missing.clear();
      missing.set(pack, deps.clock.now().getTime());
      deps.log?.error('a pack could not be recalled from the archive', { pack, error: error as Error });
    } finally {
      recalls.delete(pack);
    }
  };
  return {
    archive: (pack) => archive(deps, pack),
    recall(pack) {
      if (recalls.has(pack)) return;
      const failedAt = missing.get(pack);
      if (failedAt !== undefined && deps.clock.now().getTime() - failedAt < FAILURE_MILLISECONDS) {
        throw damaged('the bytes of a pack cannot be had from the archive');
      }
      missing.delete(pack);
      recalls.set(pack, begin(pack));
    },
    recalled: async (pack) => recalls.get(pack),
    remove: (pack) => rm(packPath(deps.archived, pack), { force: true }),
    async close() {
      await Promise.all(recalls.values());
    },
  };
}

async function archive(deps: ArchiveTierDeps, pack: string): Promise<boolean> {
  const found = await deps.packs.get(pack);
  if (found?.row.tier !== 'online') return false;
  const { site, row } = found;
  const copied = await copyPack(deps.online, deps.archived, row);
  if (!copied.isWhole) {
    await rm(copied.path, { force: true });
    throw damaged('a pack is not the one that was sealed, and stays where it is');
  }
  await settle(deps.archived, pack, copied.path);
  if (!(await moveRow(deps, site, pack, 'archived'))) {
    await rm(packPath(deps.archived, pack), { force: true });
    return false;
  }
  await rm(packPath(deps.online, pack), { force: true });
  await deps.forgetFile(pack);
  return true;
}

async function recall(deps: ArchiveTierDeps, pack: string): Promise<void> {
  const found = await deps.packs.get(pack);
  if (found?.row.tier !== 'archived') return;
  const { site, row } = found;
  const copied = await copyPack(deps.archived, deps.online, row);
  await settle(deps.online, pack, copied.path);
  // What verifies of a damaged pack can be read; the copy in the archive is kept, as it may read better another time.
  const damage = copied.isWhole ? undefined : 'the file came with another sha256 from the archive';
  if (!(await moveRow(deps, site, pack, 'online', damage))) {
    await rm(packPath(deps.online, pack), { force: true });
    return;
  }
  await deps.forgetFile(pack);
  if (copied.isWhole) await rm(packPath(deps.archived, pack), { force: true });
}

/** False where the pack was removed, or its study erased, while its file was copied. */
async function moveRow(
  { packs, ledger }: ArchiveTierDeps,
  site: string,
  pack: string,
  tier: PackRow['tier'],
  damage?: string,
): Promise<boolean> {
  const now = await packs.get(pack);
  if (!now || now.row.tier === tier) return false;
  try {
    await ledger.commit({ site, packs: [{ ...now.row, tier, ...(damage !== undefined && { damage }) }] });
    return true;
  } catch (error) {
    if (error instanceof NeuroInsightError && error.kind === 'conflict') return false;
    throw error;
  }
}

interface Copied {
  /** Under a name that is no pack's yet. */
  readonly path: string;
  readonly isWhole: boolean;
}

async function copyPack(from: string, to: string, { pack, bytes, sha256 }: PackRow): Promise<Copied> {
  const folder = packFolder(to, pack);
  const path = `${packPath(to, pack)}.part`;
  const source = await open(packPath(from, pack), 'r').catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' ? damaged('the file of a pack is missing', cause) : cause;
  });
  try {
    const made = await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    if (made !== undefined) await syncFolder(to);
    const target = await open(path, 'w', PRIVATE_FILE);
    try {
      const copied = await copyBytes(source, target);
      await target.datasync();
      return { path, isWhole: copied.bytes === bytes && copied.sha256 === sha256 };
    } finally {
      await target.close();
    }
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw translated(error);
  } finally {
    await source.close();
  }
}

async function copyBytes(source: FileHandle, target: FileHandle) {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, COPY_BYTES, position);
    if (bytesRead === 0) return { bytes: position, sha256: hash.digest('hex') };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    position = await writeWhole(target, [piece], position);
  }
}

/** The name of a pack, durable, for what was copied. */
async function settle(root: string, pack: string, path: string): Promise<void> {
  await rename(path, packPath(root, pack));
  await syncFolder(packFolder(root, pack));
}

/** Runs some at once, the others in the order they came. */
function limited(most: number): (work: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
