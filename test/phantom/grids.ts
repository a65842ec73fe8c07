import type { Grid, Vec3 } from '../../src/domain/geometry.ts';

/** A grid that holds the whole head: axes i = left, j = back, k = up, centred on the head. */
export function headGrid(spacing: number): Grid {
  const shape = [180, 220, 180].map((mm) => Math.round(mm / spacing)) as [number, number, number];
  const first = [0, 10, -8].map((middle, axis) => middle - ((shape[axis]! - 1) / 2) * spacing);
  return { shape, affine: [spacing, 0, 0, first[0]!, 0, spacing, 0, first[1]!, 0, 0, spacing, first[2]!] };
}

/** Row direction, column direction and slice direction as LPS unit vectors, sizes in mm, all centred on the head. */
export interface PlanePlan {
  readonly row: Vec3;
  readonly column: Vec3;
  readonly slice: Vec3;
  /** mm between columns, rows and slices. */
  readonly spacing: Vec3;
  readonly extentMm: Vec3;
}

/** The grid of a plane; `stretch` enlarges its voxels and keeps its extent. */
export function planeGrid({ row, column, slice, spacing, extentMm }: PlanePlan, stretch = 1): Grid {
  const size = spacing.map((mm) => mm * stretch) as unknown as Vec3;
  const shape = extentMm.map((mm, n) => Math.round(mm / size[n]!)) as unknown as Vec3;
  const axes = [row, column, slice];
  const affine = [0, 1, 2].flatMap((n) => {
    const columns = axes.map((axis, m) => axis[n]! * size[m]!);
    const middle = [0, 10, -8][n]!;
    return [...columns, middle - columns.reduce((sum, step, m) => sum + (step * (shape[m]! - 1)) / 2, 0)];
  });
  return { shape, affine: affine as unknown as Grid['affine'] };
}

/** What is left of a grid between two voxels (both kept): a field of view that cuts the head. */
export function cutGrid({ affine: a, shape }: Grid, first: Vec3, last: Vec3): Grid {
  const start = [0, 4, 8].map(
    (row) => a[row]! * first[0] + a[row + 1]! * first[1] + a[row + 2]! * first[2] + a[row + 3]!,
  );
  const [x, y, z] = start as [number, number, number];
  return {
    shape: shape.map((count, n) => Math.min(count - 1, last[n]!) - first[n]! + 1) as unknown as Vec3,
    affine: [a[0], a[1], a[2], x, a[4], a[5], a[6], y, a[8], a[9], a[10], z],
  };
}
