import { formatDecimalString } from '../dicom/encode-values.ts';
import { NeuroInsightError } from '../domain/errors.ts';

/** How intensities become 16-bit numbers: value = stored * slope + intercept. PS3.3 C.11.1. */
export interface StoredPixels {
  readonly slope: number;
  readonly intercept: number;
  /** Pixel Representation: two's complement or unsigned. */
  readonly signed: boolean;
  /** Where a display should start and how wide its window should be, in rescaled units. */
  readonly window: { readonly center: number; readonly width: number };
}

const LARGEST = 65_535;
const BINS = 1024;

/**
 * Decides how the intensities of one volume are stored. Whole numbers whose range fits 16 bits stay exact; anything
 * else is spread over 65 000 steps, so that no value moves by more than 1/130 000 of the range.
 *
 * @throws non-finite-pixels.
 */
export function storedPixelsOf(data: Float32Array): StoredPixels {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (let at = 0; at < data.length; at++) {
    const value = data[at]!;
    // value - value is 0 for every finite number, NaN for all others.
    if (value - value !== 0)
      throw new NeuroInsightError('non-finite-pixels', 'the image holds values that are not finite numbers');
    if (value < low) low = value;
    if (value > high) high = value;
    if (value % 1 !== 0) whole = false;
  }
  const window = windowOf(data, low, high);
  if (whole && low >= 0 && high <= LARGEST) return { slope: 1, intercept: 0, signed: false, window };
  if (whole && low >= -32_768 && high <= 32_767) return { slope: 1, intercept: 0, signed: true, window };
  if (whole && high - low <= LARGEST) return { slope: 1, intercept: low, signed: false, window };
  // Writer and reader must use the same numbers: a Decimal String holds 16 characters, so they are cut to it first.
  const slope = Number(formatDecimalString(((high - low || 1) / 65_000) * (1 + 1e-6)));
  return { slope, intercept: Number(formatDecimalString(low)), signed: false, window };
}

/** The stored numbers of `count` voxels from `start` on, 16 bits little endian, as Pixel Data holds them. */
export function storedBytes(data: Float32Array, start: number, count: number, pixels: StoredPixels): Uint8Array {
  const { slope, intercept, signed } = pixels;
  const bytes = new Uint8Array(count * 2);
  const view = new DataView(bytes.buffer);
  const [least, most] = signed ? [-32_768, 32_767] : [0, LARGEST];
  for (let at = 0; at < count; at++) {
    // Above `least` every number is positive, where cutting off decimals is rounding down: much cheaper than round().
    const stored = (((data[start + at]! - intercept) / slope - least + 0.5) | 0) + least;
    const kept = stored < least ? least : stored > most ? most : stored;
    view.setUint16(at * 2, kept & LARGEST, true);
  }
  return bytes;
}

/** From the darkest voxel to the 99.5th percentile: a few bright vessels must not turn the brain dark. */
function windowOf(data: Float32Array, low: number, high: number): { center: number; width: number } {
  const bins = new Uint32Array(BINS);
  const scale = (BINS - 1) / (high - low || 1);
  for (let at = 0; at < data.length; at++) bins[((data[at]! - low) * scale) | 0]!++;
  let above = bins[BINS - 1]!;
  let bin = BINS - 1;
  while (bin > 0 && above < data.length * 0.005) above += bins[--bin]!;
  const top = low + (bin + 1) / scale;
  // Whole numbers of a sensible size read better in a viewer; small ranges keep their digits.
  const round = (value: number): number => (high - low > 100 ? Math.round(value) : value);
  return { center: round((low + top) / 2), width: Math.max(round(top - low), high - low > 100 ? 1 : 1e-6) };
}
