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
  const inside = (centre: number, thickness: number) =>
    ((x - centre) / thickness) ** 2 + ((y - 4) / 20) ** 2 + (z / 6) ** 2 <= 1;
  if (inside(27, 7)) return y < 0 ? HippocampusLabel.leftAnterior : HippocampusLabel.leftPosterior;
  if (inside(-27, 6)) return y < 0 ? HippocampusLabel.rightAnterior : HippocampusLabel.rightPosterior;
  return HippocampusLabel.background;
}

function intensityAt(x: number, y: number, z: number, label: number): number {
  if (label !== HippocampusLabel.background) return 420;
  const radius = Math.hypot(x / 70, y / 82, z / 70);
  if (radius > 1.12) return 20;
  if (radius > 1.02) return 900;
  if (radius > 1) return 60;
  if (Math.hypot((Math.abs(x) - 12) / 7, (y - 8) / 30, (z - 12) / 9) < 1) return 120;
  return 620 + 80 * Math.sin(x / 5) * Math.cos(y / 6) * Math.cos(z / 5);
}

/** Labels and intensities on the grid of an orientation. */
export function makeVolumes(orientation: FixtureOrientation): { labels: LabelVolume; volume: Volume } {
  const { shape } = FIXTURE_AXES[orientation];
  const affine = affineOf(orientation);
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const data = new Float32Array(labels.length);
  let index = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++, index++) {
        const at = (row: number) =>
          affine[4 * row]! * i + affine[4 * row + 1]! * j + affine[4 * row + 2]! * k + affine[4 * row + 3]!;
        const [x, y, z] = [at(0), at(1), at(2)];
        labels[index] = labelAt(x, y, z);
        data[index] = intensityAt(x, y, z, labels[index]!);
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
