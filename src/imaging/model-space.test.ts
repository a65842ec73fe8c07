import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { memoryOrders, rotation, stored, volumeOf } from '../../test/harness/oriented-volumes.ts';
import type { Affine, Vec3 } from '../domain/geometry.ts';
import { affineFromColumns, applyAffine } from './affine.ts';
import { modelGridOf, toModelSpace } from './model-space.ts';

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });

function oblique(turn: Vec3, sizes: Vec3, origin: Vec3): Affine {
  const [i, j, k] = rotation(turn).map((axis, n) => axis.map((cosine) => cosine * sizes[n]!) as unknown as Vec3);
  return affineFromColumns(i!, j!, k!, origin);
}

/** A head with one bright spot on the patient's left, in front and above, and a dim one on the right. */
const head = ([x, y, z]: Vec3): number => {
  if (Math.hypot(x - 8, y + 6, z - 7) < 3) return 1000;
  if (Math.hypot(x + 8, y - 5, z) < 3) return 500;
  return Math.hypot(x / 16, y / 14, z / 13) < 1 ? 100 + 5 * x : 0;
};

describe('model space', () => {
  it('has 1 mm voxels that run to the left, to the back and to the head', () => {
    const grid = modelGridOf({ shape: [20, 30, 40], affine: [0, 0, -0.8, 50, -0.7, 0, 0, 20, 0, 0.9, 0, -10] });
    expect(grid.affine.filter((_, n) => n % 4 < 3)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it('leaves a 1 mm LPS volume exactly as it is', () => {
    const volume = volumeOf([12, 11, 10], [1, 0, 0, -5.3, 0, 1, 0, -4.1, 0, 0, 1, 2.7], head);
    const model = toModelSpace(volume);
    expect(model.shape).toEqual(volume.shape);
    model.affine.forEach((value, n) => void expect(value).toBeCloseTo(volume.affine[n]!, 9));
    expect(model.data).toEqual(volume.data);
  });

  it('holds every voxel of the source, whatever its orientation', () => {
    fc.assert(
      fc.property(fc.tuple(angle, angle, angle), (turn) => {
        const source = { shape: [31, 22, 17] as const, affine: oblique(turn, [0.7, 0.9, 1.4], [-20, 15, 30]) };
        const { shape, affine } = modelGridOf(source);
        for (const corner of [0, 1, 2, 3, 4, 5, 6, 7]) {
          const index = source.shape.map((n, axis) => ((corner >> axis) & 1) * (n - 1)) as unknown as Vec3;
          applyAffine(source.affine, index).forEach((mm, axis) => {
            const at = mm - affine[4 * axis + 3]!;
            expect(at).toBeGreaterThan(-0.51);
            expect(at).toBeLessThan(shape[axis]! - 0.49);
          });
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['upright', [0, 0, 0], [0.7, 0.7, 0.7]],
    ['oblique', [0.2, -0.15, 0.1], [0.5, 0.9, 1.2]],
  ] as const)('is the same for all 48 memory orders of an %s source', (_, turn, sizes) => {
    const shape: Vec3 = [40, 34, 26];
    const volume = volumeOf(shape, oblique(turn, sizes, [-14, -12, -12]), head);
    const expected = toModelSpace(volume);
    for (const order of memoryOrders()) {
      const model = toModelSpace(stored(volume, order));
      expect(model.shape).toEqual(expected.shape);
      model.affine.forEach((value, n) => void expect(value).toBeCloseTo(expected.affine[n]!, 9));
      let worst = 0;
      for (let at = 0; at < model.data.length; at++) {
        worst = Math.max(worst, Math.abs(model.data[at]! - expected.data[at]!));
      }
      expect(worst).toBeLessThan(0.01);
    }
  });

  it('keeps left on the left from every orientation', () => {
    fc.assert(
      fc.property(fc.tuple(angle, angle, angle), fc.constantFrom(...memoryOrders()), (turn, order) => {
        const [i, j, k] = rotation(turn).map((axis) => axis.map((cosine) => cosine * 0.9) as unknown as Vec3);
        const half = [0, 1, 2].map((axis) => -25 * (i![axis]! + j![axis]! + k![axis]!)) as unknown as Vec3;
        const volume = volumeOf([51, 51, 51], affineFromColumns(i!, j!, k!, half), head);
        const { shape, affine, data } = toModelSpace(stored(volume, order));
        const at = data.indexOf(data.reduce((most, value) => Math.max(most, value), 0));
        const index: Vec3 = [
          at % shape[0],
          Math.floor(at / shape[0]) % shape[1],
          Math.floor(at / (shape[0] * shape[1])),
        ];
        const brightest = applyAffine(affine, index);
        expect(Math.hypot(brightest[0] - 8, brightest[1] + 6, brightest[2] - 7)).toBeLessThan(4);
      }),
      { numRuns: 4 },
    );
  });

  it('is 0 outside the source', () => {
    const volume = volumeOf([20, 20, 20], oblique([0, 0, Math.PI / 4], [1, 1, 1], [0, 0, 0]), () => 9);
    const { data, shape } = toModelSpace(volume);
    expect(data[0]).toBe(0);
    expect(data[Math.floor(shape[0] / 2) + shape[0] * (Math.floor(shape[1] / 2) + shape[1] * 10)]).toBeCloseTo(9);
  });

  it('refuses a source whose box is too large by name', () => {
    const vast = { shape: [100, 100, 100], affine: [90, 0, 0, 0, 0, 90, 0, 0, 0, 0, 90, 0] } as const;
    expect(() => modelGridOf(vast)).toThrow(expect.objectContaining({ kind: 'limit-exceeded' }));
  });
});
