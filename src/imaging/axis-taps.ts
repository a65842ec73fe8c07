const { abs, exp, floor, max, min, round } = Math;

/**
 * One-dimensional resampling as a list of weighted source samples for each target sample: linear interpolation,
 * after a Gaussian where the source is finer than the target.
 */
export interface AxisTaps {
  /** Number of target samples. */
  readonly count: number;
  /** Source samples each target sample uses. */
  readonly width: number;
  /** First source sample of each target sample; non-decreasing or non-increasing. */
  readonly first: Int32Array;
  /** `count` rows of `width` weights; each row adds up to 1 inside the source. */
  readonly weights: Float32Array;
  /** Target samples [begin, end) that lie inside the source, out to the outer faces of its voxels. */
  readonly begin: number;
  readonly end: number;
}

/** Where target sample t lies on the source axis: source index = start + step * t. */
export interface AxisMapping {
  readonly start: number;
  readonly step: number;
}

/** Source positions this close to a whole index count as on it, so that a mirrored copy is sampled alike. */
const SNAP = 1e-6;
/** Weights below this share of the middle one change nothing that can be measured. */
const SMALLEST_WEIGHT = 1e-4;

/**
 * Standard deviation, in source voxels, of the Gaussian that keeps detail finer than the target from folding back.
 * 0 where the source is no finer than the target.
 */
export function antiAliasingSigma(sourceMm: number, targetMm: number): number {
  return 0.45 * max(0, targetMm / sourceMm - 1);
}

/** Weights for `count` target samples out of `length` source samples; beyond the ends the source is mirrored. */
export function axisTaps(length: number, count: number, mapping: AxisMapping, sigma: number): AxisTaps {
  const kernel = gaussianKernel(sigma);
  const radius = (kernel.length - 1) / 2;
  const width = min(length, 2 * radius + 2);
  const first = new Int32Array(count);
  const weights = new Float32Array(count * width);
  let begin = count;
  let end = 0;
  for (let t = 0; t < count; t++) {
    const exact = mapping.start + mapping.step * t;
    const position = abs(exact - round(exact)) < SNAP ? round(exact) : exact;
    if (position >= -0.5 - SNAP && position <= length - 0.5 + SNAP) {
      begin = min(begin, t);
      end = t + 1;
    }
    const clamped = min(length - 1, max(0, position));
    const below = min(floor(clamped), max(0, length - 2));
    const start = min(max(0, below - radius), length - width);
    const fraction = clamped - below;
    first[t] = start;
    for (let tap = -radius; tap <= radius; tap++) {
      const weight = kernel[tap + radius]!;
      const at = t * width - start;
      weights[at + mirrored(below + tap, length)]! += weight * (1 - fraction);
      if (fraction > 0) weights[at + mirrored(below + 1 + tap, length)]! += weight * fraction;
    }
  }
  return { count, width, first, weights, begin: min(begin, end), end };
}

/** Half-sample mirror (d c b a | a b c d | d c b a). */
function mirrored(index: number, length: number): number {
  const period = 2 * length;
  const at = ((index % period) + period) % period;
  return at < length ? at : period - 1 - at;
}

function gaussianKernel(sigma: number): Float64Array {
  let radius = floor(4 * sigma + 0.5);
  while (radius > 0 && exp((-0.5 * radius * radius) / (sigma * sigma)) < SMALLEST_WEIGHT) radius--;
  const kernel = new Float64Array(2 * radius + 1);
  let sum = 0;
  for (let at = -radius; at <= radius; at++) {
    kernel[at + radius] = radius === 0 ? 1 : exp((-0.5 * at * at) / (sigma * sigma));
    sum += kernel[at + radius]!;
  }
  return kernel.map((weight) => weight / sum);
}
