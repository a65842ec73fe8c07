import { openPixels } from '../dicom/pixels.ts';
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, isEncapsulated } from '../dicom/transfer-syntax.ts';
import { type ErrorKind, NeuroInsightError } from '../domain/errors.ts';
import type { BlobLocation, BlobStore, FrameDecoder, InstanceRow } from '../ports/index.ts';
import type { Inflations } from './inflations.ts';
import type { ReadBuffers } from './retrieve-buffers.ts';
import { type Piece, readInOrder } from './retrieve-pieces.ts';

/**
 * Parts of a reply: how long each is, where that is known before it is read, and their bytes in order. The bytes of a
 * group are good only until the next one is asked for.
 */
export interface Parts {
  readonly count: number;
  readonly lengths: readonly number[] | undefined;
  readonly pieces: AsyncGenerator<readonly Piece[]>;
}

export interface DecodingDeps {
  readonly blobs: Pick<BlobStore, 'read'>;
  readonly decoder: Pick<FrameDecoder, 'decode'>;
  readonly inflations: Inflations;
}

/** What says nothing about the pixels: the frame is not there, or the server cannot decode it now. */
const NOT_OF_THE_PIXELS: ReadonlySet<ErrorKind> = new Set(['not-found', 'overloaded', 'cancelled']);

/** True for an error that means: these pixels cannot be had decoded, now or later. */
export function isUndecodable(error: unknown): boolean {
  return error instanceof NeuroInsightError && !NOT_OF_THE_PIXELS.has(error.kind);
}

/** A file that must be read whole to give one frame. */
const MOST_DECODED_BYTES = 1 << 30;

/**
 * How the frames of an instance lie in the archive: `native` little endian samples or `compressed` streams, both sent
 * as they are; `opaque`: only by decoding the file (big endian, deflated, frames that do not begin at a byte).
 */
export function frameEncodingOf({ transferSyntaxUid, frames }: InstanceRow): 'native' | 'compressed' | 'opaque' {
  if (frames.length === 0) return 'opaque';
  if (isEncapsulated(transferSyntaxUid)) return 'compressed';
  const swapped = transferSyntaxUid === EXPLICIT_BIG_ENDIAN || transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN;
  return swapped ? 'opaque' : 'native';
}

/** The frames as they are stored. @throws not-found for a frame that is not there. */
export function storedFrames(
  blobs: Pick<BlobStore, 'read'>,
  instance: InstanceRow,
  numbers: readonly number[],
  buffers?: ReadBuffers,
): Parts {
  const frames = numbers.map((number) => {
    const spans = instance.frames[number - 1];
    if (!spans) throw new NeuroInsightError('not-found', `no frame ${number}`);
    return spans;
  });
  const { pack, offset } = instance.blob;
  const locations: BlobLocation[] = [];
  const places: { readonly frame: number; readonly last: boolean }[] = [];
  for (const [frame, spans] of frames.entries()) {
    for (const [i, span] of spans.entries()) {
      locations.push({ pack, offset: offset + span.offset, length: span.length });
      places.push({ frame, last: i === spans.length - 1 });
    }
  }
  const lengths = frames.map((spans) => spans.reduce((sum, { length }) => sum + length, 0));
  return { count: frames.length, lengths, pieces: piecesOfFrames(readInOrder(blobs, locations, buffers), places) };
}

async function* piecesOfFrames(
  groups: AsyncGenerator<readonly Piece[]>,
  places: readonly { readonly frame: number; readonly last: boolean }[],
): AsyncGenerator<readonly Piece[]> {
  for await (const group of groups) {
    yield group.map(({ index, bytes, last }) => {
      const place = places[index]!;
      return { index: place.frame, bytes, last: last && place.last };
    });
  }
}

/**
 * The frames decompressed, as samples in little endian (PS3.5 8.1.1), grey images only.
 * @throws not-found for a frame that is not there; what `openPixels` and the decoder throw.
 */
export async function decodedFrames(
  { blobs, decoder, inflations }: DecodingDeps,
  instance: InstanceRow,
  numbers: readonly number[],
): Promise<Parts> {
  if (instance.blob.length > MOST_DECODED_BYTES) {
    throw new NeuroInsightError('limit-exceeded', 'the instance is too large to be decoded; ask for it as stored');
  }
  const reader = await inflations.run(instance.transferSyntaxUid, async () =>
    openPixels(await blobs.read(instance.blob), decoder),
  );
  const frames = reader.header.frames.length;
  const absent = numbers.find((number) => number > frames);
  if (absent !== undefined) throw new NeuroInsightError('not-found', `no frame ${absent}`);
  const decode = async function* (): AsyncGenerator<readonly Piece[]> {
    for (const [index, number] of numbers.entries()) {
      yield [{ index, bytes: await reader.readSamples(number), last: true }];
    }
  };
  return { count: numbers.length, lengths: undefined, pieces: decode() };
}
