import type { Volume } from '../domain/geometry.ts';

/** Intensities shown as black and as white. */
export interface DisplayWindow {
  readonly black: number;
  readonly white: number;
}

const SAMPLES = 200_000;

/**
 * A window that shows the brain: black at the 2nd percentile of the intensities, white at the 99.5th of those above
 * the background, both from an even sample, so that single bright vessels and the air around the head do not decide.
 */
export function displayWindowOf({ data }: Volume): DisplayWindow {
  const step = Math.max(1, Math.floor(data.length / SAMPLES));
  const sample = new Float32Array(Math.ceil(data.length / step));
  for (let n = 0; n < sample.length; n++) sample[n] = data[n * step]!;
  sample.sort();
  const black = quantile(sample, 0.02);
  const top = quantile(sample, 0.995);
  const foreground = sample.subarray(firstAbove(sample, black + 0.1 * (top - black)));
  const white = foreground.length > 0 ? quantile(foreground, 0.99) : top;
  return { black, white: white > black ? white : black + 1 };
}

/** Grey, 0 to 255, of each intensity. */
export function greysOf(values: Float32Array, { black, white }: DisplayWindow): Uint8ClampedArray {
  const greys = new Uint8ClampedArray(values.length);
  const scale = 255 / (white - black);
  // The array itself rounds and clamps.
  for (let n = 0; n < values.length; n++) greys[n] = (values[n]! - black) * scale;
  return greys;
}

function quantile(sorted: Float32Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function firstAbove(sorted: Float32Array, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
