import { NeuroInsightError } from '../domain/errors.ts';
import type { Affine, Grid, Vec3 } from '../domain/geometry.ts';

/** Direction cosines of a row (columns grow), then of a column (rows grow). PS3.3 C.7.6.2.1.1. */
export type Orientation = readonly [number, number, number, number, number, number];

/** More voxels than this are refused: 512 cubed, 512 MiB as 32-bit numbers. */
export const MAX_VOXELS = 2 ** 27;

/**
 * Maps a voxel index to millimetres in the patient.
 *
 * @param position Image Position (Patient) of the first slice, mm, LPS, centre of the first voxel.
 * @param orientation Image Orientation (Patient), unit vectors.
 * @param spacing Pixel Spacing: [between rows, between columns] in mm - rows first, as in the attribute.
 * @param sliceStep From one slice to the next, mm, LPS.
 * @returns 3 x 4, row-major, LPS: [column, row, slice, 1] -> [x, y, z] at the voxel centre. PS3.3 C.7.6.2.1.1.
 */
export function affineOf(
  position: Vec3,
  orientation: Orientation,
  spacing: readonly [number, number],
  sliceStep: Vec3,
): Affine {
  const [betweenRows, betweenColumns] = spacing;
  const [rx, ry, rz, cx, cy, cz] = orientation;
  return affineFromColumns(
    [rx * betweenColumns, ry * betweenColumns, rz * betweenColumns],
    [cx * betweenRows, cy * betweenRows, cz * betweenRows],
    sliceStep,
    position,
  );
}

/** The affine whose axis steps are `i`, `j`, `k` (mm, LPS) and whose first voxel centre is `origin`. */
export function affineFromColumns(i: Vec3, j: Vec3, k: Vec3, origin: Vec3): Affine {
  return [i[0], j[0], k[0], origin[0], i[1], j[1], k[1], origin[1], i[2], j[2], k[2], origin[2]];
}

/** Column `axis` of the affine: what one step along that voxel axis moves, mm, LPS. 3 gives the origin. */
export function columnOf(affine: Affine, axis: 0 | 1 | 2 | 3): Vec3 {
  return [affine[axis], affine[4 + axis]!, affine[8 + axis]!];
}

/** Position of a voxel index (fractions allowed), mm, LPS. */
export function applyAffine(affine: Affine, [i, j, k]: Vec3): Vec3 {
  return [
    affine[0] * i + affine[1] * j + affine[2] * k + affine[3],
    affine[4] * i + affine[5] * j + affine[6] * k + affine[7],
    affine[8] * i + affine[9] * j + affine[10] * k + affine[11],
  ];
}

/** `multiplyAffine(outer, inner)` applies `inner` first. */
export function multiplyAffine(outer: Affine, inner: Affine): Affine {
  const i = turn(outer, columnOf(inner, 0));
  const j = turn(outer, columnOf(inner, 1));
  const k = turn(outer, columnOf(inner, 2));
  return affineFromColumns(i, j, k, applyAffine(outer, columnOf(inner, 3)));
}

function turn(a: Affine, [x, y, z]: Vec3): Vec3 {
  return [a[0] * x + a[1] * y + a[2] * z, a[4] * x + a[5] * y + a[6] * z, a[8] * x + a[9] * y + a[10] * z];
}

/** Millimetres back to voxel indices. Throws poor-geometry where the axes do not span space. */
export function invertAffine(affine: Affine): Affine {
  const [a, b, c, , d, e, f, , g, h, i] = affine;
  const scale = 1 / determinantOf(affine);
  if (!Number.isFinite(scale)) throw new NeuroInsightError('poor-geometry', 'the voxel axes do not span space');
  const inverse = affineFromColumns(
    [(e * i - f * h) * scale, (f * g - d * i) * scale, (d * h - e * g) * scale],
    [(c * h - b * i) * scale, (a * i - c * g) * scale, (b * g - a * h) * scale],
    [(b * f - c * e) * scale, (c * d - a * f) * scale, (a * e - b * d) * scale],
    [0, 0, 0],
  );
  const [x, y, z] = turn(inverse, columnOf(affine, 3));
  return affineFromColumns(columnOf(inverse, 0), columnOf(inverse, 1), columnOf(inverse, 2), [-x, -y, -z]);
}

/** Signed voxel volume, mm3: positive where (i, j, k) is a right-handed system in LPS. */
export function determinantOf(affine: Affine): number {
  const [a, b, c, , d, e, f, , g, h, i] = affine;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Distance between neighbouring voxel centres along i, j and k, mm. */
export function voxelSizeOf(affine: Affine): Vec3 {
  return [lengthOf(columnOf(affine, 0)), lengthOf(columnOf(affine, 1)), lengthOf(columnOf(affine, 2))];
}

/** Volume of one voxel, mm3, right also where the axes are not perpendicular. */
export function voxelVolumeOf(affine: Affine): number {
  return Math.abs(determinantOf(affine));
}

/** Largest |cosine| between two voxel axes: 0 where they are perpendicular. */
export function shearOf(affine: Affine): number {
  const [i, j, k] = [unit(columnOf(affine, 0)), unit(columnOf(affine, 1)), unit(columnOf(affine, 2))];
  return Math.max(Math.abs(dot(i, j)), Math.abs(dot(i, k)), Math.abs(dot(j, k)));
}

/** Physical box of a grid out to the outer faces of its voxels: lowest and highest LPS coordinates, mm. */
export function boundsOf({ shape, affine }: Grid): { readonly low: Vec3; readonly high: Vec3 } {
  const centre = applyAffine(affine, [(shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2]);
  const half = [0, 1, 2].map(
    (row) =>
      (Math.abs(affine[4 * row]!) * shape[0] +
        Math.abs(affine[4 * row + 1]!) * shape[1] +
        Math.abs(affine[4 * row + 2]!) * shape[2]) /
      2,
  ) as [number, number, number];
  return {
    low: [centre[0] - half[0], centre[1] - half[1], centre[2] - half[2]],
    high: [centre[0] + half[0], centre[1] + half[1], centre[2] + half[2]],
  };
}

/** Number of voxels. Throws limit-exceeded above `MAX_VOXELS`, so that no header makes the server allocate without end. */
export function voxelCountOf(shape: Vec3): number {
  const count = shape[0] * shape[1] * shape[2];
  if (!(count <= MAX_VOXELS)) {
    throw new NeuroInsightError(
      'limit-exceeded',
      `${shape.join(' x ')} voxels are more than the limit of ${MAX_VOXELS}`,
    );
  }
  return count;
}

export function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Right-handed vector product. */
export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function lengthOf(a: Vec3): number {
  return Math.hypot(a[0], a[1], a[2]);
}

/** The direction of `a`, length 1. */
export function unit(a: Vec3): Vec3 {
  const length = lengthOf(a);
  return [a[0] / length, a[1] / length, a[2] / length];
}
