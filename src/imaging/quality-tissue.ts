import type { Laterality, Vec3, Volume } from '../domain/geometry.ts';
import type { QualityCheck } from '../domain/result.ts';
import type { Segmentation, SideProbabilities } from '../domain/segmentation.ts';
import { applyAffine, invertAffine, multiplyAffine } from './affine.ts';
import { judge } from './quality-check.ts';

/** Signal of three tissues, in the image's own units, and where white matter was looked up. */
export interface TissueSignals {
  readonly whiteMatter: number;
  readonly hippocampus: number;
  /** The dark end of the intracranial space: cerebrospinal fluid where the contrast is T1. */
  readonly fluid: number;
  /** Model voxels (i, j, k) of the white-matter samples. */
  readonly whitePlaces: readonly Vec3[];
}

/**
 * From the middle of a hippocampus to the centrum semiovale above it, mm (front, up), and the sample's radius. It is
 * the largest body of pure white matter, it is near in template space in every adult head, and it is found without
 * assuming which tissue is bright: that is the question to be answered.
 */
const SEMIOVALE = { front: 4, up: 44, lateral: 26, radius: 9 } as const;
const SURELY_HIPPOCAMPUS = 0.9;
const SURELY_INSIDE = 0.95;
const DARK_END = 0.02;
/** A tissue on a sample of fewer voxels is not known. */
const FEWEST_VOXELS = 30;

/** Measures the tissues in model space. A tissue that can't be sampled is NaN, which fails the checks that need it. */
export function sampleTissues(modelVolume: Volume, segmentation: Segmentation): TissueSignals {
  const sides = ['left', 'right'] as const;
  const whitePlaces = sides.flatMap((side) => semiovaleOf(modelVolume, segmentation, side));
  const at = ([i, j, k]: Vec3): number => modelVolume.data[i + modelVolume.shape[0] * (j + modelVolume.shape[1] * k)]!;
  const hippocampus = sides.flatMap((side) => placesAbove(modelVolume, segmentation[side], SURELY_HIPPOCAMPUS).map(at));
  return {
    whiteMatter: quantile(whitePlaces.map(at), 0.5),
    hippocampus: quantile(hippocampus, 0.5),
    fluid: quantile(insideSkull(modelVolume, segmentation), DARK_END),
    whitePlaces,
  };
}

/** T1-likeness: white matter above hippocampus above fluid, in percent of white matter. */
export function contrastChecks({ whiteMatter, hippocampus, fluid }: TissueSignals): readonly QualityCheck[] {
  const percent = (difference: number): number => (100 * difference) / Math.abs(whiteMatter);
  return [
    judge('contrast', percent(whiteMatter - hippocampus), '%', { good: 'above', pass: 12, review: 8 }),
    judge('fluid-contrast', percent(hippocampus - fluid), '%', { good: 'above', pass: 20, review: 10 }),
  ];
}

/**
 * Signal of white matter over its noise on the source grid. The noise is the median departure of a voxel from the
 * mean of its two neighbours along each axis, which slow shading and flat tissue do not raise.
 */
export function noiseCheck(
  volume: Volume,
  modelVolume: Volume,
  { whiteMatter, whitePlaces }: TissueSignals,
): QualityCheck {
  const sourceOfModel = multiplyAffine(invertAffine(volume.affine), modelVolume.affine);
  const strides = [1, volume.shape[0], volume.shape[0] * volume.shape[1]] as const;
  const departures: number[] = [];
  for (const place of whitePlaces) {
    const index = applyAffine(sourceOfModel, place).map(Math.round);
    if (index.some((n, axis) => n < 1 || n > volume.shape[axis]! - 2)) continue;
    const at = index[0]! + strides[1] * index[1]! + strides[2] * index[2]!;
    for (const stride of strides) {
      const mean = (volume.data[at - stride]! + volume.data[at + stride]!) / 2;
      departures.push(Math.abs(volume.data[at]! - mean));
    }
  }
  // For normal noise the departure has 1.5 times its variance and a median of 0.6745 standard deviations.
  const noise = quantile(departures, 0.5) / (0.6745 * Math.sqrt(1.5));
  const ratio = noise > 0 ? whiteMatter / noise : whiteMatter > 0 ? MAXIMUM_RATIO : Number.NaN;
  return judge('noise', Math.min(ratio, MAXIMUM_RATIO), '1', { good: 'above', pass: 12, review: 6 });
}

/** Beyond this a ratio says "no noise", as in an image that was smoothed or made by a program. */
const MAXIMUM_RATIO = 1000;

function semiovaleOf(modelVolume: Volume, segmentation: Segmentation, side: Laterality): Vec3[] {
  const [, y, z] = meanOf(placesAbove(modelVolume, segmentation[side], SURELY_HIPPOCAMPUS));
  const midline = segmentation.diagnostics.midlineX - modelVolume.affine[3];
  const lateral = side === 'left' ? SEMIOVALE.lateral : -SEMIOVALE.lateral;
  const centre = [midline + lateral, y - SEMIOVALE.front, z + SEMIOVALE.up].map(Math.round) as unknown as Vec3;
  const places: Vec3[] = [];
  const reach = SEMIOVALE.radius;
  for (let dk = -reach; dk <= reach; dk++) {
    for (let dj = -reach; dj <= reach; dj++) {
      for (let di = -reach; di <= reach; di++) {
        const place: Vec3 = [centre[0] + di, centre[1] + dj, centre[2] + dk];
        if (di * di + dj * dj + dk * dk <= reach * reach && isInGrid(place, modelVolume.shape)) places.push(place);
      }
    }
  }
  return places;
}

/** Model voxels of one side whose whole-hippocampus probability reaches `limit`. */
function placesAbove(
  modelVolume: Volume,
  { origin, shape, anterior, posterior }: SideProbabilities,
  limit: number,
): Vec3[] {
  const places: Vec3[] = [];
  for (let at = 0; at < anterior.length; at++) {
    if (anterior[at]! + posterior[at]! < limit) continue;
    const i = at % shape[0];
    const row = (at - i) / shape[0];
    const j = row % shape[1];
    const place: Vec3 = [origin[0] + i, origin[1] + j, origin[2] + (row - j) / shape[1]];
    if (isInGrid(place, modelVolume.shape)) places.push(place);
  }
  return places;
}

/** Signals at the block centres that are surely inside the skull. */
function insideSkull(modelVolume: Volume, { intracranial }: Segmentation): number[] {
  const modelOfBlock = multiplyAffine(invertAffine(modelVolume.affine), intracranial.affine);
  const [nx, ny] = intracranial.shape;
  const values: number[] = [];
  for (let at = 0; at < intracranial.probability.length; at++) {
    if (intracranial.probability[at]! < SURELY_INSIDE) continue;
    const block: Vec3 = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    const [i, j, k] = applyAffine(modelOfBlock, block).map(Math.round) as unknown as Vec3;
    if (!isInGrid([i, j, k], modelVolume.shape)) continue;
    values.push(modelVolume.data[i + modelVolume.shape[0] * (j + modelVolume.shape[1] * k)]!);
  }
  return values;
}

function isInGrid([i, j, k]: Vec3, shape: Vec3): boolean {
  return i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];
}

function meanOf(places: readonly Vec3[]): Vec3 {
  const sum: [number, number, number] = [0, 0, 0];
  for (const [i, j, k] of places) {
    sum[0] += i;
    sum[1] += j;
    sum[2] += k;
  }
  return [sum[0] / places.length, sum[1] / places.length, sum[2] / places.length];
}

/** Order statistic at `share` of the way; NaN for a sample too small to speak. */
function quantile(values: number[], share: number): number {
  if (values.length < FEWEST_VOXELS) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}
