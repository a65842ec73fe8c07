import { describe, expect, it } from '@jest/globals';
import type { Grid, Vec3 } from '../../src/domain/geometry.ts';
import { digestOf } from '../../src/domain/identity.ts';
import { type HeadModel, makeHead } from './head.ts';
import { renderHead, WHITE_MATTER } from './raster.ts';

/** Counts voxels of each label, mm3, over a box of patient space without computing any signal. */
function labelVolumes(head: HeadModel, low: Vec3, high: Vec3, spacing: number): number[] {
  const volumes = [0, 0, 0, 0, 0, 0];
  const t = head.toTemplate;
  const at = (row: number, x: number, y: number, z: number): number =>
    t[row]! * x + t[row + 1]! * y + t[row + 2]! * z + t[row + 3]!;
  for (let z = low[2] + spacing / 2; z < high[2]; z += spacing) {
    for (let y = low[1] + spacing / 2; y < high[1]; y += spacing) {
      for (let x = low[0] + spacing / 2; x < high[0]; x += spacing) {
        head.field.moveTo(at(0, x, y, z), at(4, x, y, z), at(8, x, y, z));
        volumes[head.field.label()]! += spacing ** 3;
      }
    }
  }
  return volumes;
}

const CENTRED = { rotationDegrees: [0, 0, 0], translationMm: [0, 0, 0] } as const;
const LEFT_BOX: readonly [Vec3, Vec3] = [
  [8, -2, -34],
  [42, 52, 12],
];

const RIGHT_BOX: readonly [Vec3, Vec3] = [
  [-42, -2, -34],
  [-8, 52, 12],
];

/** A slab through both hippocampi. */
const SLAB: Grid = { shape: [170, 40, 4], affine: [1, 0, 0, -84.5, 0, 1, 0, 0.5, 0, 0, 1, -20] };

function meanSignal(head: HeadModel, x: number, y: number, z: number): number {
  const grid: Grid = { shape: [3, 3, 3], affine: [0.5, 0, 0, x, 0, 0.5, 0, y, 0, 0, 0.5, z] };
  const { data } = renderHead(head, grid).volume;
  return data.reduce((sum, value) => sum + value, 0) / data.length / WHITE_MATTER;
}

describe('the truth of a phantom head', () => {
  it.each([
    [11, 1500, 2200],
    [12, 4500, 3000],
  ])('agrees with voxel counts at 0.5 mm within 1 %, part by part, seed %i', (seed, leftVolumeMm3, rightVolumeMm3) => {
    const head = makeHead({ seed, leftVolumeMm3, rightVolumeMm3, ...CENTRED });
    const [, la, lp] = labelVolumes(head, ...LEFT_BOX, 0.5);
    const [, , , ra, rp] = labelVolumes(head, ...RIGHT_BOX, 0.5);
    const { left, right } = head.truth;
    expect(left.volumeMm3).toBe(leftVolumeMm3);
    const wanted = [left.anteriorVolumeMm3, left.posteriorVolumeMm3, right.anteriorVolumeMm3, right.posteriorVolumeMm3];
    for (const [n, counted] of [la, lp, ra, rp].entries()) {
      expect(Math.abs(counted! / wanted[n]! - 1)).toBeLessThan(0.01);
    }
  });

  it('keeps its volumes when the head is turned, moved and seen obliquely', () => {
    const head = makeHead({ seed: 14, rotationDegrees: [12, -9, 15], translationMm: [14, -20, 9] });
    const volumes = labelVolumes(head, [-36, -36, -36], [62, 52, 32], 1);
    const { left, right } = head.truth;
    expect(Math.abs((volumes[1]! + volumes[2]!) / left.volumeMm3 - 1)).toBeLessThan(0.01);
    expect(Math.abs((volumes[3]! + volumes[4]!) / right.volumeMm3 - 1)).toBeLessThan(0.01);
  });

  it('says the intracranial volume within 0.5 %', () => {
    const head = makeHead({ seed: 15, intracranialVolumeMm3: 1_450_000 });
    const volumes = labelVolumes(head, [-100, -110, -110], [100, 140, 110], 2.5);
    const inside = volumes.slice(1).reduce((sum, value) => sum + value, 0);
    expect(head.truth.intracranialVolumeMm3).toBe(1_450_000);
    expect(Math.abs(inside / 1_450_000 - 1)).toBeLessThan(0.005);
  });

  it('places the larger left hippocampus on the patient left, where x grows, and the anterior parts in front', () => {
    const head = makeHead({ seed: 16, leftVolumeMm3: 4200, rightVolumeMm3: 2600, ...CENTRED });
    const { labels } = renderHead(head, { shape: [50, 36, 15], affine: [2, 0, 0, -49, 0, 2, 0, -8, 0, 0, 2, -30] });
    const places = [0, 1, 2, 3, 4, 5].map(() => ({ count: 0, x: 0, y: 0 }));
    for (const [at, label] of labels.data.entries()) {
      const place = places[label]!;
      place.count += 1;
      place.x += -49 + 2 * (at % 50);
      place.y += -8 + 2 * (Math.floor(at / 50) % 36);
    }
    const [, la, lp, ra, rp] = places.map(({ count, x, y }) => ({ count, x: x / count, y: y / count }));
    expect((la!.count + lp!.count) / (ra!.count + rp!.count)).toBeGreaterThan(1.4);
    for (const part of [la!, lp!]) expect(part.x).toBeGreaterThan(15);
    for (const part of [ra!, rp!]) expect(part.x).toBeLessThan(-15);
    expect(la!.y).toBeLessThan(lp!.y - 10);
    expect(ra!.y).toBeLessThan(rp!.y - 10);
  });

  it('exchanges the sides of truth and image when mirrored', () => {
    const wanted = { seed: 17, leftVolumeMm3: 4000, rightVolumeMm3: 2400, noise: 0, bias: 0, ...CENTRED };
    const [plain, mirrored] = [makeHead(wanted), makeHead({ ...wanted, mirrored: true })];
    expect(mirrored.truth.left).toEqual(plain.truth.right);
    expect(mirrored.truth.asymmetryIndex).toBeCloseTo(-plain.truth.asymmetryIndex, 12);
    const volumes = labelVolumes(mirrored, ...LEFT_BOX, 0.8);
    // What was the right hippocampus lies on the patient's left: labels follow the patient.
    expect(volumes[3]! + volumes[4]!).toBe(0);
    expect(Math.abs((volumes[1]! + volumes[2]!) / 2400 - 1)).toBeLessThan(0.02);
  });
});

describe('a rendered phantom head', () => {
  const digest = (seed: number): string => {
    const { volume, labels } = renderHead(makeHead({ seed }), SLAB);
    return digestOf([new Uint8Array(volume.data.buffer), labels.data]);
  };

  it('is the same for the same seed and differs for another', () => {
    expect(digest(21)).toBe(digest(21));
    expect(digest(22)).not.toBe(digest(21));
  });

  it.each([
    ['T1', 1],
    ['T2', -1],
  ] as const)('orders fluid, grey and white matter as %s does', (contrast, sign) => {
    const head = makeHead({ seed: 23, contrast, noise: 0, bias: 0, ...CENTRED });
    const white = meanSignal(head, 26, 20, 36);
    const ventricle = meanSignal(head, 16, 34, 15.5);
    const grey = meanSignal(head, 10, 18, 8);
    expect(sign * (white - grey)).toBeGreaterThan(0.02);
    expect(sign * (grey - ventricle)).toBeGreaterThan(0.2);
  });

  it('carries the noise, ghost, bias and lesion it was asked for', () => {
    const calm = { seed: 24, noise: 0, bias: 0, ...CENTRED };
    const render = (options: object): Float32Array => renderHead(makeHead({ ...calm, ...options }), SLAB).volume.data;
    const plain = render({});
    const change = (options: object): number =>
      render(options).reduce((sum, value, n) => sum + Math.abs(value - plain[n]!), 0) / plain.length / WHITE_MATTER;
    // The mean of |n| of normal noise is 0.8 of its standard deviation.
    expect(change({ noise: 0.05 })).toBeGreaterThan(0.035);
    expect(change({ noise: 0.05 })).toBeLessThan(0.045);
    expect(change({ ghosting: 0.2 })).toBeGreaterThan(0.02);
    const lesion = { centre: [30, 0, 40], radiusMm: 8, signal: 0.2 } as const;
    expect(meanSignal(makeHead({ ...calm, lesion }), 30, 0, 40)).toBeCloseTo(0.2, 2);
    const ratios = render({ bias: 0.25 }).map((value, n) => value / plain[n]!);
    const [low, high] = [ratios.reduce((a, b) => (a < b ? a : b)), ratios.reduce((a, b) => (a > b ? a : b))];
    expect(low).toBeGreaterThan(0.74);
    expect(high).toBeLessThan(1.26);
    expect(high - low).toBeGreaterThan(0.1);
  });

  it('draws volumes from 1 500 to 4 500 mm3 with asymmetries up to 40 % in a skull of 1.3 to 1.6 l', () => {
    for (let seed = 100; seed < 105; seed += 1) {
      const { left, right, intracranialVolumeMm3, asymmetryIndex } = makeHead({ seed }).truth;
      for (const { volumeMm3 } of [left, right]) {
        expect(volumeMm3).toBeGreaterThanOrEqual(1500);
        expect(volumeMm3).toBeLessThanOrEqual(4500);
      }
      expect(Math.abs(asymmetryIndex)).toBeLessThanOrEqual(0.2);
      expect(intracranialVolumeMm3).toBeGreaterThan(1.3e6);
      expect(intracranialVolumeMm3).toBeLessThan(1.6e6);
    }
  });
});
