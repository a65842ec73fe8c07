import { inflateRawSync } from 'node:zlib';
import { NeuroInsightError } from '../domain/errors.ts';
import type { PixelHeader } from '../domain/instance.ts';
import { decodeJpegLossless } from './jpeg-lossless.ts';
import { decodeNative, type NativeCodec } from './native-codecs.ts';
import { decodeRle } from './rle.ts';

/** A frame may grow to this many bytes, and above it to no more than `RATIO` times what it is compressed. */
const FREE_BYTES = 16 * 2 ** 20;
const RATIO = 1000;

type Decoder = (frame: Uint8Array, pixels: PixelHeader) => Uint8Array | Promise<Uint8Array>;

const native =
  (codec: NativeCodec): Decoder =>
  (frame, pixels) =>
    decodeNative(codec, frame, pixels);

/** Transfer syntax -> decoder. PS3.5 annex A.4, PS3.6 table A-1. */
const DECODERS: Readonly<Record<string, Decoder>> = {
  '1.2.840.10008.1.2.4.50': native('jpeg'),
  '1.2.840.10008.1.2.4.51': native('jpeg'),
  '1.2.840.10008.1.2.4.57': jpegLossless,
  '1.2.840.10008.1.2.4.70': jpegLossless,
  '1.2.840.10008.1.2.4.80': native('jpeg-ls'),
  '1.2.840.10008.1.2.4.81': native('jpeg-ls'),
  '1.2.840.10008.1.2.4.90': native('jpeg-2000'),
  '1.2.840.10008.1.2.4.91': native('jpeg-2000'),
  '1.2.840.10008.1.2.4.201': native('htj2k'),
  '1.2.840.10008.1.2.4.202': native('htj2k'),
  '1.2.840.10008.1.2.4.203': native('htj2k'),
  '1.2.840.10008.1.2.5': rle,
  '1.2.840.10008.1.2.8.1': deflatedFrame,
};

/**
 * Decodes one frame of an encapsulated transfer syntax to little endian samples of BitsAllocated bits.
 * @throws malformed-pixels, unsupported-transfer-syntax; limit-exceeded for a large frame from next to nothing.
 */
export async function decodeCompressed(
  frame: Uint8Array,
  transferSyntaxUid: string,
  pixels: PixelHeader,
): Promise<Uint8Array> {
  const decoder = DECODERS[transferSyntaxUid];
  if (!decoder)
    throw new NeuroInsightError('unsupported-transfer-syntax', `pixels of ${transferSyntaxUid} are not decoded`);
  const size = bytesOf(pixels);
  if (size > Math.max(FREE_BYTES, RATIO * frame.length)) {
    throw new NeuroInsightError('limit-exceeded', `a compressed frame of ${frame.length} bytes would give ${size}`);
  }
  const samples = await decoder(frame, pixels);
  if (samples.length < size) throw new NeuroInsightError('malformed-pixels', 'a compressed frame gives too few pixels');
  return samples;
}

function bytesOf({ rows, columns, bitsAllocated }: PixelHeader): number {
  return Math.ceil((rows * columns * bitsAllocated) / 8);
}

function rle(frame: Uint8Array, pixels: PixelHeader): Uint8Array {
  // Single bits are run-length encoded as packed bytes (PS3.5 8.2.2).
  const bytesPerSample = Math.max(1, pixels.bitsAllocated / 8);
  return decodeRle(frame, bytesOf(pixels) / bytesPerSample, bytesPerSample);
}

function jpegLossless(frame: Uint8Array, { rows, columns, bitsAllocated }: PixelHeader): Uint8Array {
  const samples = decodeJpegLossless(frame, rows, columns);
  if (bitsAllocated === 8) return Uint8Array.from(samples);
  if (bitsAllocated === 16) return new Uint8Array(samples.buffer);
  throw new NeuroInsightError('malformed-pixels', `JPEG pixels of ${bitsAllocated} bits`);
}

/** PS3.5 A.4.13: each frame is one raw deflate stream. */
function deflatedFrame(frame: Uint8Array, pixels: PixelHeader): Uint8Array {
  try {
    return new Uint8Array(inflateRawSync(frame, { maxOutputLength: bytesOf(pixels) + 1 }));
  } catch (error) {
    throw new NeuroInsightError('malformed-pixels', 'a deflated frame cannot be inflated to its size', {
      cause: error,
    });
  }
}
