import type { Affine, Grid, Vec3 } from '../domain/geometry.ts';
import { affineFromColumns, applyAffine, columnOf, dot } from '../imaging/affine.ts';
import type { Plane } from './picture.ts';

/**
 * Screen directions of the radiological convention, LPS: axial pictures are seen from the feet and coronal ones from
 * the front, so that the patient's right is on the left of the screen; sagittal ones are seen from the patient's left,
 * the face on the left of the screen. The head is up.
 */
export const SCREEN: Readonly<
  Record<
    Plane,
    { readonly right: Vec3; readonly down: Vec3; readonly normalAxis: 0 | 1 | 2; readonly letters: Letters }
  >
> = {
  axial: {
    right: [1, 0, 0],
    down: [0, 1, 0],
    normalAxis: 2,
    letters: { left: 'R', right: 'L', top: 'A', bottom: 'P' },
  },
  coronal: {
    right: [1, 0, 0],
    down: [0, 0, -1],
    normalAxis: 1,
    letters: { left: 'R', right: 'L', top: 'H', bottom: 'F' },
  },
  sagittal: {
    right: [0, 1, 0],
    down: [0, 0, -1],
    normalAxis: 0,
    letters: { left: 'A', right: 'P', top: 'H', bottom: 'F' },
  },
};

/** Patient directions at the edges of the screen. PS3.3 C.7.6.1.1.1. */
export interface Letters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/** What a picture looks at. */
export interface Aim {
  readonly plane: Plane;
  /** LPS mm in the middle of the picture. */
  readonly centre: Vec3;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly pixelSizeMm: number;
}

/** The pixels of a picture as a grid one voxel thick: i to the right of the screen, j down. */
export function displayGrid({ plane, centre, width, height, pixelSizeMm }: Aim): Grid {
  const { right, down, normalAxis } = SCREEN[plane];
  const normal: Vec3 = [0, 1, 2].map((axis) => (axis === normalAxis ? pixelSizeMm : 0)) as unknown as Vec3;
  const along = (direction: Vec3, steps: number): Vec3 =>
    direction.map((part) => part * steps * pixelSizeMm) as unknown as Vec3;
  const toCorner = [along(right, -(width - 1) / 2), along(down, -(height - 1) / 2)] as const;
  const corner = [0, 1, 2].map((axis) => centre[axis]! + toCorner[0][axis]! + toCorner[1][axis]!) as unknown as Vec3;
  const affine: Affine = affineFromColumns(along(right, 1), along(down, 1), normal, corner);
  return { shape: [width, height, 1], affine };
}

/** A rectangle of whole pixels inside a picture. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The pixels of a picture that a box of the patient (LPS mm) covers; undefined where the slice misses the box. */
export function regionOf(aim: Aim, low: Vec3, high: Vec3): Region | undefined {
  const { right, down, normalAxis } = SCREEN[aim.plane];
  const position = aim.centre[normalAxis];
  if (position < low[normalAxis] || position > high[normalAxis]) return undefined;
  const across = spanOf(aim, right, low, high, aim.width);
  const along = spanOf(aim, down, low, high, aim.height);
  if (across.count < 2 || along.count < 2) return undefined;
  return { left: across.first, top: along.first, width: across.count, height: along.count };
}

function spanOf(aim: Aim, direction: Vec3, low: Vec3, high: Vec3, pixels: number): { first: number; count: number } {
  const at = (point: Vec3) => dot(direction, point) - dot(direction, aim.centre);
  const [a, b] = [at(low) / aim.pixelSizeMm, at(high) / aim.pixelSizeMm];
  const middle = (pixels - 1) / 2;
  const first = Math.max(0, Math.floor(middle + Math.min(a, b)));
  const last = Math.min(pixels - 1, Math.ceil(middle + Math.max(a, b)));
  return { first, count: last - first + 1 };
}

/** The grid of a part of a picture. */
export function regionGrid(aim: Aim, { left, top, width, height }: Region): Grid {
  const { affine } = displayGrid(aim);
  const columns = [columnOf(affine, 0), columnOf(affine, 1), columnOf(affine, 2)] as const;
  return { shape: [width, height, 1], affine: affineFromColumns(...columns, applyAffine(affine, [left, top, 0])) };
}
