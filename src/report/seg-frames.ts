import { type Grid, HippocampusLabel, type LabelVolume, type Laterality } from '../domain/geometry.ts';
import { applyAffine, columnOf, determinantOf, unit, voxelSizeOf } from '../imaging/affine.ts';

/** One hippocampus in one slice: a frame of the segmentation. */
export interface SegmentFrame {
  /** 1 left, 2 right. */
  readonly segmentNumber: number;
  /** Slice of the grid, 0-based. */
  readonly slice: number;
  /** 1-based rank of the slice among those that have a frame, along the slice normal: Dimension Index Value. */
  readonly positionIndex: number;
}

/** What each segment is made of; segment n is the n-th entry. */
export const SEGMENTS: readonly { readonly laterality: Laterality; readonly labels: readonly number[] }[] = [
  { laterality: 'left', labels: [HippocampusLabel.leftAnterior, HippocampusLabel.leftPosterior] },
  { laterality: 'right', labels: [HippocampusLabel.rightAnterior, HippocampusLabel.rightPosterior] },
];

/** Geometry of the frames as the attributes of PS3.3 C.7.6.2 say it. */
export interface FrameGeometry {
  /** Direction of a row (i), then of a column (j). */
  readonly imageOrientation: readonly number[];
  /** [between rows (j), between columns (i)] in mm. */
  readonly pixelSpacing: readonly [number, number];
  readonly sliceSpacing: number;
  /** +1 where slices run along row x column, -1 where the grid is left-handed. */
  readonly handedness: 1 | -1;
}

/** To a billionth of a millimetre: the square root of a spacing's square is not the spacing. */
const cleared = (value: number) => Math.round(value * 1e9) / 1e9;

/** Reads the frame geometry off the columns of the affine; rows of a frame are j, columns are i. */
export function frameGeometryOf({ affine }: Grid): FrameGeometry {
  const [row, column] = [unit(columnOf(affine, 0)), unit(columnOf(affine, 1))];
  const [i, j, k] = voxelSizeOf(affine);
  return {
    imageOrientation: [...row, ...column].map(cleared),
    pixelSpacing: [cleared(j), cleared(i)],
    sliceSpacing: cleared(k),
    handedness: determinantOf(affine) < 0 ? -1 : 1,
  };
}

/** LPS mm at the centre of the first voxel of a slice: Image Position (Patient). */
export function slicePositionOf({ affine }: Grid, slice: number): number[] {
  return applyAffine(affine, [0, 0, slice]).map(cleared);
}

/** Frames in the order of their dimension indices: all of segment 1, then all of segment 2; empty slices have none. */
export function framesOf(labels: LabelVolume, handedness: 1 | -1): SegmentFrame[] {
  const present = segmentsInSlices(labels);
  const used = present.flatMap((segments, slice) => (segments === 0 ? [] : [slice]));
  if (handedness < 0) used.reverse();
  return SEGMENTS.flatMap((_, index) =>
    used.flatMap((slice, rank) =>
      present[slice]! & (1 << index) ? [{ segmentNumber: index + 1, slice, positionIndex: rank + 1 }] : [],
    ),
  );
}

/** For each slice, one bit a segment that has a voxel in it. */
function segmentsInSlices({ shape, data }: LabelVolume): number[] {
  const bitOf = Uint8Array.from({ length: 256 }, (_, label) =>
    SEGMENTS.reduce((bits, { labels }, index) => (labels.includes(label) ? bits | (1 << index) : bits), 0),
  );
  const size = shape[0] * shape[1];
  return Array.from({ length: shape[2] }, (_, slice) => {
    let bits = 0;
    const end = (slice + 1) * size;
    for (let voxel = slice * size; voxel < end; voxel++) bits |= bitOf[data[voxel]!]!;
    return bits;
  });
}

/**
 * Pixel Data of a binary segmentation: one bit a pixel, the first pixel in the least significant bit, frames one after
 * the other without padding between them (PS3.5 8.1.1 and annex D), zero bits up to an even number of bytes.
 */
export function packFrames({ shape, data }: LabelVolume, frames: readonly SegmentFrame[]): Uint8Array {
  const size = shape[0] * shape[1];
  const bytes = new Uint8Array(2 * Math.ceil((frames.length * size) / 16));
  let bit = 0;
  for (const { segmentNumber, slice } of frames) {
    const [anterior, posterior] = SEGMENTS[segmentNumber - 1]!.labels;
    for (let voxel = slice * size; voxel < (slice + 1) * size; voxel++, bit++) {
      const label = data[voxel];
      if (label === anterior || label === posterior) bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return bytes;
}
