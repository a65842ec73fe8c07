import { NeuroInsightError } from '../domain/errors.ts';
import type { InstanceHeader, PixelHeader } from '../domain/instance.ts';
import type { Dataset } from './dataset.ts';
import { openDicom } from './file.ts';
import { fragmentsOfFrames, joinFragments } from './fragments.ts';
import { decodeCompressed } from './frame-codecs.ts';
import { instanceHeaderOf } from './instance.ts';
import { type FrameBytes, littleEndianSamples, storedValues } from './stored-values.ts';
import type { RawElement, Span } from './tokenizer.ts';
import { isEncapsulated } from './transfer-syntax.ts';

/** Pixels of one frame (8192 x 8192) and of a whole instance; above, no memory is asked for. */
const MOST_PIXELS_A_FRAME = 2 ** 26;
const MOST_PIXELS = 2 ** 31;

/** One instance whose frames are decoded on demand; the file is tokenized (and inflated) once. */
export interface PixelReader {
  readonly header: InstanceHeader;
  /** What was read of the file: everything up to the pixel data. */
  readonly dataset: Dataset;
  /** See `decodeFrame`. */
  readFrame(frameNumber: number): Promise<Float32Array>;
  /**
   * The stored samples of one frame, decompressed: little endian, BitsAllocated bits each, single bits packed from the
   * first byte's least significant one. No mask, no rescale. Throws like `decodeFrame`.
   */
  readSamples(frameNumber: number): Promise<Uint8Array>;
}

/**
 * Decodes one frame: rows * columns numbers, row by row, after the frame's rescale slope and intercept. Stored bits
 * only, sign extended. MONOCHROME1 is turned over first, so that a larger number is always brighter.
 *
 * Reads native little and big endian, deflated, RLE, JPEG lossless and, by dcmjs-codecs, JPEG, JPEG-LS, JPEG 2000, HTJ2K.
 *
 * @param bytes the whole file; @param frameNumber from 1.
 * @throws what `readInstanceHeader` throws; no-pixel-data; malformed-pixels (also: colour, fewer pixels than the header
 *   says); limit-exceeded; unsupported-transfer-syntax; not-found for a frame that is not there.
 */
export async function decodeFrame(bytes: Uint8Array, frameNumber: number): Promise<Float32Array> {
  const reader = await openPixels(bytes);
  return reader.readFrame(frameNumber);
}

/** Where compressed frames are decoded: here, or in another thread. See `decodeCompressed`; nothing given is changed. */
export interface CompressedDecoder {
  decode(frame: Uint8Array, transferSyntaxUid: string, pixels: PixelHeader): Promise<Uint8Array>;
}

const HERE: CompressedDecoder = { decode: decodeCompressed };

/**
 * Opens an instance for reading several of its frames; a deflated one is inflated off the event loop. Throws like
 * `decodeFrame`.
 *
 * @param decoder throws what `decodeFrame` may throw, and what is its own.
 */
export async function openPixels(bytes: Uint8Array, decoder: CompressedDecoder = HERE): Promise<PixelReader> {
  const file = await openDicom(bytes).read({ stopAfterPixelData: true });
  const header = instanceHeaderOf(file);
  const element = file.dataset.element('PixelData');
  if (!header.pixels || !element) throw new NeuroInsightError('no-pixel-data', 'the instance has no pixel data');
  checkPixels(header.pixels, header.frames.length);
  const content: Content = {
    bytes: file.bytes,
    header,
    pixels: header.pixels,
    element,
    littleEndian: file.dataset.littleEndian,
    decoder,
  };
  const frames = isEncapsulated(header.transferSyntaxUid) ? encapsulatedFrames(content) : undefined;
  if (!frames) checkNativeLength(content);
  return {
    header,
    dataset: file.dataset,
    readFrame: (frameNumber) => readFrame(content, frames, frameNumber),
    readSamples: (frameNumber) => readSamples(content, frames, frameNumber),
  };
}

interface Content {
  readonly bytes: Uint8Array;
  readonly header: InstanceHeader;
  readonly pixels: PixelHeader;
  readonly element: RawElement;
  readonly littleEndian: boolean;
  readonly decoder: CompressedDecoder;
}

async function readFrame(
  content: Content,
  frames: readonly (readonly Span[])[] | undefined,
  frameNumber: number,
): Promise<Float32Array> {
  const { header, pixels, bytes, decoder } = content;
  const frame = header.frames[frameNumber - 1];
  if (!frame) throw new NeuroInsightError('not-found', `no frame ${frameNumber}`);
  const spans = frames?.[frameNumber - 1];
  if (!spans) return storedValues(nativeFrame(content, frameNumber - 1), pixels, frame);
  const samples = await decoder.decode(joinFragments(bytes, spans), header.transferSyntaxUid, pixels);
  return storedValues({ bytes: samples, firstBit: 0, littleEndian: true }, pixels, frame);
}

async function readSamples(
  content: Content,
  frames: readonly (readonly Span[])[] | undefined,
  frameNumber: number,
): Promise<Uint8Array> {
  const { header, pixels, bytes, decoder } = content;
  if (!header.frames[frameNumber - 1]) throw new NeuroInsightError('not-found', `no frame ${frameNumber}`);
  const spans = frames?.[frameNumber - 1];
  if (!spans) return littleEndianSamples(nativeFrame(content, frameNumber - 1), pixels);
  return decoder.decode(joinFragments(bytes, spans), header.transferSyntaxUid, pixels);
}

/** Where one frame of native pixel data lies; frames of single bits need not start at a byte (PS3.5 8.1.1). */
function nativeFrame({ bytes, element, pixels, littleEndian }: Content, index: number): FrameBytes {
  const bitsAFrame = pixels.rows * pixels.columns * pixels.bitsAllocated;
  const firstBit = bitsAFrame * index;
  const firstByte = Math.floor(firstBit / 8);
  const end = Math.ceil((firstBit + bitsAFrame) / 8);
  // PS3.5 A.3: in big endian OW, 8-bit samples come exchanged in pairs.
  const swapped = !littleEndian && element.vr.name === 'OW' && pixels.bitsAllocated === 8;
  const frame = swapped
    ? Uint8Array.from({ length: end - firstByte }, (_, i) => bytes[element.start + ((firstByte + i) ^ 1)] ?? 0)
    : bytes.subarray(element.start + firstByte, element.start + end);
  return { bytes: frame, firstBit: firstBit % 8, littleEndian };
}

function encapsulatedFrames({ bytes, element, header }: Content): readonly (readonly Span[])[] {
  if (!element.fragments)
    throw new NeuroInsightError('malformed-pixels', 'a compressed transfer syntax with plain pixels');
  return fragmentsOfFrames(bytes, element.fragments, header.frames.length);
}

function checkNativeLength({ element, pixels, header }: Content): void {
  if (element.fragments) throw new NeuroInsightError('malformed-pixels', 'fragments in a plain transfer syntax');
  const needed = Math.ceil((pixels.rows * pixels.columns * pixels.bitsAllocated * header.frames.length) / 8);
  if (element.length < needed) {
    throw new NeuroInsightError('malformed-pixels', `pixel data of ${element.length} bytes where ${needed} are needed`);
  }
}

/** Only grey images of known depth and sane size come further. */
function checkPixels(pixels: PixelHeader, frames: number): void {
  const { rows, columns, bitsAllocated, bitsStored, highBit, samplesPerPixel, photometricInterpretation } = pixels;
  if (rows * columns > MOST_PIXELS_A_FRAME || rows * columns * frames > MOST_PIXELS) {
    throw new NeuroInsightError('limit-exceeded', `${frames} frames of ${rows} x ${columns} pixels are too many`);
  }
  if (samplesPerPixel !== 1 || !/^MONOCHROME[12]$/.test(photometricInterpretation)) {
    throw new NeuroInsightError('malformed-pixels', 'not a grey image');
  }
  const depth = bitsAllocated === 1 || bitsAllocated === 8 || bitsAllocated === 16 || bitsAllocated === 32;
  if (!depth || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw new NeuroInsightError(
      'malformed-pixels',
      `${bitsStored} bits stored in ${bitsAllocated} with high bit ${highBit}`,
    );
  }
}
