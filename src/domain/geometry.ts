export type Vec3 = readonly [number, number, number];

/**
 * Voxel index to patient millimetres: 12 numbers, 3 x 4, row-major.
 * `[i, j, k, 1]` (i fastest in memory) -> LPS `[x, y, z]` mm at the voxel CENTRE; x grows to the patient's left,
 * y to the back, z to the head. PS3.3 C.7.6.2.1.1.
 */
export type Affine = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** A box of voxels in the patient. Memory index = i + shape[0] * (j + shape[1] * k). */
export interface Grid {
  readonly shape: Vec3;
  readonly affine: Affine;
}

/** Intensities on a grid. */
export interface Volume extends Grid {
  readonly data: Float32Array;
}

/** Whole-number labels on a grid; the values are those of `HippocampusLabel`. */
export interface LabelVolume extends Grid {
  readonly data: Uint8Array;
}

/** Values of a label volume inside the server; labels.nii.gz merges the parts to 1 = left, 2 = right. */
export const HippocampusLabel = {
  background: 0,
  leftAnterior: 1,
  leftPosterior: 2,
  rightAnterior: 3,
  rightPosterior: 4,
} as const;

/** The patient's side, never the screen's. */
export type Laterality = 'left' | 'right';
export const LATERALITIES: readonly Laterality[] = ['left', 'right'];
