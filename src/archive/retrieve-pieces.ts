import type { BlobLocation, BlobStore } from '../ports/index.ts';
import type { ReadBuffers } from './retrieve-buffers.ts';

/** A stretch of the bytes of one location; pieces of one location follow each other. */
export interface Piece {
  /** Which location of the list. */
  readonly index: number;
  readonly bytes: Uint8Array;
  /** True for the last stretch of its location. */
  readonly last: boolean;
}

interface PlannedPiece {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly last: boolean;
}

/** One read of the store, and what it is cut into. */
interface PlannedRead {
  readonly location: BlobLocation;
  readonly pieces: readonly PlannedPiece[];
}

/** One read at most. */
export const READ_BYTES = 1 << 20;
/** What runs ahead of the reader, whatever the size of the study: so many bytes and, where they are small, reads. */
const BYTES_AHEAD = 3 << 20;
const READS_AHEAD = 16;
/** Bytes between two instances that are read and dropped, because a second read would cost more. */
const MOST_GAP = 64 << 10;

interface StartedRead {
  readonly read: Promise<Uint8Array>;
  readonly planned: PlannedRead;
  readonly buffer: Uint8Array | undefined;
}

/**
 * Reads locations in order, one group of pieces for each read of the store. Neighbours in one pack are read together:
 * a study stored by one request is a handful of reads, not one for each instance. A few reads run ahead of the reader;
 * one that stops reading stops them.
 *
 * @param buffers of at least `READ_BYTES`; with them the bytes of a group are good only until the next one is asked for.
 */
export async function* readInOrder(
  blobs: Pick<BlobStore, 'read'>,
  locations: readonly BlobLocation[],
  buffers?: ReadBuffers,
): AsyncGenerator<readonly Piece[]> {
  const plan = planReads(locations);
  const started: StartedRead[] = [];
  let bytesAhead = 0;
  const startMore = (): void => {
    while (started.length < READS_AHEAD && bytesAhead < BYTES_AHEAD) {
      const { value: planned, done } = plan.next();
      if (done) return;
      started.push(startRead(blobs, planned, buffers));
      bytesAhead += planned.location.length;
    }
  };
  startMore();
  try {
    for (let next = started[0]; next; next = started[0]) {
      const bytes = await next.read;
      started.shift();
      bytesAhead -= next.planned.location.length;
      startMore();
      yield next.planned.pieces.map(({ index, start, end, last }) => ({
        index,
        bytes: bytes.subarray(start, end),
        last,
      }));
      if (next.buffer) buffers?.giveBack(next.buffer);
    }
  } finally {
    // Left early: a buffer is free when its read has ended, one way or the other. The one that the reader has seen is
    // left to the collector, for nobody knows what still sends from it.
    for (const { read, buffer } of started) {
      const free = (): void => buffer && buffers?.giveBack(buffer);
      void read.then(free, free);
    }
  }
}

function startRead(
  blobs: Pick<BlobStore, 'read'>,
  planned: PlannedRead,
  buffers: ReadBuffers | undefined,
): StartedRead {
  const { location } = planned;
  const buffer = location.length > 0 ? buffers?.take() : undefined;
  // An empty fragment is legal and no range of bytes.
  const read = location.length > 0 ? blobs.read(location, undefined, buffer) : Promise.resolve(new Uint8Array(0));
  // Whoever awaits it sees the failure; a reader that has left must not end the process by it.
  read.catch(() => undefined);
  return { read, planned, buffer };
}

function* planReads(locations: readonly BlobLocation[]): Generator<PlannedRead> {
  let open: { pack: string; offset: number; end: number; pieces: PlannedPiece[] } | undefined;
  const close = (): PlannedRead => {
    const { pack, offset, end, pieces } = open!;
    open = undefined;
    return { location: { pack, offset, length: end - offset }, pieces };
  };
  for (const [index, { pack, offset, length }] of locations.entries()) {
    const end = offset + length;
    const joins = open?.pack === pack && offset >= open.end && offset - open.end <= MOST_GAP;
    if (open && (!joins || end - open.offset > READ_BYTES)) yield close();
    let at = offset;
    while (end - at > READ_BYTES) {
      const piece = { index, start: 0, end: READ_BYTES, last: false };
      yield { location: { pack, offset: at, length: READ_BYTES }, pieces: [piece] };
      at += READ_BYTES;
    }
    open ??= { pack, offset: at, end: at, pieces: [] };
    open.pieces.push({ index, start: at - open.offset, end: end - open.offset, last: true });
    open.end = end;
  }
  if (open) yield close();
}

/** The bytes of each location whole, in order; for small ones. */
export async function* readWhole(
  blobs: Pick<BlobStore, 'read'>,
  locations: readonly BlobLocation[],
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for await (const group of readInOrder(blobs, locations)) {
    for (const { bytes, last } of group) {
      parts.push(bytes);
      if (!last) continue;
      yield parts.length === 1 ? bytes : Buffer.concat(parts);
      parts = [];
    }
  }
}
