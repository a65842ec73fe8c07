import { type Affine, HippocampusLabel, type LabelVolume, type Vec3, type Volume } from '../../src/domain/geometry.ts';
import type { FrameHeader } from '../../src/domain/instance.ts';

const SLICES = 40;

/** How the slices of the made-up study lie; the second of each pair runs the other way, so that its grid is left-handed. */
export const FIXTURE_ORIENTATIONS = [
  'axial',
  'axial-downwards',
  'sagittal',
  'sagittal-rightwards',
  'coronal',
  'coronal-forwards',
  'oblique',
] as const;
export type FixtureOrientation = (typeof FIXTURE_ORIENTATIONS)[number];

/** Unit directions of i, j and k in LPS, and the voxel sizes along them in mm. */
export const FIXTURE_AXES: Readonly<
  Record<
    FixtureOrientation,
    { readonly directions: readonly [Vec3, Vec3, Vec3]; readonly shape: Vec3; readonly size: Vec3 }
  >
> = {
  axial: {
    directions: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    shape: [96, 100, SLICES],
    size: [1.75, 1.75, 1.5],
  },
  'axial-downwards': {
    directions: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, -1],
    ],
    shape: [96, 100, SLICES],
    size: [1.75, 1.75, 1.5],
  },
  sagittal: {
    directions: [
      [0, 1, 0],
      [0, 0, -1],
      [1, 0, 0],
    ],
    shape: [100, 70, SLICES],
    size: [1.75, 1.75, 2.5],
  },
  'sagittal-rightwards': {
    directions: [
      [0, 1, 0],
      [0, 0, -1],
      [-1, 0, 0],
    ],
    shape: [100, 70, SLICES],
    size: [1.75, 1.75, 2.5],
  },
  coronal: {
    directions: [
      [1, 0, 0],
      [0, 0, -1],
      [0, 1, 0],
    ],
    shape: [96, 70, SLICES],
    size: [1.75, 1.75, 2.5],
  },
  'coronal-forwards': {
    directions: [
      [1, 0, 0],
      [0, 0, -1],
      [0, -1, 0],
    ],
    shape: [96, 70, SLICES],
    size: [1.75, 1.75, 2.5],
  },
  oblique: { directions: obliqueDirections(), shape: [96, 100, SLICES], size: [1.75, 1.75, 1.5] },
};

/** Axial, tipped 20 degrees about the ear-to-ear axis and turned 8 degrees about the vertical one. */
function obliqueDirections(): [Vec3, Vec3, Vec3] {
  const [ct, st] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)];
  const [cr, sr] = [Math.cos((8 * Math.PI) / 180), Math.sin((8 * Math.PI) / 180)];
  const turn = ([x, y, z]: Vec3): Vec3 => [cr * x - sr * y, sr * x + cr * y, z];
  return [turn([1, 0, 0]), turn([0, ct, st]), turn([0, -st, ct])];
}

function affineOf(orientation: FixtureOrientation): Affine {
  const { directions, shape, size } = FIXTURE_AXES[orientation];
  const column = (axis: 0 | 1 | 2, row: number) => directions[axis][row]! * size[axis];
  const origin = [0, 1, 2].map(
    (row) => -([0, 1, 2] as const).reduce<number>((sum, axis) => sum + (column(axis, row) * (shape[axis] - 1)) / 2, 0),
  );
  return [0, 1, 2].flatMap((row) => [
    column(0, row),
    column(1, row),
    column(2, row),
    origin[row]!,
  ]) as unknown as Affine;
}

/** Ellipsoids centred at (+-27, 4, 0) mm: the right one is thinner, so that the sides can be told apart by volume. */
function labelAt(x: number, y: number, z: number): number {
  const room = 1 - ((y - 4) / 20) ** 2 - (z / 6) ** 2;
  if (room < 0) return HippocampusLabel.background;
  if (((x - 27) / 7) ** 2 <= room) return y < 0 ? HippocampusLabel.leftAnterior : HippocampusLabel.leftPosterior;
  if (((x + 27) / 6) ** 2 <= room) return y < 0 ? HippocampusLabel.rightAnterior : HippocampusLabel.rightPosterior;
  return HippocampusLabel.background;
}

// A test's realm looks every global up the slow way, and these are asked 400 000 times.
const { abs, sin, cos } = Math;

function intensityAt(x: number, y: number, z: number): number {
  const radius2 = (x / 70) ** 2 + (y / 82) ** 2 + (z / 70) ** 2;
  if (radius2 > 1.12 ** 2) return 20;
  if (radius2 > 1.02 ** 2) return 900;
  if (radius2 > 1) return 60;
  if (((abs(x) - 12) / 7) ** 2 + ((y - 8) / 30) ** 2 + ((z - 12) / 9) ** 2 < 1) return 120;
  return 620 + 80 * sin(x / 5) * cos(y / 6) * cos(z / 5);
}

/** Labels and intensities on the grid of an orientation. */
export function makeVolumes(orientation: FixtureOrientation): { labels: LabelVolume; volume: Volume } {
  const { shape } = FIXTURE_AXES[orientation];
  const affine = affineOf(orientation);
  const [xi, xj, xk, x0, yi, yj, yk, y0, zi, zj, zk, z0] = affine;
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const data = new Float32Array(labels.length);
  let index = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++, index++) {
        const [x, y, z] = [xi * i + xj * j + xk * k + x0, yi * i + yj * j + yk * k + y0, zi * i + zj * j + zk * k + z0];
        const label = labelAt(x, y, z);
        labels[index] = label;
        data[index] = label === HippocampusLabel.background ? intensityAt(x, y, z) : 420;
      }
    }
  }
  return { labels: { shape, affine, data: labels }, volume: { shape, affine, data } };
}

/** The frame headers of the 40 slices, along the third axis of the grid. */
export function makeFrames(orientation: FixtureOrientation): FrameHeader[] {
  const { directions, size } = FIXTURE_AXES[orientation];
  const affine = affineOf(orientation);
  return Array.from({ length: SLICES }, (_, k) => ({
    frameNumber: k + 1,
    imagePositionPatient: [0, 1, 2].map((row) => affine[4 * row + 2]! * k + affine[4 * row + 3]!) as unknown as Vec3,
    imageOrientationPatient: [...directions[0], ...directions[1]] as unknown as NonNullable<
      FrameHeader['imageOrientationPatient']
    >,
    pixelSpacing: [size[1], size[0]] as const,
    sliceThickness: size[2],
    spacingBetweenSlices: size[2],
    rescaleSlope: 1,
    rescaleIntercept: 0,
  }));
}
