import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, BlobStore, Clock, PackWriter } from '../../ports/index.ts';

export interface MemoryBlobStoreOptions {
  /** Bytes that may lie here at once; more is refused with storage-full. */
  readonly mostBytes?: number;
  readonly clock?: Clock;
}

/** A pack: what was appended, in order. */
type Pack = Uint8Array[];

const CHUNK_BYTES = 2 ** 20;

/** Packs that last as long as the process; for tests and for trying things out. */
export function openMemoryBlobStore(options: MemoryBlobStoreOptions = {}): BlobStore {
  const { mostBytes = 2 ** 30, clock = { now: () => new Date() } } = options;
  const packs = new Map<string, Pack>();
  const freeBytes = (): number => mostBytes - [...packs.values()].reduce((sum, pack) => sum + sizeOf(pack), 0);
  return {
    openPack: async (_site, studyInstanceUid) => createPack(packs, freeBytes, studyInstanceUid, clock),
    read: async (location, range) => read(packs, location, range),
    stream: (location) => Readable.from(chunksOf(packs, location), { objectMode: true }),
    async *packs() {
      yield* packs.keys();
    },
    async remove(pack) {
      packs.delete(pack);
    },
    freeBytes: async () => freeBytes(),
  };
}

const sizeOf = (pack: Pack): number => pack.reduce((sum, { byteLength }) => sum + byteLength, 0);

function createPack(
  packs: Map<string, Pack>,
  freeBytes: () => number,
  studyInstanceUid: string,
  clock: Clock,
): PackWriter {
  const name = randomBytes(16).toString('hex');
  const pack: Pack = [];
  packs.set(name, pack);
  let end = 0;
  let isOpen = true;
  const assertOpen = (): void => {
    if (!isOpen) throw new Error('the pack takes nothing more');
  };
  return {
    async append(bytes) {
      assertOpen();
      if (bytes.byteLength > freeBytes()) {
        isOpen = false;
        packs.delete(name);
        throw new NeuroInsightError('storage-full', 'the store has no room for more');
      }
      // A copy: what the caller does with its bytes afterwards is its own business.
      pack.push(Uint8Array.from(bytes));
      const offset = end;
      end += bytes.byteLength;
      return { pack: name, offset, length: bytes.byteLength };
    },
    async seal() {
      assertOpen();
      isOpen = false;
      const hash = createHash('sha256');
      for (const piece of pack) hash.update(piece);
      const sealedAt = clock.now().toISOString();
      const sha256 = hash.digest('hex');
      // Nothing rests on a disk here: there is no key.
      return {
        row: { pack: name, studyInstanceUid, bytes: end, sha256, sealedAt, tier: 'online' },
        studyKey: undefined,
      };
    },
    async discard() {
      isOpen = false;
      packs.delete(name);
    },
  };
}

function read(
  packs: ReadonlyMap<string, Pack>,
  { pack, offset, length }: BlobLocation,
  range: readonly [number, number] = [0, length - 1],
): Uint8Array {
  const [first, last] = range;
  const whole = length === 0 && last === -1;
  if (!whole && !(first >= 0 && first <= last && last < length)) {
    throw new NeuroInsightError('invalid-request', 'the range lies outside the bytes');
  }
  const stored = packs.get(pack);
  if (!stored) throw new NeuroInsightError('not-found', 'the bytes are no longer stored');
  const bytes = Buffer.concat(stored).subarray(offset + first, offset + last + 1);
  if (bytes.byteLength !== last - first + 1)
    throw new NeuroInsightError('damaged', 'a pack is shorter than its rows say');
  return bytes;
}

async function* chunksOf(packs: ReadonlyMap<string, Pack>, location: BlobLocation): AsyncGenerator<Uint8Array> {
  for (let first = 0; first < location.length; first += CHUNK_BYTES) {
    yield read(packs, location, [first, Math.min(first + CHUNK_BYTES, location.length) - 1]);
  }
}
