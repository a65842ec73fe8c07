import type { Affine, Grid, Vec3 } from '../domain/geometry.ts';
import { affineFromColumns } from '../imaging/affine.ts';
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
