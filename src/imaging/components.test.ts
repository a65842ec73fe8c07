import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Vec3 } from '../domain/geometry.ts';
import { dilateMask, labelComponents, largestComponent } from './components.ts';

function maskOf(shape: Vec3, voxels: readonly Vec3[]): Uint8Array {
  const mask = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (const [i, j, k] of voxels) mask[i + shape[0] * (j + shape[1] * k)] = 1;
  return mask;
}

describe('connected components', () => {
  it('joins voxels that touch at a corner only when 26-connected', () => {
    const mask = maskOf(
      [3, 3, 3],
      [
        [0, 0, 0],
        [1, 1, 1],
        [2, 1, 1],
      ],
    );
    expect(labelComponents(mask, [3, 3, 3], 26).sizes).toEqual([3]);
    expect(labelComponents(mask, [3, 3, 3], 6).sizes).toEqual([1, 2]);
  });

  it('never joins voxels across the end of a row or a plane', () => {
    const shape: Vec3 = [4, 3, 2];
    const mask = maskOf(shape, [
      [3, 0, 0],
      [0, 1, 0],
      [3, 2, 0],
      [0, 0, 1],
    ]);
    expect(labelComponents(mask, shape, 6).sizes).toEqual([1, 1, 1, 1]);
  });

  it('gives the mean index of each component', () => {
    const mask = maskOf(
      [5, 5, 5],
      [
        [0, 0, 0],
        [1, 0, 0],
        [4, 4, 2],
        [4, 4, 3],
        [4, 4, 4],
      ],
    );
    expect(labelComponents(mask, [5, 5, 5]).centroids).toEqual([
      [0.5, 0, 0],
      [4, 4, 3],
    ]);
  });

  it('finds one component in a full box of a million voxels without running out of stack', () => {
    const mask = new Uint8Array(100 ** 3).fill(255);
    expect(labelComponents(mask, [100, 100, 100]).sizes).toEqual([1_000_000]);
  });

  it('labels every voxel of the mask once, and neighbours alike', () => {
    const shape: Vec3 = [6, 5, 4];
    const masks = fc.uint8Array({ minLength: 120, maxLength: 120, max: 1 });
    fc.assert(
      fc.property(masks, (mask) => {
        const { labels, sizes } = labelComponents(mask, shape, 6);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(mask.filter((value) => value > 0).length);
        for (let at = 0; at < 120; at++) {
          expect(labels[at] === 0).toBe(mask[at] === 0);
          if (at % 6 < 5 && mask[at] && mask[at + 1]) expect(labels[at]).toBe(labels[at + 1]);
          if (at < 90 && mask[at] && mask[at + 30]) expect(labels[at]).toBe(labels[at + 30]);
        }
      }),
    );
  });
});

describe('the largest component', () => {
  it('is kept alone and tells how much was left out', () => {
    const mask = maskOf(
      [9, 1, 1],
      [
        [0, 0, 0],
        [3, 0, 0],
        [4, 0, 0],
        [5, 0, 0],
      ],
    );
    const largest = largestComponent(mask, [9, 1, 1]);
    expect([...largest!.mask]).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0]);
    expect(largest).toMatchObject({ size: 3, centroid: [4, 0, 0], fragmentation: 0.25 });
  });

  it('does not exist in an empty mask', () => {
    expect(largestComponent(new Uint8Array(8), [2, 2, 2])).toBeUndefined();
  });
});

describe('dilation', () => {
  it('grows to a box and stops at the faces', () => {
    const grown = dilateMask(maskOf([7, 5, 4], [[1, 2, 3]]), [7, 5, 4], 2);
    expect(grown.reduce((sum, value) => sum + value, 0)).toBe(4 * 5 * 3);
    expect(grown[0 + 7 * (0 + 5 * 1)]).toBe(1);
    expect(grown[4 + 7 * (2 + 5 * 3)]).toBe(0);
  });

  it('leaves its input alone', () => {
    const mask = maskOf([3, 3, 3], [[1, 1, 1]]);
    dilateMask(mask, [3, 3, 3], 1);
    expect(mask.reduce((sum, value) => sum + value, 0)).toBe(1);
  });
});
