import type { Grid, Laterality, Vec3, Volume } from '../domain/geometry.ts';
import type { QualityCheck } from '../domain/result.ts';
import type { Segmentation } from '../domain/segmentation.ts';
import { applyAffine, invertAffine, multiplyAffine, voxelSizeOf, voxelVolumeOf } from './affine.ts';
import { judge } from './quality-check.ts';
import type { LabelExtent } from './quality-labels.ts';

/** Probability from which a block counts as inside the skull. */
const INSIDE = 0.5;
const CM2 = 100;

/**
 * How much of the surface of the intracranial space is not skull but the end of the image: the area of its blocks'
 * faces behind which the source has no voxel, cm2. The spinal canal alone cuts a few.
 */
export function fieldOfViewCheck(volume: Volume, { intracranial }: Segmentation): QualityCheck {
  const { shape, probability } = intracranial;
  const sourceOfBlock = multiplyAffine(invertAffine(volume.affine), intracranial.affine);
  const [dx, dy, dz] = voxelSizeOf(intracranial.affine);
  const faceAreas = [dy * dz, dx * dz, dx * dy] as const;
  let cut = 0;
  for (let at = 0; at < probability.length; at++) {
    if (probability[at]! < INSIDE) continue;
    const block = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / (shape[0] * shape[1]))];
    for (const axis of [0, 1, 2] as const) {
      for (const step of [-1, 1]) {
        const beyond = block.map((n, other) => (other === axis ? n + step : n)) as unknown as Vec3;
        if (!isInside(applyAffine(sourceOfBlock, beyond), volume.shape)) cut += faceAreas[axis];
      }
    }
  }
  return judge('field-of-view', cut / CM2, 'cm2', { good: 'below', pass: 15, review: 40 });
}

/** Distance from the segmented hippocampi to the nearest face of the source, mm. */
export function marginCheck({ shape, affine }: Grid, sides: Readonly<Record<Laterality, LabelExtent>>): QualityCheck {
  const sizes = voxelSizeOf(affine);
  const distances = [sides.left, sides.right].flatMap(({ low, high }) =>
    ([0, 1, 2] as const).flatMap((axis) => [low[axis] * sizes[axis], (shape[axis] - 1 - high[axis]) * sizes[axis]]),
  );
  return judge('hippocampus-margin', Math.min(...distances), 'mm', { good: 'above', pass: 8, review: 3 });
}

/**
 * Share of the intracranial voxels that hold the highest value of the whole image: a clipped or overflown scale.
 * Every voxel is compared, but only those few that hold it are looked up in the intracranial space.
 */
export function saturationCheck(volume: Volume, { intracranial }: Segmentation): QualityCheck {
  const { data } = volume;
  const highest = highestOf(data);
  const toBlock = multiplyAffine(invertAffine(intracranial.affine), volume.affine);
  const [ni, nj] = volume.shape;
  let saturated = 0;
  for (let at = data.indexOf(highest); at >= 0; at = data.indexOf(highest, at + 1)) {
    const block = applyAffine(toBlock, [at % ni, Math.floor(at / ni) % nj, Math.floor(at / (ni * nj))]);
    if (isInsideSkull(block.map(Math.round) as unknown as Vec3, intracranial)) saturated++;
  }
  const blocks = intracranial.probability.reduce((sum, p) => sum + (p >= INSIDE ? 1 : 0), 0);
  const inside = (blocks * voxelVolumeOf(intracranial.affine)) / voxelVolumeOf(volume.affine);
  return judge('saturation', (100 * saturated) / inside, '%', { good: 'below', pass: 0.1, review: 1 });
}

/** A loop of its own: a call for each of 40 million voxels would take ten times as long. */
function highestOf(data: Float32Array): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < data.length; at++) if (data[at]! > highest) highest = data[at]!;
  return highest;
}

function isInsideSkull([x, y, z]: Vec3, { shape, probability }: Segmentation['intracranial']): boolean {
  const isInGrid = x >= 0 && y >= 0 && z >= 0 && x < shape[0] && y < shape[1] && z < shape[2];
  return isInGrid && probability[x + shape[0] * (y + shape[1] * z)]! >= INSIDE;
}

/** A voxel reaches half a step beyond its centre. */
function isInside(index: Vec3, shape: Vec3): boolean {
  return index.every((n, axis) => n >= -0.5 && n <= shape[axis]! - 0.5);
}
