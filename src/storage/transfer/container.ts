import { createHash, hkdfSync, randomBytes, scryptSync } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { KeyRing, WrappedKey } from '../../ports/index.ts';
import {
  createChunkOpener,
  createChunkSealer,
  HEADER_BYTES,
  type PackSeal,
  PREFIX_BYTES,
  parseHeader,
  TAG_BYTES,
} from '../blobs/sealed-pack.ts';
import { createKeyRing, kekIdOf } from '../keys/key-ring.ts';

/** Who can open a container: who knows the passphrase, or who has the key-encryption key. */
export type ContainerLock = { readonly passphrase: string } | { readonly ring: KeyRing };

/** The first line of a container. */
interface ContainerHead {
  readonly format: 'neuroinsight-export-1';
  readonly id: string;
  /** Present for a passphrase: scrypt (RFC 7914) with r = 8, p = 1; base64. */
  readonly salt?: string;
  readonly logN?: number;
  /** The container's own key. */
  readonly key: WrappedKey;
}

const FORMAT = 'neuroinsight-export-1';
const SCRYPT_LOG_N = 17;
/** A container from elsewhere could ask for all memory. */
const MOST_SCRYPT_LOG_N = 20;
const SHORTEST_PASSPHRASE = 12;
const CHUNK_LOG2 = 18;
const LONGEST_HEAD = 4_096;

const contextOf = (id: string): string => `export/${id}`;

/** @returns what turns the bytes of an export into those of a container, in pieces. */
export async function* sealContainer(
  plain: AsyncIterable<Uint8Array>,
  lock: ContainerLock,
): AsyncGenerator<Uint8Array> {
  const id = randomBytes(16).toString('hex');
  const key = randomBytes(32);
  const head = `${JSON.stringify(headOf(id, key, lock))}\n`;
  yield Buffer.from(head);
  const sealer = createChunkSealer(sealFor(id, key, head), CHUNK_LOG2, randomBytes(PREFIX_BYTES));
  for await (const piece of plain) {
    // The sealer may keep views of what it was given only until it is asked again.
    for (const sealed of sealer.take(piece)) yield Buffer.concat(sealed);
  }
  yield Buffer.concat(sealer.end().pieces);
}

function headOf(id: string, key: Uint8Array, lock: ContainerLock): ContainerHead {
  if ('ring' in lock) return { format: FORMAT, id, key: lock.ring.wrap(key, contextOf(id)) };
  if (lock.passphrase.length < SHORTEST_PASSPHRASE) {
    throw new NeuroInsightError('invalid-request', `a passphrase has at least ${SHORTEST_PASSPHRASE} characters`);
  }
  const salt = randomBytes(32);
  const ring = passphraseRing(lock.passphrase, salt, SCRYPT_LOG_N);
  const wrapped = ring.wrap(key, contextOf(id));
  return { format: FORMAT, id, salt: salt.toString('base64'), logN: SCRYPT_LOG_N, key: wrapped };
}

function passphraseRing(passphrase: string, salt: Uint8Array, logN: number): KeyRing {
  const N = 2 ** logN;
  const key = scryptSync(passphrase.normalize('NFKC'), salt, 32, { N, r: 8, p: 1, maxmem: 256 * N * 8 });
  return createKeyRing([{ id: kekIdOf(key), key }]);
}

/** The head is bound to every chunk. */
function sealFor(id: string, key: Uint8Array, head: string): PackSeal {
  return {
    pack: id,
    key: new Uint8Array(hkdfSync('sha256', key, id, 'neuroinsight export', 32)),
    context: createHash('sha256').update(head).digest(),
  };
}

/**
 * The bytes that were sealed, a chunk at a time; none of a chunk before it is known to be the one that was written.
 *
 * @throws wrong-key for another passphrase or key; damaged for what was edited, cut, or is no container.
 */
export async function* openContainer(
  container: AsyncIterable<Uint8Array>,
  lock: ContainerLock,
): AsyncGenerator<Uint8Array> {
  const input = takeFrom(container);
  try {
    yield* openChunks(input, lock);
  } finally {
    await input.close();
  }
}

async function* openChunks(input: Taking, lock: ContainerLock): AsyncGenerator<Uint8Array> {
  const line = await input.line(LONGEST_HEAD);
  const head = parseHead(line);
  const key = keyOf(head, lock);
  const header = parseHeader(await input.take(HEADER_BYTES), head.id);
  const opener = createChunkOpener(sealFor(head.id, key, `${line}\n`), header);
  const sealedBytes = header.chunkBytes + TAG_BYTES;
  let chunk = await input.take(sealedBytes);
  for (let index = 0; ; index++) {
    const next = await input.take(sealedBytes);
    yield opener.open(index, next.length === 0, chunk);
    if (next.length === 0) return;
    chunk = next;
  }
}

function keyOf(head: ContainerHead, lock: ContainerLock): Uint8Array {
  if ('ring' in lock) return lock.ring.unwrap(head.key, contextOf(head.id));
  const { salt, logN = Number.NaN } = head;
  if (salt === undefined || !(logN >= 1 && logN <= MOST_SCRYPT_LOG_N)) {
    throw new NeuroInsightError('wrong-key', 'the export was not made with a passphrase');
  }
  try {
    return passphraseRing(lock.passphrase, Buffer.from(salt, 'base64'), logN).unwrap(head.key, contextOf(head.id));
  } catch (cause) {
    throw new NeuroInsightError('wrong-key', 'the passphrase of the export is another one', { cause });
  }
}

function parseHead(line: string): ContainerHead {
  try {
    const head = JSON.parse(line) as ContainerHead;
    const isKnown = head.format === FORMAT && /^[0-9a-f]{32}$/.test(head.id);
    if (isKnown && typeof head.key.kekId === 'string' && typeof head.key.wrapped === 'string') return head;
  } catch {
    // Told below.
  }
  throw new NeuroInsightError('damaged', 'the file is no export of this software, or its beginning was changed');
}

/** Bytes taken from the front of what arrives in pieces. */
export interface Taking {
  /** So many bytes; fewer only where everything ends. */
  take(length: number): Promise<Buffer>;
  /** Up to a line feed, without it. @throws damaged when there is none within so many bytes. */
  line(longest: number): Promise<string>;
  /** So many bytes in the pieces in which they come. @throws damaged when there are fewer. */
  pieces(length: number): AsyncGenerator<Buffer>;
  /** Lets go of what the pieces come from. */
  close(): Promise<void>;
}

export function takeFrom(source: AsyncIterable<Uint8Array>): Taking {
  const iterator = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { done, value } = await iterator.next();
    if (done) return false;
    held = held.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([held, value]);
    return true;
  };
  const cut = (length: number): Buffer => {
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };
  return {
    close: async () => void (await iterator.return?.()),
    async take(length) {
      while (held.length < length && (await more())) {
        // Until there is enough.
      }
      return cut(length);
    },
    async line(longest) {
      for (let looked = 0; ; ) {
        const end = held.indexOf(10, looked);
        if (end >= 0 && end <= longest) {
          const line = cut(end).toString();
          held = held.subarray(1);
          return line;
        }
        looked = held.length;
        if (held.length > longest || !(await more())) {
          throw new NeuroInsightError('damaged', 'a line of the export has no end');
        }
      }
    },
    async *pieces(length) {
      for (let left = length; left > 0; ) {
        if (held.length === 0 && !(await more())) throw new NeuroInsightError('damaged', 'the export is cut off');
        const piece = cut(left);
        left -= piece.length;
        yield piece;
      }
    },
  };
}
