import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobStore, Clock, KeyRing, PackReader, PackRow, PackWriter, SitedPack } from '../../ports/index.ts';
import { PRIVATE_FOLDER, syncFolder } from '../durable-files.ts';
import { openPackReads, type PackAccess, type PackReads } from './open-packs.ts';
import { packPath, packsIn, requirePackName, translated } from './pack-files.ts';
import { createPackWriter } from './pack-writer.ts';
import { packSealOf } from './sealed-pack.ts';
import { createSparePacks, type SparePacks } from './spare-packs.ts';
import { createStudyKeys, type StudyKeys } from './study-keys.ts';

export interface FileBlobStoreOptions {
  /** Packs lie in its folder `blobs`, by the first two digits of their names. */
  readonly dataDir: string;
  readonly keyRing: KeyRing;
  readonly packs: Pick<PackReader, 'get' | 'studyKey'>;
  readonly clock: Clock;
  /** Where packs of the tier `archived` lie; without it reading one is refused all the same. */
  readonly archive?: {
    /** Has a pack copied back; called for every read until it is there. Throws where that cannot be. */
    recall(pack: string): void;
    /** Removes what lies there of a pack. */
    remove(pack: string): Promise<void>;
  };
  /** Another source of keys only in tests. */
  readonly random?: (bytes: number) => Uint8Array;
}

export interface FileBlobStore extends BlobStore {
  /** What opens a pack, for another thread. @throws not-found, gone, recalling. */
  access(pack: string): Promise<PackAccess>;
  /** The same wherever the pack lies, without having it recalled; for whoever knows the place. */
  accessAnywhere(pack: string): Promise<PackAccess>;
  /** After the row of a study's key was deleted: its key leaves the memory, and writers for it are refused. */
  forgetStudy(site: string, studyInstanceUid: string): Promise<void>;
  /** After the file of a pack went to another place, or came from there. */
  forgetFile(pack: string): Promise<void>;
  /** Closes the files that were kept open, and removes the spare ones. Reading and writing go on, and open them anew. */
  close(): Promise<void>;
}

/** A pack that was written here; its row may not be stored yet. */
interface Written {
  readonly site: string;
  readonly key: Uint8Array;
  readonly row: PackRow;
}

/** Packs that can be read before their rows are stored. */
const MOST_WRITTEN = 256;

/** The folder of packs in a data folder. */
export const blobsFolder = (dataDir: string): string => join(dataDir, 'blobs');

/**
 * Packs as sealed files: written once from front to back, made durable before they are pointed to, never changed after.
 * A read throws damaged for bytes that are not those that were written, gone for a study without a key, recalling for
 * a pack that lies in the archive.
 */
export async function openFileBlobStore(options: FileBlobStoreOptions): Promise<FileBlobStore> {
  const { dataDir, packs, archive } = options;
  const root = blobsFolder(dataDir);
  await mkdir(root, { recursive: true, mode: PRIVATE_FOLDER });
  // Whoever made the folder may not have come to its sync.
  await syncFolder(dataDir);
  const keys = createStudyKeys({ ...options, random: options.random ?? randomBytes });
  const spares = createSparePacks(root);
  const written = new Map<string, Written>();
  const find = (pack: string): Promise<FoundPack> => findPack(pack, packs, keys, written);
  const access = async (pack: string): Promise<PackAccess> => {
    const { row, access: found } = await find(pack);
    if (row.tier === 'online') return found;
    archive?.recall(pack);
    throw new NeuroInsightError('recalling', 'the bytes are on their way from the archive');
  };
  const reads = openPackReads(root, access);
  const remove = async (pack: string): Promise<void> => {
    // The name first: whoever opened the file between the two steps would keep its bytes on the disk.
    await rm(packPath(root, pack), { force: true });
    await archive?.remove(pack);
    written.delete(pack);
    await reads.forget(pack);
  };
  return {
    openPack: (site, studyInstanceUid) =>
      createPack({ site, studyInstanceUid, keys, spares, clock: options.clock, written, remove }),
    read: reads.read,
    stream: reads.stream,
    packs: () => withoutSpares(root, spares),
    remove,
    async freeBytes() {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    access,
    accessAnywhere: async (pack) => (await find(pack)).access,
    async forgetStudy(site, studyInstanceUid) {
      await keys.forget(site, studyInstanceUid);
      for (const [pack, one] of written) {
        if (one.site === site && one.row.studyInstanceUid === studyInstanceUid) written.delete(pack);
      }
      await reads.close();
    },
    forgetFile: (pack) => reads.forget(pack),
    close: () => closeAll(reads, spares),
  };
}

async function closeAll(reads: PackReads, spares: SparePacks): Promise<void> {
  await reads.close();
  await spares.close();
}

interface FoundPack {
  readonly row: PackRow;
  readonly access: PackAccess;
}

async function findPack(
  pack: string,
  packs: Pick<PackReader, 'get'>,
  keys: StudyKeys,
  written: ReadonlyMap<string, Written>,
): Promise<FoundPack> {
  requirePackName(pack);
  const stored: SitedPack | undefined = await packs.get(pack);
  const fresh = stored ? undefined : written.get(pack);
  const { site, row } = stored ?? fresh ?? refuseUnknown();
  const { studyInstanceUid, bytes } = row;
  const studyKey = fresh ? fresh.key : await keys.get(site, studyInstanceUid);
  return { row, access: { ...packSealOf(studyKey, { pack, site, studyInstanceUid }), bytes } };
}

function refuseUnknown(): never {
  throw new NeuroInsightError('not-found', 'the bytes are no longer stored');
}

interface NewPack {
  readonly site: string;
  readonly studyInstanceUid: string;
  readonly keys: StudyKeys;
  readonly spares: SparePacks;
  readonly clock: Clock;
  readonly written: Map<string, Written>;
  readonly remove: (pack: string) => Promise<void>;
}

async function createPack({
  site,
  studyInstanceUid,
  keys,
  spares,
  clock,
  written,
  remove,
}: NewPack): Promise<PackWriter> {
  const studyKey = await keys.hold(site, studyInstanceUid);
  try {
    const { pack, handle } = await spares.take();
    return createPackWriter({
      owner: { pack, site, studyInstanceUid },
      handle,
      studyKey,
      clock,
      onSealed: (row) => {
        const [oldest] = written.keys();
        if (oldest !== undefined && written.size >= MOST_WRITTEN) written.delete(oldest);
        written.set(pack, { site, key: studyKey.key, row });
      },
      remove: () => remove(pack),
    });
  } catch (error) {
    studyKey.release();
    throw translated(error);
  }
}

async function* withoutSpares(root: string, spares: SparePacks): AsyncGenerator<string> {
  for await (const pack of packsIn(root)) if (!spares.has(pack)) yield pack;
}
