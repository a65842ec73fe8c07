import type { Volume } from '../domain/geometry.ts';
import type { CoarseSettings, FineSettings, ModelCard } from './model-card.ts';
import { blockMeans, type RasBox } from './ras-space.ts';

/** Percentile by linear interpolation between order statistics: position p / 100 * (n - 1). Sorts a copy. */
export function percentilesOf(values: Float32Array, wanted: readonly number[]): number[] {
  const sorted = Float32Array.from(values).sort();
  return wanted.map((p) => {
    const position = (p / 100) * (sorted.length - 1);
    const below = Math.floor(position);
    const low = sorted[below] ?? 0;
    return low + (position - below) * ((sorted[below + 1] ?? low) - low);
  });
}

/**
 * The level that becomes 0: a low percentile of the means of the blocks that lie whole inside the volume, so that
 * neither negative values of a filtered image nor a lifted background reach the networks.
 */
export function lowLevelOf(volume: Volume, card: ModelCard): number {
  const block = card.coarse.blockVoxels;
  const [nx, ny, nz] = volume.shape;
  const shape = [Math.floor(nx / block), Math.floor(ny / block), Math.floor(nz / block)] as const;
  if (shape.includes(0)) return 0;
  const means = blockMeans(volume, { start: [0, 0, 0], shape, block });
  return percentilesOf(means.data, [card.lowPercentile])[0]!;
}

/** Blocks of the coarse grid as the coarse network wants them. */
export function normaliseBlocks(blocks: RasBox, { intensity }: CoarseSettings): RasBox {
  const mean = blocks.data.reduce((sum, value) => sum + value, 0) / blocks.data.length;
  const foreground = blocks.data.filter((value) => value > intensity.foregroundOfMean * mean);
  const high = foreground.length > 0 ? percentilesOf(foreground, [intensity.highPercentile])[0]! : 1;
  const [lowest, highest] = intensity.clip;
  const data = blocks.data.map((value) => {
    const relative = value / (high + 1e-6);
    return (Math.min(highest, Math.max(lowest, relative)) - intensity.subtract) / intensity.divide;
  });
  return { shape: blocks.shape, data };
}

/** A crop as the fine network wants it: outliers clipped, mean 0, standard deviation 1. */
export function normaliseCrop(crop: RasBox, { clipPercentiles }: FineSettings): RasBox {
  const [low, high] = percentilesOf(crop.data, clipPercentiles);
  const clipped = crop.data.map((value) => Math.min(high!, Math.max(low!, value)));
  let sum = 0;
  for (const value of clipped) sum += value;
  const mean = sum / clipped.length;
  let squares = 0;
  for (const value of clipped) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / clipped.length) + 1e-6;
  return { shape: crop.shape, data: clipped.map((value) => (value - mean) / deviation) };
}
