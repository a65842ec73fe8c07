import type { Affine, Grid, Vec3, Volume } from '../domain/geometry.ts';
import { columnOf, dot, invertAffine, multiplyAffine, unit, voxelCountOf, voxelSizeOf } from './affine.ts';
import { type AxisTaps, antiAliasingSigma, axisTaps } from './axis-taps.ts';
import { resampleSeparably } from './resample-separable.ts';
import { sampleTrilinearly } from './trilinear.ts';

/** Off-axis drift over the whole target, in source voxels, below which two grids count as parallel. */
const PARALLEL = 1e-3;

/**
 * Looks a volume up on another grid: trilinear, with a Gaussian first along every axis on which the source is finer
 * than the target (standard deviation 0.45 (target / source - 1) source voxels). Voxels reach half a step beyond
 * their centres; further out the value is `outside`. The result does not depend on the source's axis order or signs.
 *
 * @throws limit-exceeded for a target of more than `MAX_VOXELS`, poor-geometry for a source that is flat.
 */
export function sampleGrid(volume: Volume, target: Grid, { outside = 0 }: { outside?: number } = {}): Volume {
  voxelCountOf(target.shape);
  const toSource = multiplyAffine(invertAffine(volume.affine), target.affine);
  const sigma = sigmasOf(volume.affine, target.affine);
  const targetAxisOf = parallelAxes(toSource, target.shape);
  const data = targetAxisOf
    ? alongAxes(volume, target.shape, toSource, targetAxisOf, sigma, outside)
    : sampleTrilinearly(smoothed(volume, sigma), target.shape, toSource, outside);
  return { shape: target.shape, affine: target.affine, data };
}

function sigmasOf(source: Affine, target: Affine): Vec3 {
  const sizes = voxelSizeOf(source);
  return [0, 1, 2].map((n) => {
    const axis = unit(columnOf(source, n as 0 | 1 | 2));
    const reach = ([0, 1, 2] as const).map((m) => dot(axis, columnOf(target, m)));
    return antiAliasingSigma(sizes[n]!, Math.hypot(...reach));
  }) as unknown as Vec3;
}

/** For each source axis the target axis that runs along it, or undefined where the grids are oblique to each other. */
function parallelAxes(toSource: Affine, shape: Vec3): readonly [number, number, number] | undefined {
  const axes = [0, 1, 2].map((row) => {
    const drift = [0, 1, 2].map((column) => Math.abs(toSource[4 * row + column]!) * (shape[column]! - 1));
    const step = [0, 1, 2].map((column) => Math.abs(toSource[4 * row + column]!));
    const axis = step.indexOf(Math.max(...step));
    return drift.every((value, column) => column === axis || value < PARALLEL) ? axis : -1;
  });
  return [0, 1, 2].every((axis) => axes.includes(axis)) ? [axes[0]!, axes[1]!, axes[2]!] : undefined;
}

function alongAxes(
  volume: Volume,
  shape: Vec3,
  toSource: Affine,
  targetAxisOf: readonly [number, number, number],
  sigma: Vec3,
  outside: number,
): Float32Array {
  const taps = targetAxisOf.map((targetAxis, axis) => {
    const mapping = { start: toSource[4 * axis + 3]!, step: toSource[4 * axis + targetAxis]! };
    return axisTaps(volume.shape[axis]!, shape[targetAxis]!, mapping, sigma[axis]!);
  });
  return resampleSeparably(volume, threeTaps(taps), targetAxisOf, outside);
}

/** The volume after the anti-aliasing Gaussian, on its own grid; the very same volume where none is needed. */
function smoothed(volume: Volume, sigma: Vec3): Volume {
  const taps = threeTaps(sigma.map((s, n) => axisTaps(volume.shape[n]!, volume.shape[n]!, { start: 0, step: 1 }, s)));
  if (taps.every(({ width }) => width <= 2)) return volume;
  return { ...volume, data: resampleSeparably(volume, taps, [0, 1, 2], 0) };
}

function threeTaps(taps: readonly AxisTaps[]): readonly [AxisTaps, AxisTaps, AxisTaps] {
  return [taps[0]!, taps[1]!, taps[2]!];
}
