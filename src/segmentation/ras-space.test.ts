import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Vec3, Volume } from '../domain/geometry.ts';
import { dilateByFaces, roundHalfUp, weightedCentre } from './block-mask.ts';
import { percentilesOf } from './intensity.ts';
import { channelOf, toTensor } from './network-tensor.ts';
import { blockMeans, cutRasBox, flipX, mirroredXy, padBox, reverseXy } from './ras-space.ts';

const extent = fc.integer({ min: 1, max: 7 });
const shapes = fc.tuple(extent, extent, extent);
const numbered = (shape: Vec3): Volume => ({
  shape,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
  data: Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) => at + 1),
});
/** Value of the volume at a RAS voxel, 0 outside. */
const atRas = ({ shape, data }: Volume, ras: Vec3): number => {
  const [i, j, k] = mirroredXy(ras, shape);
  const isInside = [i, j, k].every((n, axis) => n >= 0 && n < shape[axis]!);
  return isInside ? data[i + shape[0] * (j + shape[1] * k)]! : 0;
};

describe('RAS space', () => {
  it('has the left-most voxel of an LPS volume at its lowest x', () => {
    // Index i grows to the patient's left; RAS x grows to the right.
    expect(mirroredXy([9, 0, 5], [10, 20, 30])).toEqual([0, 19, 5]);
  });

  it('cuts boxes anywhere, with nothing outside and the low level taken off', () => {
    const start = fc.tuple(
      fc.integer({ min: -4, max: 6 }),
      fc.integer({ min: -4, max: 6 }),
      fc.integer({ min: -4, max: 6 }),
    );
    fc.assert(
      fc.property(shapes, shapes, start, fc.integer({ min: 0, max: 9 }), (whole, shape, first, low) => {
        const volume = numbered(whole);
        const box = cutRasBox(volume, first, shape, low);
        return box.data.every((value, at) => {
          const x = at % shape[0];
          const y = Math.floor(at / shape[0]) % shape[1];
          const z = Math.floor(at / (shape[0] * shape[1]));
          const wanted = Math.max(0, atRas(volume, [first[0] + x, first[1] + y, first[2] + z]) - low);
          return value === wanted;
        });
      }),
    );
  });

  it('means blocks as the mean of the cut box', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: -5, max: 5 }), fc.integer({ min: 0, max: 50 }), (whole, first, low) => {
        const volume = numbered(whole);
        const start: Vec3 = [first, -first, first];
        const means = blockMeans(volume, { start, shape: [2, 2, 2], block: 2, low });
        const box = cutRasBox(volume, start, [4, 4, 4], low);
        return means.data.every((mean, at) => {
          const corner = [2 * (at % 2), 2 * (Math.floor(at / 2) % 2), 2 * Math.floor(at / 4)] as const;
          let sum = 0;
          for (let n = 0; n < 8; n++) {
            const x = corner[0] + (n % 2);
            const y = corner[1] + (Math.floor(n / 2) % 2);
            const z = corner[2] + Math.floor(n / 4);
            sum += box.data[x + 4 * (y + 4 * z)]!;
          }
          return Math.abs(mean - sum / 8) < 1e-3;
        });
      }),
    );
  });

  it('flips and reverses back to the same box', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const box = numbered(shape);
        expect(flipX(flipX(box)).data).toEqual(box.data);
        expect(reverseXy({ shape, data: reverseXy(box) })).toEqual(box.data);
      }),
    );
  });

  it('gives a network x slowest and z fastest, and reads its channels back through the padding', () => {
    const box = numbered([2, 3, 4]);
    const padded = padBox(box, [8, 8, 8], [1, 2, 3]);
    const tensor = toTensor(padded);
    expect(tensor.dims).toEqual([1, 1, 8, 8, 8]);
    expect(tensor.data[3 + 8 * (2 + 8 * 1)]).toBe(1);
    expect(tensor.data[3 + 8 * (2 + 8 * 2)]).toBe(2);
    expect(tensor.data[4 + 8 * (2 + 8 * 1)]).toBe(7);
    const answer = new Float32Array(3 * 512);
    answer.set(tensor.data, 2 * 512);
    const channel = channelOf({ dims: [1, 3, 8, 8, 8], data: answer }, 2, [8, 8, 8], [1, 2, 3], [2, 3, 4]);
    expect(channel.data).toEqual(box.data);
  });
});

describe('the small arithmetic', () => {
  it('interpolates percentiles between order statistics', () => {
    const values = Float32Array.of(40, 10, 30, 20);
    expect(percentilesOf(values, [0, 50, 100])).toEqual([10, 25, 40]);
    expect(percentilesOf(values, [10])[0]).toBeCloseTo(13, 6);
    expect(Array.from(values)).toEqual([40, 10, 30, 20]);
  });

  it('rounds halves up, below zero too', () => {
    expect([-1.5, -0.5, 0.5, 1.5, 2.49].map(roundHalfUp)).toEqual([-1, 0, 1, 2, 2]);
  });

  it('dilates by faces only and not around corners of the box', () => {
    const mask = new Uint8Array(27);
    mask[13] = 1;
    expect(dilateByFaces(mask, [3, 3, 3]).reduce((sum, n) => sum + n, 0)).toBe(7);
    const corner = new Uint8Array(27);
    corner[2] = 1;
    expect([...dilateByFaces(corner, [3, 3, 3]).entries()].filter(([, n]) => n === 1).map(([at]) => at)).toEqual([
      1, 2, 5, 11,
    ]);
  });

  it('finds the centre of weights, and none where there is no weight', () => {
    expect(weightedCentre([4, 3, 2], (at) => (at === 1 || at === 3 ? 1 : 0))).toEqual([2, 0, 0]);
    expect(weightedCentre([2, 2, 2], () => 0)).toBeUndefined();
  });
});
