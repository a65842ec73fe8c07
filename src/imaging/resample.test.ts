import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { memoryOrders, rotation, stored, volumeOf } from '../../test/harness/oriented-volumes.ts';
import type { Affine, Grid, Vec3, Volume } from '../domain/geometry.ts';
import { affineFromColumns, applyAffine, columnOf, invertAffine } from './affine.ts';
import { antiAliasingSigma, axisTaps } from './axis-taps.ts';
import { sampleGrid } from './resample.ts';

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const angles: fc.Arbitrary<Vec3> = fc.tuple(angle, angle, angle);

/** An affine with its axes turned and the middle of the grid at `middle`. */
function turned(turn: Vec3, sizes: Vec3, shape: Vec3, middle: Vec3): Affine {
  const [i, j, k] = rotation(turn).map((axis, n) => axis.map((cosine) => cosine * sizes[n]!) as unknown as Vec3);
  const zero = affineFromColumns(i!, j!, k!, [0, 0, 0]);
  const half = applyAffine(zero, [(shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2]);
  return affineFromColumns(i!, j!, k!, [middle[0] - half[0], middle[1] - half[1], middle[2] - half[2]]);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let at = 0; at < a.length; at++) largest = Math.max(largest, Math.abs(a[at]! - b[at]!));
  return largest;
}

const ramp = ([x, y, z]: Vec3): number => 100 + 2 * x - 3 * y + 0.5 * z;
const waves = ([x, y, z]: Vec3): number => 100 + 40 * Math.sin(x / 4) + 30 * Math.cos(y / 3) + 20 * Math.sin(z / 5 + x);

describe('resampling', () => {
  it('gives the same voxels back on the same grid', () => {
    const volume = volumeOf([7, 6, 5], [0.8, 0, 0, -3, 0, 0.9, 0, 4, 0, 0, 1.1, 2], waves);
    expect(sampleGrid(volume, volume).data).toEqual(volume.data);
  });

  it('reproduces a linear intensity exactly from any orientation onto any other', () => {
    fc.assert(
      fc.property(angles, angles, fc.double({ min: 0.4, max: 2, noNaN: true }), (from, to, mm) => {
        const count = Math.ceil(44 / mm);
        const shape: Vec3 = [count, count, count];
        const volume = volumeOf(shape, turned(from, [mm, mm, mm], shape, [5, -3, 2]), ramp);
        const target: Grid = { shape: [9, 8, 7], affine: turned(to, [1, 1.2, 0.9], [9, 8, 7], [5, -3, 2]) };
        const expected = volumeOf(target.shape, target.affine, ramp);
        expect(largestDifference(sampleGrid(volume, target).data, expected.data)).toBeLessThan(1e-2);
      }),
      { numRuns: 12 },
    );
  });

  it.each([
    ['upright', [0, 0, 0]],
    ['oblique', [0.3, -0.2, 0.1]],
  ] as const)('gives the same result from all 48 memory orders of the same %s head', (_, turn) => {
    const shape: Vec3 = [24, 20, 18];
    const volume = volumeOf(shape, turned(turn, [0.5, 0.7, 1.3], shape, [0, 0, 0]), waves);
    const target: Grid = { shape: [16, 17, 22], affine: [1, 0, 0, -8, 0, 1, 0, -8, 0, 0, 1, -11] };
    const expected = sampleGrid(volume, target).data;
    for (const order of memoryOrders()) {
      expect(largestDifference(sampleGrid(stored(volume, order), target).data, expected)).toBeLessThan(1e-3);
    }
  });

  it('gives the same result whichever way the target is stored', () => {
    const volume = volumeOf([20, 18, 16], [0.6, 0, 0, -6, 0, 0.6, 0, -5, 0, 0, 0.6, -5], waves);
    const target = volumeOf([9, 8, 7], [1, 0, 0, -4, 0, 1, 0, -4, 0, 0, 1, -3], () => 0);
    const expected = sampleGrid(volume, target);
    for (const order of memoryOrders()) {
      const resampled = sampleGrid(volume, stored(target, order));
      expect(largestDifference(resampled.data, stored(expected, order).data)).toBeLessThan(1e-3);
    }
  });

  it('takes the oblique and the parallel path to the same numbers', () => {
    const shape: Vec3 = [30, 30, 30];
    const volume = volumeOf(shape, turned([0, 0, 0], [0.5, 0.5, 1.2], shape, [0, 0, 0]), waves);
    // A drift of 2e-3 voxels is beyond what counts as parallel and far below what changes a value.
    const target = (turn: Vec3): Grid => ({ shape: [9, 9, 9], affine: turned(turn, [1, 1, 1], [9, 9, 9], [0, 0, 0]) });
    const parallel = sampleGrid(volume, target([0, 0, 0])).data;
    expect(largestDifference(sampleGrid(volume, target([0, 0, 3e-4])).data, parallel)).toBeLessThan(0.15);
  });

  it('writes `outside` beyond half a voxel around the source and the edge value within it', () => {
    const volume: Volume = {
      shape: [2, 2, 2],
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
      data: new Float32Array(8).fill(7),
    };
    for (const lean of [0, 1e-2]) {
      const target: Grid = { shape: [5, 1, 1], affine: [0.4, lean, 0, -0.8, 0, 0.4, 0, 0.5, 0, 0, 0.4, 0.5] };
      expect([...sampleGrid(volume, target, { outside: -1 }).data]).toEqual([-1, 7, 7, 7, 7]);
      expect(Array.from(sampleGrid(volume, { ...target, shape: [8, 1, 1] }).data).slice(5)).toEqual([7, 0, 0]);
    }
  });

  it.each([0, 1, 2] as const)(
    'gives a single plane across axis %i the very numbers it has in a whole block',
    (axis) => {
      const volume = volumeOf([17, 15, 13], [0.8, 0, 0, 0, 0, 1.1, 0, 0, 0, 0, 0.4, 0], waves);
      const block: Grid = { shape: [11, 12, 5], affine: [1, 0, 0, 0.7, 0, 1, 0, 1.3, 0, 0, 1, 0.9] };
      const whole = sampleGrid(volume, block).data;
      const shape = block.shape.map((n, other) => (other === axis ? 1 : n)) as unknown as Vec3;
      for (let n = 0; n < block.shape[axis]; n++) {
        const step: Vec3 = [axis === 0 ? n : 0, axis === 1 ? n : 0, axis === 2 ? n : 0];
        const [i, j, k] = [columnOf(block.affine, 0), columnOf(block.affine, 1), columnOf(block.affine, 2)];
        const plane = { shape, affine: affineFromColumns(i, j, k, applyAffine(block.affine, step)) };
        const { shape: all } = block;
        const index = (at: number): Vec3 => [
          step[0] + (at % shape[0]),
          step[1] + (Math.floor(at / shape[0]) % shape[1]),
          step[2] + Math.floor(at / (shape[0] * shape[1])),
        ];
        const expected = sampleGrid(volume, plane).data.map((_, at) => {
          const [x, y, z] = index(at);
          return whole[x + all[0] * (y + all[1] * z)]!;
        });
        expect(largestDifference(sampleGrid(volume, plane).data, expected)).toBeLessThan(1e-4);
      }
    },
  );

  it('passes single planes and single voxels through both paths', () => {
    const plane = volumeOf([6, 1, 5], [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0], ([x, , z]) => x + 10 * z);
    const target = (lean: number): Grid => ({ shape: [3, 1, 3], affine: [1, 0, lean, 1, 0, 1, 0, 0.3, lean, 0, 1, 1] });
    expect([...sampleGrid(plane, target(0)).data]).toEqual([11, 12, 13, 21, 22, 23, 31, 32, 33]);
    expect(sampleGrid(plane, target(1e-3)).data[4]).toBeCloseTo(22, 1);
  });

  it('keeps detail finer than the target from folding back', () => {
    const stripes = volumeOf(
      [64, 8, 8],
      [0.25, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
      ([x]) => (Math.round(x * 4) % 2) * 100,
    );
    const target: Grid = { shape: [10, 4, 4], affine: [1, 0, 0, 3.1, 0, 1, 0, 1, 0, 0, 1, 1] };
    for (const value of sampleGrid(stripes, target).data) expect(Math.abs(value - 50)).toBeLessThan(5);
  });

  it('keeps the mean of the image on a grid four times as coarse', () => {
    const spot = volumeOf([48, 48, 48], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], ([x, y, z]) =>
      Math.hypot(x - 22.6, y - 24.1, z - 23.3) < 9 ? 1 : 0,
    );
    const coarse = sampleGrid(spot, { shape: [12, 12, 12], affine: [4, 0, 0, 1.5, 0, 4, 0, 1.5, 0, 0, 4, 1.5] });
    const sum = (data: Float32Array): number => data.reduce((total, value) => total + value, 0);
    expect((64 * sum(coarse.data)) / sum(spot.data)).toBeCloseTo(1, 2);
  });

  it('refuses a target beyond the limit before allocating it', () => {
    const volume = volumeOf([2, 2, 2], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], ramp);
    expect(() => sampleGrid(volume, { ...volume, shape: [4000, 4000, 4000] })).toThrow(
      expect.objectContaining({ kind: 'limit-exceeded' }),
    );
  });
});

describe('one-dimensional weights', () => {
  it('add up to one for every target sample, however short the source', () => {
    const lengths = fc.integer({ min: 1, max: 40 });
    const sigmas = fc.double({ min: 0, max: 3, noNaN: true });
    const steps = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 20 }), steps, sigmas, (length, count, step, sigma) => {
        const { weights, width, first } = axisTaps(length, count, { start: 3, step }, sigma);
        for (let t = 0; t < count; t++) {
          const row = weights.subarray(t * width, (t + 1) * width);
          expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
          expect(first[t]).toBeGreaterThanOrEqual(0);
          expect(first[t]! + width).toBeLessThanOrEqual(length);
        }
      }),
    );
  });

  it('smooth only where the source is finer than the target', () => {
    expect(antiAliasingSigma(1, 1)).toBe(0);
    expect(antiAliasingSigma(2, 1)).toBe(0);
    expect(antiAliasingSigma(0.5, 1)).toBeCloseTo(0.45);
    expect(antiAliasingSigma(1, 4)).toBeCloseTo(1.35);
  });

  it('find the index of a point by the inverse affine', () => {
    const affine = turned([0.1, 0.2, 0.3], [0.7, 0.8, 0.9], [10, 10, 10], [1, 2, 3]);
    expect(applyAffine(invertAffine(affine), [1, 2, 3])[2]).toBeCloseTo(4.5);
  });
});
