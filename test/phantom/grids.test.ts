import { describe, expect, it } from '@jest/globals';
import { applyAffine, voxelSizeOf } from '../../src/imaging/affine.ts';
import { cutGrid, headGrid, planeGrid } from './grids.ts';

const middleOf = ({ shape, affine }: ReturnType<typeof headGrid>): readonly number[] =>
  applyAffine(affine, [(shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2]);

describe('phantom grids', () => {
  it('are centred on the head whatever the voxel and the plane', () => {
    expect(headGrid(1).shape).toEqual([180, 220, 180]);
    expect(middleOf(headGrid(1))).toEqual(middleOf(headGrid(2)));
    const plane = { row: [0, 1, 0], column: [0, 0, -1], slice: [-1, 0, 0], spacing: [1, 1, 2] } as const;
    const grid = planeGrid({ ...plane, extentMm: [256, 240, 176] });
    expect(grid.shape).toEqual([256, 240, 88]);
    expect(voxelSizeOf(grid.affine)).toEqual([1, 1, 2]);
    expect(middleOf(grid)).toEqual(middleOf(headGrid(1)));
  });

  it('can be cut without moving what is left', () => {
    const whole = headGrid(2);
    const cut = cutGrid(whole, [10, 20, 30], [59, 99, 999]);
    expect(cut.shape).toEqual([50, 80, 60]);
    expect(applyAffine(cut.affine, [1, 2, 3])).toEqual(applyAffine(whole.affine, [11, 22, 33]));
  });
});
