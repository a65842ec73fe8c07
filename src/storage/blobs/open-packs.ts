import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, BlobStore } from '../../ports/index.ts';
import { createHandleCache } from './handle-cache.ts';
import { packPath } from './pack-files.ts';
import {
  type ChunkOpener,
  chunkAt,
  createChunkOpener,
  damaged,
  HEADER_BYTES,
  layoutOf,
  type PackLayout,
  type PackSeal,
  parseHeader,
  TAG_BYTES,
} from './sealed-pack.ts';

/** What opens one pack and no other; plain data, that another thread can be given. */
export interface PackAccess extends PackSeal {
  /** Size of the file as it was sealed. */
  readonly bytes: number;
}

export interface PackReads extends Pick<BlobStore, 'read' | 'stream'> {
  /** Closes the file of a pack that is to be removed, or lies elsewhere now. */
  forget(pack: string): Promise<void>;
  /** Closes the files that were kept open. Reading goes on, and opens them anew. */
  close(): Promise<void>;
}

/** Bytes of a file that are read and opened in one go: the event loop gets its turn in between. */
const SLICE_BYTES = 2 ** 18;
const STREAM_BYTES = 2 ** 20;

interface OpenPack {
  readonly handle: FileHandle;
  readonly opener: ChunkOpener;
  readonly layout: PackLayout;
  /** False for a file that is shorter or longer than it was sealed. */
  readonly isWhole: boolean;
  close(): Promise<void>;
}

/** @param accessOf throws not-found, gone, recalling. */
export function openPackReads(root: string, accessOf: (pack: string) => Promise<PackAccess>): PackReads {
  const packs = createHandleCache<OpenPack>(async (pack) => {
    const access = await accessOf(pack);
    const handle = await openFile(root, pack);
    if (handle) return openPack(handle, access);
    // It may have gone to the archive, or for good, between the two steps: then this says so.
    const again = await accessOf(pack);
    const found = await openFile(root, pack);
    if (!found) throw damaged('the file of a pack is missing');
    return openPack(found, again);
  });
  const read = async (
    { pack, offset, length }: BlobLocation,
    range: readonly [number, number] = [0, length - 1],
    into?: Uint8Array,
  ): Promise<Uint8Array> => {
    const [first, last] = range;
    const whole = length === 0 && last === -1;
    if (!whole && !(first >= 0 && first <= last && last < length)) {
      throw new NeuroInsightError('invalid-request', 'the range lies outside the bytes');
    }
    return packs.use(pack, (open) => readRange(open, offset + first, last - first + 1, into));
  };
  return {
    read,
    stream: (location) => Readable.from(chunksOf(read, location)),
    forget: (pack) => packs.forget(pack),
    close: () => packs.close(),
  };
}

async function openPack(handle: FileHandle, access: PackAccess): Promise<OpenPack> {
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    await readFully(handle, header, 0);
    const opener = createChunkOpener(access, parseHeader(header, access.pack));
    // The row says how many chunks there are: a file that was cut, or grew, still gives those that verify.
    const layout = layoutOf(access.bytes, opener.header.chunkBytes);
    const { size } = await handle.stat();
    return { handle, opener, layout, isWhole: size === access.bytes, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Opens the chunks that the range touches, and no other. */
async function readRange(pack: OpenPack, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
  const { chunkBytes } = pack.opener.header;
  const end = offset + length;
  if (end > pack.layout.plainBytes) throw damaged('a pack is shorter than its rows say');
  const bytes = into && into.length >= length ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  if (length === 0) return bytes;
  const beyond = Math.ceil(end / chunkBytes);
  const atOnce = Math.max(1, SLICE_BYTES / chunkBytes);
  for (let index = Math.floor(offset / chunkBytes); index < beyond; index += atOnce) {
    const plain = await openChunks(pack, index, Math.min(atOnce, beyond - index));
    for (const [i, chunk] of plain.entries()) {
      const start = (index + i) * chunkBytes;
      const from = Math.max(offset - start, 0);
      bytes.set(chunk.subarray(from, Math.min(end - start, chunk.length)), start + from - offset);
    }
  }
  return bytes;
}

async function openChunks({ handle, opener, layout, isWhole }: OpenPack, first: number, count: number) {
  const { chunkBytes } = opener.header;
  const endOfFile = chunkAt(layout.chunks - 1, chunkBytes) + TAG_BYTES + lastBytes(layout, chunkBytes);
  const start = chunkAt(first, chunkBytes);
  const sealed = Buffer.allocUnsafeSlow(Math.min(chunkAt(first + count, chunkBytes), endOfFile) - start);
  await readFully(handle, sealed, start);
  return Array.from({ length: count }, (_, i) => {
    const isLast = first + i === layout.chunks - 1;
    if (isLast && !isWhole) throw damaged('a pack does not end where it was sealed');
    const at = i * (chunkBytes + TAG_BYTES);
    return opener.open(first + i, isLast, sealed.subarray(at, at + chunkBytes + TAG_BYTES));
  });
}

const lastBytes = ({ chunks, plainBytes }: PackLayout, chunkBytes: number): number =>
  plainBytes - (chunks - 1) * chunkBytes;

async function readFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw damaged('a pack is cut off');
    done += bytesRead;
  }
}

/** Pieces that end where chunks end, so that none is opened twice. */
async function* chunksOf(read: BlobStore['read'], location: BlobLocation): AsyncGenerator<Uint8Array> {
  for (let first = 0; first < location.length; ) {
    const position = location.offset + first;
    const end = Math.min(position - (position % STREAM_BYTES) + STREAM_BYTES - location.offset, location.length);
    yield await read(location, [first, end - 1]);
    first = end;
  }
}

/** @returns undefined: there is no such file. */
function openFile(root: string, pack: string): Promise<FileHandle | undefined> {
  return open(packPath(root, pack), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
