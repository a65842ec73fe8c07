import type { FrameHeader, PixelHeader } from '../domain/instance.ts';

/** The samples of one grey frame as they lie in memory. */
export interface FrameBytes {
  readonly bytes: Uint8Array;
  /** Where the first sample starts in the first byte; only single-bit frames have it other than 0. */
  readonly firstBit: number;
  readonly littleEndian: boolean;
}

/** rows * columns rescaled values: mask to the stored bits, extend the sign, turn MONOCHROME1 over, rescale. PS3.5 8.1.1. */
export function storedValues(frame: FrameBytes, pixels: PixelHeader, rescale: FrameHeader): Float32Array {
  const { bitsStored, highBit } = pixels;
  const count = pixels.rows * pixels.columns;
  const raw = rawSamples(frame, pixels.bitsAllocated, count);
  const shift = highBit - bitsStored + 1;
  // Up to the sign bit, then back arithmetically (signed) or logically: masks and extends in one step.
  const up = 32 - bitsStored - shift;
  const down = 32 - bitsStored;
  const signed = pixels.pixelRepresentation === 1;
  // PS3.3 C.7.6.3.1.2: in MONOCHROME1 the smallest value is white.
  const flip = pixels.photometricInterpretation === 'MONOCHROME1';
  const most = signed ? -1 : 2 ** bitsStored - 1;
  const { rescaleSlope, rescaleIntercept } = rescale;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const top = raw[i]! << up;
    const stored = signed ? top >> down : top >>> down;
    values[i] = (flip ? most - stored : stored) * rescaleSlope + rescaleIntercept;
  }
  return values;
}

/** The samples of one frame as PS3.5 lays them out in little endian; a copy, but for what lies so already. */
export function littleEndianSamples({ bytes, firstBit, littleEndian }: FrameBytes, pixels: PixelHeader): Uint8Array {
  const { rows, columns, bitsAllocated } = pixels;
  if (bitsAllocated === 1) return packedBits(bytes, firstBit, rows * columns);
  if (littleEndian || bitsAllocated === 8) return bytes;
  const words = Buffer.from(bytes);
  return bitsAllocated === 16 ? words.swap16() : words.swap32();
}

function packedBits(bytes: Uint8Array, firstBit: number, count: number): Uint8Array {
  const packed = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) {
    const at = firstBit + i;
    packed[i >> 3]! |= ((bytes[at >> 3]! >> (at & 7)) & 1) << (i & 7);
  }
  return packed;
}

type Samples = Uint8Array | Uint16Array | Uint32Array;

function rawSamples(frame: FrameBytes, bitsAllocated: number, count: number): Samples {
  if (bitsAllocated === 1) return singleBits(frame, count);
  if (bitsAllocated === 8) return frame.bytes;
  const size = bitsAllocated / 8;
  // Typed arrays want aligned bytes in the order of this machine, which Node runs little endian only.
  const aligned = frame.littleEndian && frame.bytes.byteOffset % size === 0;
  const bytes = aligned ? frame.bytes : new Uint8Array(frame.bytes);
  if (!frame.littleEndian) {
    const words = Buffer.from(bytes.buffer);
    if (size === 2) words.swap16();
    else words.swap32();
  }
  return size === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

/** The first pixel is the least significant bit. PS3.5 8.1.1. */
function singleBits({ bytes, firstBit }: FrameBytes, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (bytes[(firstBit + i) >> 3]! >> ((firstBit + i) & 7)) & 1);
}
