import type { Affine, Grid, Vec3, Volume } from '../../src/domain/geometry.ts';
import { applyAffine } from '../../src/imaging/affine.ts';

/** How a volume lies in memory: the source axis each axis is taken from, and which are turned round. */
export interface MemoryOrder {
  readonly axes: readonly [number, number, number];
  readonly flips: readonly [boolean, boolean, boolean];
}

const AXIS_ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** All 48 ways to store a volume: 6 axis orders, 8 choices of flips. */
export function memoryOrders(): MemoryOrder[] {
  return AXIS_ORDERS.flatMap((axes) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map(
      (bits): MemoryOrder => ({ axes, flips: [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0] }),
    ),
  );
}

/** The same voxels at the same places in the patient, stored in another order. */
export function stored<T extends Float32Array | Uint8Array>(
  grid: Grid & { readonly data: T },
  { axes, flips }: MemoryOrder,
): Grid & { readonly data: T } {
  const { shape, affine, data } = grid;
  const next = axes.map((axis) => shape[axis]!) as unknown as Vec3;
  const strides = [1, shape[0], shape[0] * shape[1]];
  const step = axes.map((axis, n) => (flips[n] ? -strides[axis]! : strides[axis]!));
  const start = axes.reduce((sum, axis, n) => sum + (flips[n] ? strides[axis]! * (shape[axis]! - 1) : 0), 0);
  const copy = data.slice() as T;
  let to = 0;
  for (let k = 0; k < next[2]; k++) {
    for (let j = 0; j < next[1]; j++) {
      for (let i = 0; i < next[0]; i++) copy[to++] = data[start + i * step[0]! + j * step[1]! + k * step[2]!]!;
    }
  }
  return { shape: next, affine: reordered(affine, shape, { axes, flips }), data: copy };
}

function reordered(affine: Affine, shape: Vec3, { axes, flips }: MemoryOrder): Affine {
  const first = [0, 0, 0];
  axes.forEach((axis, n) => {
    if (flips[n]) first[axis] = shape[axis]! - 1;
  });
  const origin = applyAffine(affine, [first[0]!, first[1]!, first[2]!]);
  return [0, 1, 2].flatMap((row) => [
    ...axes.map((axis, n) => (flips[n] ? -1 : 1) * affine[4 * row + axis]!),
    origin[row]!,
  ]) as unknown as Affine;
}

/** A volume whose intensity is a function of the place in the patient (LPS mm). */
export function volumeOf(shape: Vec3, affine: Affine, intensityAt: (place: Vec3) => number): Volume {
  const data = new Float32Array(shape[0] * shape[1] * shape[2]);
  let at = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++) data[at++] = intensityAt(applyAffine(affine, [i, j, k]));
    }
  }
  return { shape, affine, data };
}

/** Rotation by angles (radians) about x, then y, then z; columns are where the axes go. */
export function rotation([a, b, c]: Vec3): readonly [Vec3, Vec3, Vec3] {
  const [ca, sa, cb, sb, cc, sc] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(c), Math.sin(c)];
  return [
    [cc * cb, sc * cb, -sb],
    [cc * sb * sa - sc * ca, sc * sb * sa + cc * ca, cb * sa],
    [cc * sb * ca + sc * sa, sc * sb * ca - cc * sa, cb * ca],
  ];
}
