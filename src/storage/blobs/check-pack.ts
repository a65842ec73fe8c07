import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { InstanceRow, PackRow } from '../../ports/index.ts';
import type { PackAccess } from './open-packs.ts';
import { type ChunkOpener, chunkAt, createChunkOpener, HEADER_BYTES, layoutOf, parseHeader } from './sealed-pack.ts';

/** What a look at every byte of a pack found; everything empty: it is as it was written. */
export interface PackFindings {
  /** One line for the row of the pack; undefined: nothing is wrong. */
  readonly damage: string | undefined;
  readonly bytesRead: number;
  /** Places of chunks that do not verify, the first of them. */
  readonly chunks: readonly number[];
  /** SOPInstanceUIDs whose bytes are not those that were stored. */
  readonly instances: readonly string[];
}

export interface CheckOptions {
  readonly path: string;
  readonly row: PackRow;
  readonly access: PackAccess;
  /** Those whose bytes lie in the pack. */
  readonly instances: readonly Pick<InstanceRow, 'sopInstanceUid' | 'blob' | 'storedSha256'>[];
  /** Told after each piece; resolves when the next may be read. */
  readonly pace: (bytes: number) => Promise<void>;
}

const CHUNKS_AT_ONCE = 4;
const MOST_PLACES = 100;

/** Reads the file once: its sha256, every chunk, and the sha256 of every instance. */
export async function checkPack(options: CheckOptions): Promise<PackFindings> {
  const { path, row } = options;
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const everything = options.instances.map(({ sopInstanceUid }) => sopInstanceUid);
  if (!handle) return { damage: 'the file is missing', bytesRead: 0, chunks: [], instances: everything };
  try {
    const { size } = await handle.stat();
    if (size !== row.bytes) {
      const damage = `the file has ${size} bytes instead of ${row.bytes}`;
      return { damage, bytesRead: 0, chunks: [], instances: [] };
    }
    return await checkFile(handle, options);
  } finally {
    await handle.close();
  }
}

async function checkFile(handle: FileHandle, { row, access, instances, pace }: CheckOptions): Promise<PackFindings> {
  const hash = createHash('sha256');
  const header = await readAt(handle, 0, HEADER_BYTES);
  hash.update(header);
  const opener = openerOf(access, header);
  const chunkBytes = opener?.header.chunkBytes ?? 2 ** 16;
  const { chunks } = opener ? layoutOf(row.bytes, chunkBytes) : { chunks: 0 };
  const bodies = bodiesOf(instances);
  const bad: number[] = [];
  let badChunks = 0;
  for (let first = 0; chunkAt(first, chunkBytes) < row.bytes; first += CHUNKS_AT_ONCE) {
    const start = chunkAt(first, chunkBytes);
    const sealed = await readAt(
      handle,
      start,
      Math.min(chunkAt(first + CHUNKS_AT_ONCE, chunkBytes), row.bytes) - start,
    );
    hash.update(sealed);
    for (let index = first; opener && index < Math.min(first + CHUNKS_AT_ONCE, chunks); index++) {
      const from = chunkAt(index, chunkBytes) - start;
      const chunk = sealed.subarray(from, Math.min(chunkAt(index + 1, chunkBytes) - start, sealed.length));
      const plain = opened(opener, index, index === chunks - 1, chunk);
      if (plain) bodies.take(index * chunkBytes, plain);
      else if (++badChunks <= MOST_PLACES) bad.push(index);
    }
    await pace(sealed.length);
  }
  const wrong = bodies.wrong();
  const found = [
    opener ? undefined : 'the header is not the one that was written',
    badChunks > 0 ? `${badChunks} of ${chunks} chunks do not verify` : undefined,
    hash.digest('hex') === row.sha256 ? undefined : 'the file has another sha256',
    wrong.length > 0 ? `${wrong.length} instances are not whole` : undefined,
  ].filter((line) => line !== undefined);
  return {
    damage: found.length > 0 ? found.join('; ') : undefined,
    bytesRead: row.bytes,
    chunks: bad,
    instances: wrong,
  };
}

const isDamage = (error: unknown): boolean => error instanceof NeuroInsightError && error.kind === 'damaged';

function openerOf(access: PackAccess, header: Uint8Array): ChunkOpener | undefined {
  try {
    const opener = createChunkOpener(access, parseHeader(header, access.pack));
    layoutOf(access.bytes, opener.header.chunkBytes);
    return opener;
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

function opened(opener: ChunkOpener, index: number, isLast: boolean, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return opener.open(index, isLast, sealed);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    // What a file loses while it is read shows in its sha256.
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

interface Body {
  readonly uid: string;
  readonly start: number;
  readonly end: number;
  readonly sha256: string;
  readonly hash: Hash;
  hashed: number;
}

/** Hashes instances while their pack goes by. */
function bodiesOf(instances: CheckOptions['instances']) {
  const bodies: Body[] = instances.map(({ sopInstanceUid, blob, storedSha256 }) => ({
    uid: sopInstanceUid,
    start: blob.offset,
    end: blob.offset + blob.length,
    sha256: storedSha256,
    hash: createHash('sha256'),
    hashed: 0,
  }));
  bodies.sort((a, b) => a.start - b.start);
  let done = 0;
  return {
    take(position: number, plain: Uint8Array): void {
      const beyond = position + plain.length;
      while (bodies[done] && bodies[done]!.end <= position) done++;
      for (let i = done; i < bodies.length && bodies[i]!.start < beyond; i++) {
        const { start, end, hash } = bodies[i]!;
        const part = plain.subarray(Math.max(start - position, 0), Math.max(0, Math.min(end, beyond) - position));
        hash.update(part);
        bodies[i]!.hashed += part.length;
      }
    },
    wrong: (): readonly string[] =>
      bodies
        .filter(({ start, end, hash, hashed, sha256 }) => hashed !== end - start || hash.digest('hex') !== sha256)
        .map(({ uid }) => uid),
  };
}
