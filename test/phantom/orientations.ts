import type { Affine, LabelVolume, Vec3, Volume } from '../../src/domain/geometry.ts';

/**
 * New axes in terms of the old: each is 1, 2 or 3 for the first, second or third old axis, negative where it runs
 * backwards. [1, 2, 3] changes nothing.
 */
export type SignedAxes = readonly [number, number, number];

/** All 48 axis orders and flips. */
export const ALL_ORIENTATIONS: readonly SignedAxes[] = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
].flatMap(([a, b, c]) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((bits): SignedAxes => [bits & 1 ? -a! : a!, bits & 2 ? -b! : b!, bits & 4 ? -c! : c!]),
);

/**
 * The 24 ways to scan: row and column run along any two different signed axes, and the slices stand on the normal
 * row x column. From a volume with right-handed axes these are its rotations.
 */
export const ACQUISITIONS: readonly SignedAxes[] = ALL_ORIENTATIONS.filter((axes) => handednessOf(axes) > 0);

/** "R", "L", "A", "P", "I", "S" of each axis of a volume whose axes are [left, back, up]: for the names of tests. */
export function nameOf(axes: SignedAxes): string {
  return axes.map((axis) => (axis > 0 ? 'LPS' : 'RAI')[Math.abs(axis) - 1]).join('');
}

/** 1 where the new axes keep the handedness of the old, -1 where they mirror the index space. */
export function handednessOf(axes: SignedAxes): number {
  const [a, b, c] = axes.map(Math.abs) as [number, number, number];
  const even = [123, 231, 312].includes(100 * a + 10 * b + c) ? 1 : -1;
  return even * Math.sign(axes[0]) * Math.sign(axes[1]) * Math.sign(axes[2]);
}

/** The same patient stored along other axes: data and affine change together, nothing is resampled. */
export function reorient<T extends Volume | LabelVolume>(volume: T, axes: SignedAxes): T {
  const old = axes.map((axis) => Math.abs(axis) - 1) as [number, number, number];
  const shape = old.map((axis) => volume.shape[axis]!) as unknown as Vec3;
  const stride = [1, volume.shape[0], volume.shape[0] * volume.shape[1]];
  const steps = old.map((axis, n) => (axes[n]! > 0 ? stride[axis]! : -stride[axis]!));
  const first = old.reduce((sum, axis, n) => sum + (axes[n]! > 0 ? 0 : (shape[n]! - 1) * stride[axis]!), 0);
  const data = volume.data.slice();
  let at = 0;
  for (let k = 0; k < shape[2]; k += 1) {
    for (let j = 0; j < shape[1]; j += 1) {
      let from = first + k * steps[2]! + j * steps[1]!;
      for (let i = 0; i < shape[0]; i += 1, at += 1, from += steps[0]!) data[at] = volume.data[from]!;
    }
  }
  return { ...volume, shape, affine: affineAlong(volume.affine, axes, shape), data };
}

function affineAlong(affine: Affine, axes: SignedAxes, shape: Vec3): Affine {
  const rows = [0, 4, 8].map((row) => {
    const columns = axes.map((axis) => Math.sign(axis) * affine[row + Math.abs(axis) - 1]!);
    // A flipped axis starts where it used to end.
    const shift = axes.reduce((sum, axis, n) => sum - (axis > 0 ? 0 : columns[n]! * (shape[n]! - 1)), 0);
    return [...columns, affine[row + 3]! + shift];
  });
  return rows.flat() as unknown as Affine;
}
