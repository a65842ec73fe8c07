import { NeuroInsightError } from '../domain/errors.ts';
import type { Grid, Volume } from '../domain/geometry.ts';
import { digestOf } from '../domain/identity.ts';
import type { InstanceHeader, SliceRef } from '../domain/instance.ts';
import { voxelCountOf } from './affine.ts';
import { stackSlices } from './slice-stack.ts';
import { refuseUnusable } from './usable-volume.ts';

export interface AssembledVolume {
  /** i along the rows (columns grow), j down the columns, k along the slice normal; the affine may mirror. */
  readonly volume: Volume;
  /** One entry a plane of the third axis, in its order. */
  readonly slices: SliceRef[];
  /** sha256 of geometry and rescaled intensities: equal pixels in equal places give equal digests. */
  readonly pixelDigest: string;
}

/** Frames asked for at one time: enough to keep a reader busy, few enough to hold no second volume. */
const FRAMES_AT_ONCE = 4;

/**
 * Builds the volume of one series, classic or enhanced, from slices in any order and orientation.
 *
 * @param readFrame Rescaled pixels of one frame, rows * columns numbers, row by row.
 * @throws what `stackSlices` throws, limit-exceeded, malformed-pixels, non-finite-pixels, empty-image.
 */
export async function assembleVolume(
  instances: readonly InstanceHeader[],
  readFrame: (slice: SliceRef) => Promise<Float32Array>,
): Promise<AssembledVolume> {
  const { slices, rows, columns, affine } = stackSlices(instances);
  const grid: Grid = { shape: [columns, rows, slices.length], affine };
  const data = new Float32Array(voxelCountOf(grid.shape));
  await fillPlanes(data, rows * columns, slices, readFrame);
  const volume = { ...grid, data };
  refuseUnusable(volume);
  return { volume, slices: [...slices], pixelDigest: pixelDigestOf(volume) };
}

/**
 * sha256 over the grid and the intensities (32-bit, little endian, i fastest). The affine counts to a millionth of a
 * millimetre, below which headers of the same acquisition differ by rounding.
 */
export function pixelDigestOf({ shape, affine, data }: Volume): string {
  const geometry = [...shape, ...affine.map((value) => (Math.round(value * 1e6) / 1e6 + 0).toFixed(6))].join(' ');
  return digestOf([geometry, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

async function fillPlanes(
  data: Float32Array,
  planeSize: number,
  slices: readonly SliceRef[],
  readFrame: (slice: SliceRef) => Promise<Float32Array>,
): Promise<void> {
  for (let first = 0; first < slices.length; first += FRAMES_AT_ONCE) {
    const planes = await Promise.all(slices.slice(first, first + FRAMES_AT_ONCE).map(readFrame));
    for (const [n, plane] of planes.entries()) {
      if (plane.length !== planeSize) {
        throw new NeuroInsightError('malformed-pixels', `a frame holds ${plane.length} pixels instead of ${planeSize}`);
      }
      data.set(plane, (first + n) * planeSize);
    }
  }
}
