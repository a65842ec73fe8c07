import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3, Volume } from '../domain/geometry.ts';
import { roundHalfUp } from './block-mask.ts';
import { percentilesOf } from './intensity.ts';
import type { CoarseSettings } from './model-card.ts';
import { blockMeans } from './ras-space.ts';

/**
 * Where the first coarse grid begins: over the brain, found from the top of the head because a neck or missing
 * slices below would pull the middle of the image down.
 *
 * @returns RAS voxel of the grid's first block, whole numbers, may be negative
 * @throws NeuroInsightError no-hippocampus where there is nothing but background
 */
export function firstCoarseStart(volume: Volume, low: number, coarse: CoarseSettings): Vec3 {
  const { blockVoxels: block, headBox: settings } = coarse;
  const shape = volume.shape.map((n) => Math.ceil(n / block)) as unknown as Vec3;
  const { data } = blockMeans(volume, { start: [0, 0, 0], shape, block, low });
  const limit = settings.foregroundOfHigh * percentilesOf(data, [settings.highPercentile])[0]!;
  const layer = shape[0] * shape[1];
  const areas = Array.from({ length: shape[2] }, (_, z) => {
    let blocks = 0;
    for (let at = z * layer; at < (z + 1) * layer; at++) if (data[at]! > limit) blocks++;
    return blocks * block ** 2;
  });
  let topLayer = areas.findLastIndex((area) => area > 0 && area >= settings.minSliceAreaMm2);
  if (topLayer < 0) topLayer = areas.findLastIndex((area) => area > 0);
  if (topLayer < 0) throw new NeuroInsightError('no-hippocampus', 'no head was found in the image');
  // From here on positions are those of block faces: block b spans block * b to block * (b + 1) mm.
  const top = (topLayer + 1) * block;
  let sumX = 0;
  let sumY = 0;
  let found = 0;
  for (let at = 0; at < data.length; at++) {
    const z = Math.floor(at / layer);
    const depth = top - (z + 0.5) * block;
    if (depth < 0 || depth > settings.topDepthMm || !(data[at]! > limit)) continue;
    sumX += ((at % shape[0]) + 0.5) * block;
    sumY += ((Math.floor(at / shape[0]) % shape[1]) + 0.5) * block;
    found++;
  }
  const centre = [sumX / found, sumY / found, top - settings.topToCentreMm] as const;
  return centre.map((mm, axis) => roundHalfUp(mm - (coarse.shape[axis]! * block) / 2)) as unknown as Vec3;
}
