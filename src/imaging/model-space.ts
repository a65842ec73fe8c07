import type { Grid, Volume } from '../domain/geometry.ts';
import { affineFromColumns, boundsOf, voxelCountOf } from './affine.ts';
import { sampleGrid } from './resample.ts';

export { toSourceSpace } from './source-space.ts';

/** Rounding of the header is not worth one more plane of voxels. */
const NEGLIGIBLE_MM = 1e-3;

/**
 * The model grid of a source: 1 mm isotropic, i to the left, j to the back, k to the head (LPS), over the whole
 * physical box of the source and centred in it. It depends on nothing but that box, so that the same head stored
 * with other axis orders or signs gets the same grid.
 *
 * @throws limit-exceeded where the box holds more than `MAX_VOXELS` voxels of 1 mm.
 */
export function modelGridOf(source: Grid): Grid {
  const { low, high } = boundsOf(source);
  const count = [0, 1, 2].map((axis) => {
    const extent = Math.round((high[axis]! - low[axis]!) * 1e6) / 1e6;
    return Math.max(1, Math.ceil(extent - NEGLIGIBLE_MM));
  });
  const origin = count.map((n, axis) => (low[axis]! + high[axis]!) / 2 - (n - 1) / 2);
  const shape = [count[0]!, count[1]!, count[2]!] as const;
  voxelCountOf(shape);
  return { shape, affine: affineFromColumns([1, 0, 0], [0, 1, 0], [0, 0, 1], [origin[0]!, origin[1]!, origin[2]!]) };
}

/**
 * A volume in model space: 1 mm isotropic voxels, axes exactly left, back, head (LPS), the whole source inside,
 * anti-aliased where the source is finer, 0 outside the source.
 *
 * @throws limit-exceeded where the box holds more than `MAX_VOXELS` voxels of 1 mm.
 */
export function toModelSpace(volume: Volume): Volume {
  return sampleGrid(volume, modelGridOf(volume));
}
