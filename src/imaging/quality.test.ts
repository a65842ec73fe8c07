import { describe, expect, it } from '@jest/globals';
import { HippocampusLabel, type LabelVolume, type Vec3, type Volume } from '../domain/geometry.ts';
import type { QualityCheck } from '../domain/result.ts';
import type { Segmentation, SideProbabilities } from '../domain/segmentation.ts';
import { assessQuality, type QualityInput } from './quality.ts';
import { judge, judgeRange, scoreOf, worstOf } from './quality-check.ts';
import { measureHippocampi } from './volumetry.ts';

const SHAPE: Vec3 = [180, 210, 160];
const ORIGIN: Vec3 = [-90, -105, -85];

interface HeadOptions {
  readonly white?: number;
  readonly hippocampus?: number;
  readonly fluid?: number;
  readonly noise?: number;
  /** Signal of the air in front of and behind the head, as ghosts along y leave it. */
  readonly ghost?: number;
  readonly air?: number;
  /** Values above are clipped. */
  readonly ceiling?: number;
  /** The left labels given to the right hippocampus and the other way round. */
  readonly exchangeSides?: boolean;
  /** Only every second voxel row of the left hippocampus is labelled. */
  readonly shrunkLeft?: boolean;
}

/** Half axes of the brain and of the ventricles, mm. */
const BRAIN = { centre: [0, 0, 5], half: [55, 65, 60] } as const;
const VENTRICLES = { centre: [0, 0, 20], half: [16, 34, 14] } as const;
const LEFT = { centre: [25, 5, -20], half: [7, 18, 6] } as const;
const RIGHT = { centre: [-25, 5, -20], half: [7, 18, 6] } as const;

function isWithin(x: number, y: number, z: number, { centre, half }: { centre: Vec3; half: Vec3 }): boolean {
  return ((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 + ((z - centre[2]) / half[2]) ** 2 <= 1;
}

/** 0 air, 1 air that ghosts reach, 2 white matter, 3 fluid, then left front and back, right front and back; made once, because the tests only change signals. */
const tissueMap = makeTissueMap();

const normals = makeNoise();

function makeTissueMap(): Uint8Array {
  const [ni, nj, nk] = SHAPE;
  const map = new Uint8Array(ni * nj * nk);
  let at = 0;
  for (let k = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, at++) {
        const [x, y, z] = [i + ORIGIN[0], j + ORIGIN[1], k + ORIGIN[2]];
        const front = y < 5 ? 0 : 1;
        if (isWithin(x, y, z, LEFT)) map[at] = 4 + front;
        else if (isWithin(x, y, z, RIGHT)) map[at] = 6 + front;
        else if (isWithin(x, y, z, VENTRICLES)) map[at] = 3;
        else if (isWithin(x, y, z, BRAIN)) map[at] = 2;
        else if (x > -50 && x < 50 && z > -50 && z < 50) map[at] = 1;
      }
    }
  }
  return map;
}

/** Head of white matter with two grey hippocampi, ventricles and air, 1 mm, LPS, with its true segmentation. */
function headWith(options: HeadOptions = {}, ordinary?: QualityInput): QualityInput {
  const { white = 600, hippocampus = 430, fluid = 150, noise = 15, ghost = 0, air = 5, ceiling = 1e9 } = options;
  const grey = [hippocampus, hippocampus, hippocampus, hippocampus];
  const signals = [air, air + ghost, white, fluid, ...grey];
  const data = new Float32Array(tissueMap.length);
  for (let at = 0; at < data.length; at++) {
    let signal = signals[tissueMap[at]!]! + noise * normals[(at * 40503) & 65535]!;
    if (signal < 0) signal = -signal;
    data[at] = signal > ceiling ? ceiling : signal;
  }
  const volume: Volume = { shape: SHAPE, affine: [1, 0, 0, ORIGIN[0], 0, 1, 0, ORIGIN[1], 0, 0, 1, ORIGIN[2]], data };
  if (options.exchangeSides === undefined && options.shrunkLeft === undefined && ordinary) {
    return { ...ordinary, volume, modelVolume: volume };
  }
  const labels: LabelVolume = { shape: SHAPE, affine: volume.affine, data: labelsWith(options) };
  const segmentation = segmentationOf(labels);
  return { volume, modelVolume: volume, labels, segmentation, measured: measureHippocampi(labels) };
}

function labelsWith({ exchangeSides = false, shrunkLeft = false }: HeadOptions): Uint8Array {
  const { leftAnterior, leftPosterior, rightAnterior, rightPosterior } = HippocampusLabel;
  const sides = exchangeSides
    ? [rightAnterior, rightPosterior, leftAnterior, leftPosterior]
    : [leftAnterior, leftPosterior, rightAnterior, rightPosterior];
  const out = new Uint8Array(tissueMap.length);
  for (let at = 0; at < out.length; at++) {
    const tissue = tissueMap[at]!;
    if (tissue < 4 || (shrunkLeft && tissue < 6 && at % 8 !== 0)) continue;
    out[at] = sides[tissue - 4]!;
  }
  return out;
}

/** 65 536 near-normal numbers of variance 1: sums of four numbers of the generator of Park and Miller. */
function makeNoise(): Float32Array {
  let state = 12345;
  const uniform = (): number => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647 - 0.5;
  };
  return Float32Array.from({ length: 65536 }, () => (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3));
}

function segmentationOf(labels: LabelVolume): Segmentation {
  const side = (anterior: number): SideProbabilities => {
    const parts = [new Float32Array(labels.data.length), new Float32Array(labels.data.length)] as const;
    for (let at = 0; at < labels.data.length; at++) {
      if (labels.data[at] === anterior) parts[0][at] = 1;
      else if (labels.data[at] === anterior + 1) parts[1][at] = 1;
    }
    return { origin: [0, 0, 0], shape: SHAPE, anterior: parts[0], posterior: parts[1] };
  };
  const shape: Vec3 = [45, 52, 40];
  const probability = new Float32Array(shape[0] * shape[1] * shape[2]);
  const first: Vec3 = [ORIGIN[0] + 3, ORIGIN[1] + 3, ORIGIN[2] + 3];
  let at = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++, at++) {
        if (isWithin(first[0] + 4 * i, first[1] + 4 * j, first[2] + 4 * k, BRAIN)) probability[at] = 1;
      }
    }
  }
  const both = <T>(value: T) => ({ left: value, right: value });
  return {
    model: { name: 'truth', version: '1', sha256: '' },
    threshold: 0.5,
    modelGrid: { shape: SHAPE, affine: labels.affine },
    left: side(HippocampusLabel.leftAnterior),
    right: side(HippocampusLabel.rightAnterior),
    intracranial: { shape, affine: [4, 0, 0, first[0], 0, 4, 0, first[1], 0, 0, 4, first[2]], probability },
    intracranialVolumeMm3: 1_450_000,
    diagnostics: {
      midlineX: 0,
      peakProbability: both(1),
      meanProbability: both(0.95),
      touchesCropEdge: both(false),
      fragmentation: both(0),
    },
  };
}

const checkOf = (input: QualityInput, name: string): QualityCheck => {
  const found = assessQuality(input).checks.find((check) => check.name === name);
  if (!found) throw new Error(`no check ${name}`);
  return found;
};
const verdictOf = (input: QualityInput, name: string): string => checkOf(input, name).verdict;
const ordinary = headWith();
/** The ordinary head with other signals: labels and segmentation stay. */
const seenAs = (signals: HeadOptions): QualityInput => headWith(signals, ordinary);

describe('assessQuality', () => {
  it('passes an ordinary T1 head in every check', () => {
    const { verdict, score, checks } = assessQuality(ordinary);
    expect(checks.filter((check) => check.verdict !== 'pass')).toEqual([]);
    expect({ verdict, score }).toEqual({ verdict: 'pass', score: 1 });
    expect(
      checks.every(({ name, limit, value }) => /^[a-z-]+$/.test(name) && limit !== '' && Number.isFinite(value)),
    ).toBe(true);
  });

  it('measures contrast and noise as they are', () => {
    // Signal 600 over noise of standard deviation 15 (four uniform numbers, scaled).
    expect(checkOf(ordinary, 'contrast').value).toBeCloseTo((100 * (600 - 430)) / 600, 0);
    expect(checkOf(ordinary, 'fluid-contrast').value).toBeGreaterThan(40);
    expect(checkOf(ordinary, 'noise').value / 40).toBeGreaterThan(0.9);
    expect(checkOf(ordinary, 'noise').value / 40).toBeLessThan(1.1);
  });

  it.each([
    ['T2', { white: 300, hippocampus: 420, fluid: 900 }],
    ['FLAIR', { white: 400, hippocampus: 480, fluid: 60 }],
    ['diffusion', { white: 500, hippocampus: 520, fluid: 60 }],
  ])('fails a %s contrast', (_, signals) => {
    expect(verdictOf(seenAs(signals), 'contrast')).toBe('fail');
  });

  it('grades noise', () => {
    expect(verdictOf(seenAs({ noise: 70 }), 'noise')).toBe('review');
    expect(verdictOf(seenAs({ noise: 150 }), 'noise')).toBe('fail');
    expect(verdictOf(seenAs({ noise: 0 }), 'noise')).toBe('pass');
  });

  it('sees ghosts beside the head, and neither even noise nor masked air', () => {
    expect(verdictOf(seenAs({ ghost: 36 }), 'ghosting')).toBe('review');
    expect(verdictOf(seenAs({ ghost: 80 }), 'ghosting')).toBe('fail');
    expect(verdictOf(seenAs({ air: 60 }), 'ghosting')).toBe('pass');
    expect(checkOf(seenAs({ air: 0, noise: 0 }), 'ghosting').value).toBe(0);
  });

  it('sees a clipped scale', () => {
    expect(verdictOf(seenAs({ ceiling: 600 }), 'saturation')).toBe('fail');
  });

  it('grades the voxel by its longest edge and its shape', () => {
    const scaled = (i: number, k: number): QualityInput => {
      const affine = [i, 0, 0, ORIGIN[0], 0, 1, 0, ORIGIN[1], 0, 0, k, ORIGIN[2]] as const;
      return { ...ordinary, volume: { ...ordinary.volume, affine } };
    };
    expect(verdictOf(scaled(1, 1.3), 'resolution')).toBe('pass');
    expect(verdictOf(scaled(1, 2), 'resolution')).toBe('review');
    expect(verdictOf(scaled(1, 5), 'resolution')).toBe('fail');
    expect(verdictOf(scaled(1, 2), 'anisotropy')).toBe('review');
    expect(verdictOf(scaled(0.5, 1.5), 'anisotropy')).toBe('fail');
  });

  it('sees a brain that is cut by the end of the image', () => {
    // The source ends 30 mm above the middle of the head; in the model grid it goes on.
    const { volume, labels } = ordinary;
    const shape: Vec3 = [SHAPE[0], SHAPE[1], 115];
    const voxels = shape[0] * shape[1] * shape[2];
    const cut = {
      ...ordinary,
      volume: { ...volume, shape, data: volume.data.subarray(0, voxels) },
      labels: { ...labels, shape, data: labels.data.subarray(0, voxels) },
    };
    expect(verdictOf(cut, 'field-of-view')).toBe('fail');
    expect(verdictOf(cut, 'hippocampus-margin')).toBe('pass');
    // The hippocampi end at index 71 (z = -14 mm).
    const justAbove = { ...cut, labels: { ...cut.labels, shape: [SHAPE[0], SHAPE[1], 77] as Vec3 } };
    expect(verdictOf(justAbove, 'hippocampus-margin')).toBe('review');
  });

  it('doubts implausible volumes and differences between the sides', () => {
    const { segmentation } = ordinary;
    const small = headWith({ shrunkLeft: true });
    expect(verdictOf(small, 'volume-plausibility')).toBe('fail');
    expect(verdictOf(small, 'side-plausibility')).toBe('review');
    const large = { ...segmentation, intracranialVolumeMm3: 2_300_000 };
    expect(verdictOf({ ...ordinary, segmentation: large }, 'intracranial-volume')).toBe('review');
  });

  it('fails when left and right are exchanged', () => {
    const exchanged = headWith({ exchangeSides: true });
    expect(checkOf(exchanged, 'laterality')).toMatchObject({ verdict: 'fail' });
    expect(checkOf(exchanged, 'laterality').value).toBeLessThan(0);
  });

  it('repeats what the segmenter doubts', () => {
    const { segmentation } = ordinary;
    const doubtful: Segmentation = {
      ...segmentation,
      diagnostics: {
        ...segmentation.diagnostics,
        meanProbability: { left: 0.95, right: 0.7 },
        touchesCropEdge: { left: true, right: false },
        fragmentation: { left: 0.1, right: 0 },
      },
    };
    const { verdict, score, checks } = assessQuality({ ...ordinary, segmentation: doubtful });
    const verdicts = Object.fromEntries(checks.map((check) => [check.name, check.verdict]));
    expect(verdicts).toMatchObject({ confidence: 'fail', 'crop-edge': 'review', fragmentation: 'review' });
    expect(verdict).toBe('fail');
    expect(score).toBeCloseTo(0.3 * 0.85 ** 2, 9);
  });

  it('fails, and does not throw, when there is nothing to sample', () => {
    const labels = { ...ordinary.labels, data: new Uint8Array(ordinary.labels.data.length) };
    const empty = { ...ordinary, labels, segmentation: segmentationOf(labels), measured: measureHippocampi(labels) };
    expect(assessQuality(empty).verdict).toBe('fail');
    expect(verdictOf(empty, 'contrast')).toBe('fail');
    expect(verdictOf(empty, 'laterality')).toBe('fail');
  });
});

describe('quality checks', () => {
  it('say their limits in words and include them', () => {
    const limit = { good: 'below', pass: 1.3, review: 2 } as const;
    expect(judge('resolution', 2, 'mm', limit)).toEqual({
      name: 'resolution',
      verdict: 'review',
      value: 2,
      unit: 'mm',
      limit: 'pass up to 1.3 mm, review up to 2 mm',
    });
    expect(judge('confidence', 0.9, '1', { good: 'above', pass: 0.9, review: 0.8 }).limit).toBe(
      'pass from 0.9, review from 0.8',
    );
    expect(judgeRange('volume', 700, 'mm3', [1000, 2000], [700, 3000]).verdict).toBe('review');
  });

  it('give the worst verdict and a score that only falls', () => {
    const check = (verdict: QualityCheck['verdict']): QualityCheck => ({
      name: 'x',
      verdict,
      value: 0,
      unit: '1',
      limit: '',
    });
    expect(worstOf([])).toBe('pass');
    expect(worstOf([check('review'), check('fail'), check('pass')])).toBe('fail');
    expect(scoreOf([check('pass')])).toBe(1);
    expect(scoreOf([check('review')])).toBeGreaterThan(scoreOf([check('review'), check('review')]));
  });
});
