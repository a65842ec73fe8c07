import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rotation } from '../../test/harness/oriented-volumes.ts';
import type { Affine, Vec3 } from '../domain/geometry.ts';
import {
  affineFromColumns,
  affineOf,
  applyAffine,
  boundsOf,
  cross,
  determinantOf,
  dot,
  invertAffine,
  MAX_VOXELS,
  multiplyAffine,
  shearOf,
  voxelCountOf,
  voxelSizeOf,
  voxelVolumeOf,
} from './affine.ts';

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const size = fc.double({ min: 0.3, max: 6, noNaN: true });
const place = fc.double({ min: -300, max: 300, noNaN: true });
const triple = (of: fc.Arbitrary<number>): fc.Arbitrary<[number, number, number]> => fc.tuple(of, of, of);

/** Rotated, scaled, possibly mirrored, shifted. */
const affines: fc.Arbitrary<Affine> = fc
  .tuple(triple(angle), triple(size), triple(fc.constantFrom(-1, 1)), triple(place))
  .map(([angles, sizes, signs, origin]) => {
    const [i, j, k] = rotation(angles).map((axis, n) => axis.map((cosine) => cosine * sizes[n]! * signs[n]!));
    return affineFromColumns(i as unknown as Vec3, j as unknown as Vec3, k as unknown as Vec3, origin);
  });

function expectClose(actual: readonly number[], expected: readonly number[], digits = 6): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, n) => void expect(value).toBeCloseTo(expected[n]!, digits));
}

describe('the affine of a DICOM stack', () => {
  it('takes Pixel Spacing rows first: the row spacing moves along the column direction', () => {
    const affine = affineOf([-90, -120, 30], [1, 0, 0, 0, 1, 0], [0.5, 2], [0, 0, 3]);
    expect(applyAffine(affine, [0, 0, 0])).toEqual([-90, -120, 30]);
    expect(applyAffine(affine, [1, 0, 0])).toEqual([-88, -120, 30]);
    expect(applyAffine(affine, [0, 1, 0])).toEqual([-90, -119.5, 30]);
    expect(applyAffine(affine, [0, 0, 1])).toEqual([-90, -120, 33]);
  });

  it('keeps a sagittal stack from the right to the left', () => {
    const affine = affineOf([-70, -120, 110], [0, 1, 0, 0, 0, -1], [1, 1], [0.8, 0, 0]);
    expect(applyAffine(affine, [0, 0, 175])[0]).toBeCloseTo(70);
    expect(applyAffine(affine, [10, 20, 0])).toEqual([-70, -110, 90]);
  });
});

describe('affine maths', () => {
  it('comes back from millimetres to the same voxel', () => {
    fc.assert(
      fc.property(affines, triple(place), (affine, index) => {
        expectClose(applyAffine(invertAffine(affine), applyAffine(affine, index)), index);
      }),
    );
  });

  it('applies the inner affine first', () => {
    fc.assert(
      fc.property(affines, affines, triple(place), (outer, inner, index) => {
        expectClose(applyAffine(multiplyAffine(outer, inner), index), applyAffine(outer, applyAffine(inner, index)), 5);
      }),
    );
  });

  it('finds voxel size and volume in any orientation, and its sign in a mirrored one', () => {
    fc.assert(
      fc.property(triple(angle), triple(size), fc.boolean(), (angles, sizes, mirrored) => {
        const [i, j, k] = rotation(angles).map((axis, n) => axis.map((c) => c * sizes[n]!) as unknown as Vec3);
        const affine = mirrored ? affineFromColumns(j!, i!, k!, [0, 0, 0]) : affineFromColumns(i!, j!, k!, [0, 0, 0]);
        expectClose(voxelSizeOf(affine), mirrored ? [sizes[1], sizes[0], sizes[2]] : sizes);
        expect(voxelVolumeOf(affine)).toBeCloseTo(sizes[0] * sizes[1] * sizes[2], 6);
        expect(Math.sign(determinantOf(affine))).toBe(mirrored ? -1 : 1);
        expect(shearOf(affine)).toBeLessThan(1e-9);
      }),
    );
  });

  it('measures shear as the cosine between axes', () => {
    expect(shearOf([1, 0, Math.sin(0.1), 0, 0, 1, 0, 0, 0, 0, Math.cos(0.1), 0])).toBeCloseTo(Math.sin(0.1));
  });

  it('refuses to invert a flat affine by name', () => {
    expect(() => invertAffine([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0])).toThrow(
      expect.objectContaining({ kind: 'poor-geometry' }),
    );
  });

  it('bounds a grid by the outer faces of its voxels, whichever way its axes run', () => {
    const { low, high } = boundsOf({ shape: [10, 20, 30], affine: [-1, 0, 0, 9, 0, 0, 2, 0, 0, 0.5, 0, 0] });
    expect(low).toEqual([-0.5, -1, -0.25]);
    expect(high).toEqual([9.5, 59, 9.75]);
  });

  it('refuses more voxels than the limit before anything is allocated', () => {
    expect(voxelCountOf([512, 512, 512])).toBe(MAX_VOXELS);
    for (const shape of [
      [513, 512, 512],
      [1e9, 1e9, 1e9],
      [Number.NaN, 1, 1],
    ] as const) {
      expect(() => voxelCountOf(shape)).toThrow(expect.objectContaining({ kind: 'limit-exceeded' }));
    }
  });

  it('makes a right-handed system by the vector product', () => {
    expect(cross([1, 0, 0], [0, 1, 0])).toEqual([0, 0, 1]);
    expect(dot([1, 2, 3], [4, 5, 6])).toBe(32);
  });
});
