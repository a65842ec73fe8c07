import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, opendir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, BlobStore, PackWriter } from '../../ports/index.ts';
import { createHandleCache, type HandleCache } from './handle-cache.ts';

export interface FileBlobStoreOptions {
  /** Packs lie in its folder `blobs`, by the first two digits of their names. */
  readonly dataDir: string;
}

/** A pack's name is made here and checked wherever one comes in: no row can point outside the folder. */
const PACK = /^[0-9a-f]{32}$/;
const CHUNK_BYTES = 2 ** 20;
/** After so many bytes the disk is set to work while more arrive; the seal then waits for the last of them only. */
const EARLY_SYNC_BYTES = 2 ** 23;
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

export interface FileBlobStore extends BlobStore {
  /** Closes the files that were kept open for reading. Reading goes on, and opens them anew. */
  close(): Promise<void>;
}

/** Packs as files: written once from front to back, made durable before they are pointed to, never changed after. */
export async function openFileBlobStore({ dataDir }: FileBlobStoreOptions): Promise<FileBlobStore> {
  const root = join(dataDir, 'blobs');
  const made = await mkdir(root, { recursive: true, mode: PRIVATE_FOLDER });
  if (made !== undefined) await syncFolder(dataDir);
  /** Folders whose own names have been made durable by this process. */
  const durable = new Set<string>();
  const handles = createHandleCache((pack) => open(pathOf(root, pack), 'r').catch(refuseMissing));
  return {
    openPack: () => createPack(root, durable, handles),
    read: (location, range, into) => read(handles, location, range, into),
    stream: (location) => Readable.from(chunksOf(handles, location)),
    packs: () => packsIn(root),
    remove: (pack) => removePack(root, handles, pack),
    async freeBytes() {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    close: () => handles.close(),
  };
}

function folderOf(root: string, pack: string): string {
  if (!PACK.test(pack)) throw new NeuroInsightError('not-found', 'there is no such pack');
  return join(root, pack.slice(0, 2));
}

function pathOf(root: string, pack: string): string {
  return join(folderOf(root, pack), `${pack}.pack`);
}

/** The name first: whoever opened the file between the two steps would keep its bytes on the disk. */
async function removePack(root: string, handles: HandleCache, pack: string): Promise<void> {
  await rm(pathOf(root, pack), { force: true });
  await handles.forget(pack);
}

async function createPack(root: string, durable: Set<string>, handles: HandleCache): Promise<PackWriter> {
  const pack = randomBytes(16).toString('hex');
  const path = pathOf(root, pack);
  const folder = folderOf(root, pack);
  try {
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const handle = await open(path, 'wx', PRIVATE_FILE);
    const syncName = async (): Promise<void> => {
      await syncFolder(folder);
      // Whoever made the folder may not have come to its sync yet, or never will.
      if (!durable.has(folder)) await syncFolder(root);
      durable.add(folder);
    };
    return writerOf(pack, handle, syncName, () => removePack(root, handles, pack));
  } catch (error) {
    throw translated(error);
  }
}

/** @param syncName makes the name of the file survive a power cut. */
function writerOf(
  pack: string,
  handle: FileHandle,
  syncName: () => Promise<void>,
  remove: () => Promise<void>,
): PackWriter {
  let end = 0;
  let state: 'open' | 'failed' | 'sealed' | 'discarded' = 'open';
  // Appends come one after the other, however they are called: offsets are promises about the file.
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  const early = earlySync(handle);
  const discard = async (): Promise<void> => {
    if (state === 'discarded') return;
    await early.settled();
    if (state !== 'sealed') await handle.close();
    state = 'discarded';
    await remove();
  };
  const orDiscard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (state !== 'open') throw new Error('the pack takes nothing more');
    try {
      return await work();
    } catch (error) {
      await discard();
      throw translated(error);
    }
  };
  return {
    append: (bytes) =>
      inTurn(() =>
        orDiscard(async () => {
          const offset = end;
          await writeWhole(handle, bytes, offset);
          end += bytes.byteLength;
          early.written(bytes.byteLength);
          return { pack, offset, length: bytes.byteLength };
        }),
      ),
    seal: () =>
      inTurn(() =>
        orDiscard(async () => {
          await early.settled();
          early.assertSound();
          await handle.datasync();
          await handle.close();
          state = 'sealed';
          await syncName();
        }),
      ),
    discard: () => inTurn(discard),
  };
}

interface EarlySync {
  written(bytes: number): void;
  /** Resolves when no early sync is under way; it never rejects. */
  settled(): Promise<void>;
  /** Throws what an early sync failed with: the system tells it once, and a later sync would find nothing wrong. */
  assertSound(): void;
}

function earlySync(handle: FileHandle): EarlySync {
  let waiting = 0;
  let failure: { readonly error: unknown } | undefined;
  let syncing: Promise<void> | undefined;
  const sync = async (): Promise<void> => {
    try {
      await handle.datasync();
    } catch (error) {
      failure = { error };
    }
    syncing = undefined;
  };
  return {
    written(bytes) {
      waiting += bytes;
      if (waiting < EARLY_SYNC_BYTES || syncing) return;
      waiting = 0;
      syncing = sync();
    },
    settled: async () => syncing,
    assertSound() {
      if (failure) throw failure.error;
    },
  };
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written, offset + written);
    written += bytesWritten;
  }
}

/** A new name in a folder survives a power cut only when the folder itself was synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function read(
  handles: HandleCache,
  { pack, offset, length }: BlobLocation,
  range: readonly [number, number] = [0, length - 1],
  into?: Uint8Array,
): Promise<Uint8Array> {
  const [first, last] = range;
  const whole = length === 0 && last === -1;
  if (!whole && !(first >= 0 && first <= last && last < length)) {
    throw new NeuroInsightError('invalid-request', 'the range lies outside the bytes');
  }
  return handles.use(pack, (handle) => readWhole(handle, offset + first, last - first + 1, into));
}

async function readWhole(handle: FileHandle, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
  const bytes = into && into.length >= length ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('a pack is shorter than its rows say');
    done += bytesRead;
  }
  return bytes;
}

async function* chunksOf(handles: HandleCache, location: BlobLocation): AsyncGenerator<Uint8Array> {
  for (let first = 0; first < location.length; first += CHUNK_BYTES) {
    yield await read(handles, location, [first, Math.min(first + CHUNK_BYTES, location.length) - 1]);
  }
}

async function* packsIn(root: string): AsyncGenerator<string> {
  for await (const folder of await opendir(root)) {
    if (!folder.isDirectory()) continue;
    for await (const { name } of await opendir(join(root, folder.name))) {
      const pack = name.replace(/\.pack$/, '');
      if (name.endsWith('.pack') && PACK.test(pack)) yield pack;
    }
  }
}

function refuseMissing(error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOENT')
    throw new NeuroInsightError('not-found', 'the bytes are no longer stored', { cause: error });
  throw error;
}

const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function translated(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return FULL.has(code)
    ? new NeuroInsightError('storage-full', 'the store has no room for more', { cause: error })
    : error;
}
