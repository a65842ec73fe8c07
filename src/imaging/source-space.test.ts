import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Ellipsoid,
  ellipsoidVolume,
  HIPPOCAMPUS_RADII,
  segmentationOf,
} from '../../test/harness/ellipsoid-segmentation.ts';
import { memoryOrders, rotation, stored } from '../../test/harness/oriented-volumes.ts';
import type { Grid, LabelVolume, Vec3 } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import type { Segmentation, SideProbabilities } from '../domain/segmentation.ts';
import { affineFromColumns, applyAffine } from './affine.ts';
import { toSourceSpace } from './model-space.ts';
import { measureHippocampi } from './volumetry.ts';

const LEFT: Ellipsoid = { centre: [25.3, 2.2, -3.1], radii: HIPPOCAMPUS_RADII };
const RIGHT: Ellipsoid = { centre: [-24.6, 1.7, -2.4], radii: [6, 13.5, 5] };

/** A grid of `mm` voxels around both hippocampi, turned. */
function gridOf(mm: number, turn: Vec3 = [0, 0, 0], shift = 0.17): Grid {
  const [i, j, k] = rotation(turn).map((axis) => axis.map((cosine) => cosine * mm) as unknown as Vec3);
  const shape: Vec3 = [Math.ceil(84 / mm), Math.ceil(60 / mm), Math.ceil(44 / mm)];
  const half = applyAffine(affineFromColumns(i!, j!, k!, [0, 0, 0]), [
    (shape[0] - 1) / 2,
    (shape[1] - 1) / 2,
    (shape[2] - 1) / 2,
  ]);
  return { shape, affine: affineFromColumns(i!, j!, k!, [shift - half[0], shift - half[1], shift - half[2]]) };
}

function modelVolume({ anterior, posterior }: SideProbabilities, threshold: number): number {
  return anterior.reduce((sum, value, at) => sum + (value + posterior[at]! >= threshold ? 1 : 0), 0);
}

function centroidOf(labels: LabelVolume, wanted: readonly number[]): Vec3 {
  const sum = [0, 0, 0];
  let count = 0;
  labels.data.forEach((label, at) => {
    if (!wanted.includes(label)) return;
    const [ni, nj] = labels.shape;
    const place = applyAffine(labels.affine, [at % ni, Math.floor(at / ni) % nj, Math.floor(at / (ni * nj))]);
    place.forEach((mm, axis) => {
      sum[axis]! += mm;
    });
    count++;
  });
  return [sum[0]! / count, sum[1]! / count, sum[2]! / count];
}

const BOTH = segmentationOf(LEFT, RIGHT);
const { leftAnterior, leftPosterior, rightAnterior, rightPosterior } = HippocampusLabel;

describe('the way back to the source grid', () => {
  it('measures a 3 000 mm3 ellipsoid within 1 % at 1 mm, in any orientation', () => {
    const angle = fc.double({ min: -0.5, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(angle, angle, angle), (turn) => {
        const { left } = measureHippocampi(toSourceSpace(BOTH, gridOf(1, turn)));
        expect(Math.abs(left.volumeMm3 / ellipsoidVolume(LEFT) - 1)).toBeLessThan(0.01);
      }),
      { numRuns: 8 },
    );
  });

  it.each([0.7, 1, 1.3, 1.75])(
    'keeps the volume of the model grid within 0.6 %% at %f mm, soft or hard, turned or not',
    (mm) => {
      for (const softness of [0, 0.4, 1]) {
        const segmentation = segmentationOf(LEFT, RIGHT, { softness });
        for (const turn of [
          [0, 0, 0],
          [0.2, 0.1, -0.15],
        ] as const) {
          const { left, right } = measureHippocampi(toSourceSpace(segmentation, gridOf(mm, turn)));
          const { threshold } = segmentation;
          expect(Math.abs(left.volumeMm3 / modelVolume(segmentation.left, threshold) - 1)).toBeLessThan(0.006);
          expect(Math.abs(right.volumeMm3 / modelVolume(segmentation.right, threshold) - 1)).toBeLessThan(0.006);
        }
      }
    },
  );

  it('splits anterior from posterior where their probabilities cross', () => {
    const { left } = measureHippocampi(toSourceSpace(BOTH, gridOf(1)));
    expect(left.anteriorVolumeMm3 / left.volumeMm3).toBeCloseTo(0.5, 1);
    const labels = toSourceSpace(BOTH, gridOf(1));
    expect(centroidOf(labels, [leftAnterior])[1]).toBeLessThan(centroidOf(labels, [leftPosterior])[1] - 10);
  });

  it('paints the left hippocampus on the left in all 48 memory orders, voxel for voxel', () => {
    // Fine voxels take one sample each, coarse ones several: every seventh order goes that way too.
    const fine = gridOf(1, [0.1, 0.05, -0.1]);
    const coarse = gridOf(1.4, [0.1, 0.05, -0.1]);
    const onFine = toSourceSpace(BOTH, fine);
    const onCoarse = toSourceSpace(BOTH, coarse);
    const cases = [
      ...memoryOrders().map((order) => ({ grid: fine, order, expected: onFine })),
      ...memoryOrders()
        .filter((_, n) => n % 7 === 0)
        .map((order) => ({ grid: coarse, order, expected: onCoarse })),
    ];
    for (const { grid, order, expected } of cases) {
      const labels = toSourceSpace(BOTH, stored({ ...grid, data: expected.data }, order));
      const same = stored(expected, order);
      const differing = labels.data.reduce((sum, label, at) => sum + (label === same.data[at] ? 0 : 1), 0);
      expect(differing).toBeLessThanOrEqual(2);
      expect(centroidOf(labels, [leftAnterior, leftPosterior])[0]).toBeCloseTo(25.3, 0);
      expect(centroidOf(labels, [rightAnterior, rightPosterior])[0]).toBeCloseTo(-24.6, 0);
    }
  });

  it('labels exactly the voxels at the threshold when the source grid is the model grid', () => {
    const labels = toSourceSpace(BOTH, BOTH.modelGrid);
    const { origin, shape, anterior, posterior } = BOTH.left;
    let wrong = 0;
    for (let at = 0; at < anterior.length; at++) {
      const [i, j, k] = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / (shape[0] * shape[1]))];
      const [ni, nj] = labels.shape;
      const label = labels.data[origin[0] + i + ni * (origin[1] + j + nj * (origin[2] + k))]!;
      const part = anterior[at]! >= posterior[at]! ? leftAnterior : leftPosterior;
      if (label !== (anterior[at]! + posterior[at]! >= BOTH.threshold ? part : 0)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('leaves out every component but the largest', () => {
    const anterior = BOTH.left.anterior.slice();
    for (let at = 0; at < 5; at++) anterior[at] = 1;
    const spotted: Segmentation = { ...BOTH, left: { ...BOTH.left, anterior } };
    expect(toSourceSpace(spotted, gridOf(1)).data).toEqual(toSourceSpace(BOTH, gridOf(1)).data);
  });

  it('leaves out another component that lies one voxel from the largest', () => {
    const anterior = BOTH.left.anterior.slice();
    const posterior = BOTH.left.posterior.slice();
    const [ni, nj] = BOTH.left.shape;
    const middle = Math.round(25.3 + 60 - BOTH.left.origin[0]) + ni * (28 + nj * 20);
    // Walks to the left out of the hippocampus, empties one voxel and puts an island of three behind it.
    let at = middle;
    while (anterior[at]! + posterior[at]! >= BOTH.threshold) at++;
    for (const [n, value] of [0, 1, 1, 1].entries()) {
      anterior[at + n] = value;
      posterior[at + n] = 0;
    }
    const islanded: Segmentation = { ...BOTH, left: { ...BOTH.left, anterior, posterior } };
    const labels = toSourceSpace(islanded, BOTH.modelGrid);
    const [x, y, z] = BOTH.left.origin;
    const island = x + ((at + 2) % ni) + 120 * (y + 28 + 110 * (z + 20));
    expect([labels.data[island - 3]! > 0, labels.data[island - 1], labels.data[island]]).toEqual([true, 0, 0]);
  });

  it('ends a hippocampus at the face of its crop', () => {
    const shape: Vec3 = [6, 6, 6];
    const full = {
      origin: [10, 20, 30] as const,
      shape,
      anterior: new Float32Array(216).fill(0.99),
      posterior: new Float32Array(216),
    };
    const labels = toSourceSpace({ ...BOTH, left: full }, BOTH.modelGrid);
    expect(measureHippocampi(labels).left.anteriorVolumeMm3).toBe(216);
    expect(labels.data[9 + 120 * (20 + 110 * 30)]).toBe(0);
    expect(labels.data[10 + 120 * (20 + 110 * 30)]).toBe(leftAnterior);
  });

  it('gives a voxel that both sides claim to the greater probability', () => {
    const near: Ellipsoid = { centre: [6, 0, 0], radii: [8, 15, 6] };
    const far: Ellipsoid = { centre: [-6, 0, 0], radii: [8, 15, 6] };
    const labels = toSourceSpace(segmentationOf(near, far, { softness: 1 }), gridOf(1, [0, 0, 0], 0));
    const xs = (wanted: readonly number[]): number[] =>
      [...labels.data].flatMap((label, at) =>
        wanted.includes(label) ? [labels.affine[3] + (at % labels.shape[0]) * labels.affine[0]] : [],
      );
    expect(Math.min(...xs([leftAnterior, leftPosterior]))).toBeGreaterThanOrEqual(-0.5);
    expect(Math.max(...xs([rightAnterior, rightPosterior]))).toBeLessThanOrEqual(0.5);
    const { left, right } = measureHippocampi(labels);
    expect(Math.abs(left.voxelCount - right.voxelCount) / left.voxelCount).toBeLessThan(0.1);
  });

  it('does not swell what is left when the source cuts a hippocampus off', () => {
    const whole = gridOf(1);
    // The left hippocampus is cut through its middle.
    const cut: Grid = { shape: [67, whole.shape[1], whole.shape[2]], affine: whole.affine };
    const { left } = measureHippocampi(toSourceSpace(BOTH, cut));
    const full = toSourceSpace(BOTH, whole);
    const rest = full.data.reduce(
      (sum, label, at) =>
        sum + (at % whole.shape[0] < 67 && (label === leftAnterior || label === leftPosterior) ? 1 : 0),
      0,
    );
    expect(left.voxelCount).toBeGreaterThan(1000);
    expect(Math.abs(left.voxelCount / rest - 1)).toBeLessThan(0.02);
  });

  it('paints nothing where a side has no voxel at the threshold or the source lies elsewhere', () => {
    const empty = { ...BOTH.left, anterior: new Float32Array(BOTH.left.anterior.length) };
    const none: Segmentation = { ...BOTH, left: { ...empty, posterior: empty.anterior } };
    const { left, right } = measureHippocampi(toSourceSpace(none, gridOf(1)));
    expect(left.voxelCount).toBe(0);
    expect(right.voxelCount).toBeGreaterThan(1000);
    const elsewhere: Grid = { shape: [20, 20, 20], affine: [1, 0, 0, 500, 0, 1, 0, 500, 0, 0, 1, 500] };
    expect(toSourceSpace(BOTH, elsewhere).data.every((label) => label === 0)).toBe(true);
  });
});
