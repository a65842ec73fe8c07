import { describe, expect, it } from '@jest/globals';
import type { Grid, LabelVolume, Vec3 } from '../../src/domain/geometry.ts';
import { digestOf } from '../../src/domain/identity.ts';
import { type HeadModel, makeHead } from './head.ts';
import { solveHippocampus } from './hippocampus.ts';
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
  [6, -8, -36],
  [48, 58, 16],
];

/** A 2.5 mm grid over the head; coarse, for looking at signals and sides. */
const SMALL: Grid = { shape: [72, 88, 72], affine: [2.5, 0, 0, -88, 0, 2.5, 0, -99, 0, 0, 2.5, -98] };

const countOf = ({ data }: LabelVolume, label: number): number =>
  data.reduce((n, value) => n + Number(value === label), 0);

function meanSignal(head: HeadModel, x: number, y: number, z: number): number {
  const grid: Grid = { shape: [3, 3, 3], affine: [0.5, 0, 0, x, 0, 0.5, 0, y, 0, 0, 0.5, z] };
  const { data } = renderHead(head, grid).volume;
  return data.reduce((sum, value) => sum + value, 0) / data.length / WHITE_MATTER;
}

describe('the truth of a phantom head', () => {
  it('holds within 0.2 % when the shape is integrated at 0.2 mm', () => {
    const head = makeHead({ seed: 5, leftVolumeMm3: 3000, ...CENTRED });
    const volumes = labelVolumes(head, ...LEFT_BOX, 0.2);
    expect(Math.abs((volumes[1]! + volumes[2]!) / 3000 - 1)).toBeLessThan(0.002);
    expect(Math.abs(volumes[1]! / head.truth.left.anteriorVolumeMm3 - 1)).toBeLessThan(0.004);
  });

  it.each([
    [11, 1500, 2200],
    [12, 4500, 3000],
    [13, 2600, 2600],
  ])('agrees with voxel counts at 0.5 mm within 1 %, part by part, seed %i', (seed, leftVolumeMm3, rightVolumeMm3) => {
    const head = makeHead({ seed, leftVolumeMm3, rightVolumeMm3, ...CENTRED });
    const [, la, lp, ra, rp] = labelVolumes(head, [-50, -14, -40], [50, 62, 20], 0.5);
    const { left, right } = head.truth;
    expect(left.volumeMm3).toBe(leftVolumeMm3);
    const wanted = [left.anteriorVolumeMm3, left.posteriorVolumeMm3, right.anteriorVolumeMm3, right.posteriorVolumeMm3];
    for (const [n, counted] of [la, lp, ra, rp].entries()) {
      expect(Math.abs(counted! / wanted[n]! - 1)).toBeLessThan(0.01);
    }
  });

  it('keeps its volumes when the head is turned, moved and seen obliquely', () => {
    const head = makeHead({ seed: 14, rotationDegrees: [12, -9, 15], translationMm: [14, -20, 9] });
    const volumes = labelVolumes(head, [-50, -60, -60], [80, 80, 70], 0.8);
    const { left, right } = head.truth;
    expect(Math.abs((volumes[1]! + volumes[2]!) / left.volumeMm3 - 1)).toBeLessThan(0.01);
    expect(Math.abs((volumes[3]! + volumes[4]!) / right.volumeMm3 - 1)).toBeLessThan(0.01);
  });

  it('says the intracranial volume within 0.5 %', () => {
    const head = makeHead({ seed: 15, intracranialVolumeMm3: 1_450_000 });
    const volumes = labelVolumes(head, [-100, -110, -110], [100, 140, 110], 2);
    const inside = volumes.slice(1).reduce((sum, value) => sum + value, 0);
    expect(head.truth.intracranialVolumeMm3).toBe(1_450_000);
    expect(Math.abs(inside / 1_450_000 - 1)).toBeLessThan(0.005);
  });

  it('places the larger left hippocampus on the patient left, where x grows, and the anterior parts in front', () => {
    const { labels } = renderHead(makeHead({ seed: 16, leftVolumeMm3: 4200, rightVolumeMm3: 2600, ...CENTRED }), SMALL);
    const [left, right] = [countOf(labels, 1) + countOf(labels, 2), countOf(labels, 3) + countOf(labels, 4)];
    expect(left / right).toBeGreaterThan(1.3);
    const centre = (wanted: readonly number[], axis: 0 | 1): number => {
      let sum = 0;
      let count = 0;
      for (const [at, label] of labels.data.entries()) {
        if (!wanted.includes(label)) continue;
        sum += axis === 0 ? -88 + 2.5 * (at % 72) : -99 + 2.5 * (Math.floor(at / 72) % 88);
        count += 1;
      }
      return sum / count;
    };
    expect(centre([1, 2], 0)).toBeGreaterThan(20);
    expect(centre([3, 4], 0)).toBeLessThan(-20);
    expect(centre([1, 3], 1)).toBeLessThan(centre([2, 4], 1) - 10);
  });

  it('exchanges the sides of truth and image when mirrored', () => {
    const wanted = { seed: 17, leftVolumeMm3: 4000, rightVolumeMm3: 2400, noise: 0, bias: 0, ...CENTRED };
    const [plain, mirrored] = [makeHead(wanted), makeHead({ ...wanted, mirrored: true })];
    expect(mirrored.truth.left).toEqual(plain.truth.right);
    expect(mirrored.truth.asymmetryIndex).toBeCloseTo(-plain.truth.asymmetryIndex, 12);
    const volumes = labelVolumes(mirrored, ...LEFT_BOX, 0.8);
    // The plain right hippocampus (labels 3, 4) lies on the patient's left; labels follow the patient, not the shape.
    expect(volumes[3]! + volumes[4]!).toBe(0);
    expect(Math.abs((volumes[1]! + volumes[2]!) / 2400 - 1)).toBeLessThan(0.02);
  });
});

describe('a rendered phantom head', () => {
  const digest = (seed: number): string => {
    const { volume, labels } = renderHead(makeHead({ seed }), SMALL);
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
    const corner = (options: object): number => {
      const { data } = renderHead(makeHead({ ...calm, ...options }), SMALL).volume;
      return data.slice(0, 72 * 88 * 8).reduce((sum, value) => sum + value, 0);
    };
    expect(corner({ noise: 0.05 })).toBeGreaterThan(2 * corner({}));
    expect(corner({ ghosting: 0.2 })).toBeGreaterThan(2 * corner({}));
    const lesion = { centre: [30, 0, 40], radiusMm: 8, signal: 0.2 } as const;
    expect(meanSignal(makeHead({ ...calm, lesion }), 30, 0, 40)).toBeCloseTo(0.2, 2);
    const plain = renderHead(makeHead(calm), SMALL).volume.data;
    const shaded = renderHead(makeHead({ ...calm, bias: 0.25 }), SMALL).volume.data;
    const ratios = [...shaded].map((value, n) => value / plain[n]!);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
    expect(low).toBeGreaterThan(0.74);
    expect(high).toBeLessThan(1.26);
    expect(high - low).toBeGreaterThan(0.15);
  });

  it('draws volumes from 1 500 to 4 500 mm3 with asymmetries up to 40 % in a skull of 1.3 to 1.6 l', () => {
    for (let seed = 100; seed < 110; seed += 1) {
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

describe('solveHippocampus', () => {
  it('gives a hippocampus of human length and a head wider than its tail', () => {
    const parameters = {
      start: [18.5, 8, -19.5],
      run: 29.5,
      headBend: 8.5,
      tailBend: 7,
      rise: 4,
      tailRise: 11,
      widthHead: 5.4,
      widthTail: 2.9,
      heightHead: 4.6,
      heightTail: 2.6,
      digitation: 0.05,
      digitationPhase: 0,
      lobes: 0.05,
      lobePhase: 0,
      headCap: 4,
      tailCap: 3,
    } as const;
    const shape = solveHippocampus(parameters, 3200, 0.52);
    expect(shape.length).toBeGreaterThan(40);
    expect(shape.length).toBeLessThan(50);
    expect(shape.sectionScale).toBeGreaterThan(0.9);
    expect(shape.sectionScale).toBeLessThan(1.3);
    expect(shape.split).toBeGreaterThan(0.25);
    expect(shape.split).toBeLessThan(0.55);
  });
});
