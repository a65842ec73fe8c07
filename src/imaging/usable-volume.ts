import { NeuroInsightError } from '../domain/errors.ts';
import type { Volume } from '../domain/geometry.ts';

/**
 * Refuses a volume that holds no image: every way into the server passes here before anything is measured.
 * Throws non-finite-pixels where a voxel is NaN or infinite, empty-image where all voxels are equal.
 */
export function refuseUnusable({ data }: Volume): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let unusable = 0;
  for (let at = 0; at < data.length; at++) {
    const value = data[at]!;
    // value - value is 0 for every finite number, NaN for all others: one comparison instead of two.
    if (value - value !== 0) unusable++;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (unusable > 0) {
    throw new NeuroInsightError('non-finite-pixels', `${unusable} of ${data.length} voxels are not finite numbers`);
  }
  if (!(high > low)) throw new NeuroInsightError('empty-image', 'all voxels have the same value');
}
