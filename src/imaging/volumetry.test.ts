import { describe, expect, it } from '@jest/globals';
import { memoryOrders, stored } from '../../test/harness/oriented-volumes.ts';
import type { Affine, LabelVolume } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import { measureHippocampi } from './volumetry.ts';

const half: Affine = [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 2, 0];

function labelsOf(data: readonly number[], affine: Affine = half): LabelVolume {
  return { shape: [data.length, 1, 1], affine, data: Uint8Array.from(data) };
}

describe('volumetry', () => {
  it('multiplies voxels by their volume, side by side and part by part', () => {
    const { leftAnterior, leftPosterior, rightAnterior, rightPosterior } = HippocampusLabel;
    const { left, right } = measureHippocampi(
      labelsOf([leftAnterior, leftAnterior, leftPosterior, 0, rightAnterior, rightPosterior, rightPosterior, 0, 0]),
    );
    expect(left).toEqual({ voxelCount: 3, volumeMm3: 1.5, anteriorVolumeMm3: 1, posteriorVolumeMm3: 0.5 });
    expect(right).toEqual({ voxelCount: 3, volumeMm3: 1.5, anteriorVolumeMm3: 0.5, posteriorVolumeMm3: 1 });
  });

  it('measures 0 for a side without voxels', () => {
    expect(measureHippocampi(labelsOf([HippocampusLabel.rightAnterior])).left.volumeMm3).toBe(0);
  });

  it('measures the same in all 48 memory orders, never a side for the other', () => {
    const data = Uint8Array.from({ length: 60 }, (_, n) => (n % 7 < 5 ? n % 7 : 0));
    const labels: LabelVolume = { shape: [3, 4, 5], affine: half, data };
    const expected = measureHippocampi(labels);
    expect(expected.left.voxelCount).not.toBe(expected.right.anteriorVolumeMm3);
    for (const order of memoryOrders()) expect(measureHippocampi(stored(labels, order))).toEqual(expected);
  });
});
