import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3 } from '../domain/geometry.ts';

/** The numbers of the coarse stage; the model card says in words what each does. */
export interface CoarseSettings {
  readonly blockVoxels: number;
  readonly shape: Vec3;
  readonly passes: number;
  readonly headBox: {
    readonly foregroundOfHigh: number;
    readonly highPercentile: number;
    readonly minSliceAreaMm2: number;
    readonly topToCentreMm: number;
    readonly topDepthMm: number;
  };
  readonly intensity: {
    readonly foregroundOfMean: number;
    readonly highPercentile: number;
    readonly clip: readonly [number, number];
    readonly subtract: number;
    readonly divide: number;
  };
}

export interface SidesSettings {
  readonly gapMm: number;
  readonly minProbability: number;
  readonly ofPeak: number;
}

export interface FineSettings {
  readonly cropShape: Vec3;
  readonly paddedShape: Vec3;
  readonly padOffset: Vec3;
  readonly centreOffsetVoxels: { readonly medial: number; readonly anterior: number; readonly superior: number };
  readonly clipPercentiles: readonly [number, number];
  readonly maxRuns: number;
  readonly recentreThreshold: number;
}

/** What the server needs of model-card.json, checked. */
export interface ModelCard {
  readonly name: string;
  readonly version: string;
  readonly files: { readonly coarse: string; readonly fine: string };
  /** Percentile of the block means that becomes 0. */
  readonly lowPercentile: number;
  readonly coarse: CoarseSettings;
  readonly sides: SidesSettings;
  readonly intracranialScale: number;
  readonly fine: FineSettings;
  /** Whole-hippocampus probability at and above which a voxel belongs to it. */
  readonly threshold: number;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

const share: Range = { min: 0, max: 1 };
const percentile: Range = { min: 0, max: 100 };
const millimetres: Range = { min: 0, max: 400 };
const extent: Range = { min: 1, max: 256, whole: true };
const count: Range = { min: 1, max: 8, whole: true };
const signed: Range = { min: -50, max: 50 };
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}\.onnx$/;

/**
 * Reads a model card. Every number the arithmetic uses must be there and in a sane range: a wrong card gives wrong
 * volumes without any other sign.
 *
 * @throws NeuroInsightError model-integrity, naming the entry
 */
export function parseModelCard(text: string): ModelCard {
  const card = cardReader(text);
  if (card.number('formatVersion', { min: 0, max: 99, whole: true }) !== 1) throw wrong('formatVersion');
  if (card.number('preprocessing.modelSpacingMm', { min: 0, max: 10 }) !== 1)
    throw wrong('preprocessing.modelSpacingMm');
  return {
    name: card.text('name', /^[a-z0-9][a-z0-9-]{0,31}$/),
    version: card.text('version', /^[0-9A-Za-z.+-]{1,40}$/),
    files: { coarse: card.text('files.coarse', FILE_NAME), fine: card.text('files.fine', FILE_NAME) },
    lowPercentile: card.number('preprocessing.shift.lowPercentile', percentile),
    coarse: readCoarse(card),
    sides: {
      gapMm: card.number('preprocessing.sides.gapMm', millimetres),
      minProbability: card.number('preprocessing.sides.minProbability', share),
      ofPeak: card.number('preprocessing.sides.ofPeak', share),
    },
    intracranialScale: card.number('preprocessing.intracranial.scale', { min: 0.5, max: 2 }),
    fine: readFine(card),
    threshold: card.number('postprocessing.threshold', { min: 0.05, max: 0.95 }),
  };
}

function readCoarse(card: CardReader): CoarseSettings {
  const at = 'preprocessing.coarse';
  return {
    blockVoxels: card.number(`${at}.blockVoxels`, count),
    shape: multiplesOfEight(card, `${at}.shape`),
    passes: card.number(`${at}.passes`, count),
    headBox: {
      foregroundOfHigh: card.number(`${at}.headBox.foregroundOfHigh`, share),
      highPercentile: card.number(`${at}.headBox.highPercentile`, percentile),
      minSliceAreaMm2: card.number(`${at}.headBox.minSliceAreaMm2`, { min: 0, max: 1e5 }),
      topToCentreMm: card.number(`${at}.headBox.topToCentreMm`, millimetres),
      topDepthMm: card.number(`${at}.headBox.topDepthMm`, millimetres),
    },
    intensity: {
      foregroundOfMean: card.number(`${at}.intensity.foregroundOfMean`, share),
      highPercentile: card.number(`${at}.intensity.highPercentile`, percentile),
      clip: card.pair(`${at}.intensity.clip`, { min: -10, max: 10 }),
      subtract: card.number(`${at}.intensity.subtract`, { min: -10, max: 10 }),
      divide: card.number(`${at}.intensity.divide`, { min: 1e-3, max: 10 }),
    },
  };
}

function readFine(card: CardReader): FineSettings {
  const at = 'preprocessing.fine';
  const cropShape = card.triple(`${at}.cropShape`, extent);
  const paddedShape = multiplesOfEight(card, `${at}.paddedShape`);
  const padOffset = card.triple(`${at}.padOffset`, { min: 0, max: 256, whole: true });
  const fits = cropShape.every((n, axis) => n + padOffset[axis]! <= paddedShape[axis]!);
  if (!fits) throw wrong(`${at}.paddedShape`);
  return {
    cropShape,
    paddedShape,
    padOffset,
    centreOffsetVoxels: {
      medial: card.number(`${at}.centreOffsetVoxels.medial`, signed),
      anterior: card.number(`${at}.centreOffsetVoxels.anterior`, signed),
      superior: card.number(`${at}.centreOffsetVoxels.superior`, signed),
    },
    clipPercentiles: card.pair(`${at}.clipPercentiles`, percentile),
    maxRuns: card.number(`${at}.maxRuns`, count),
    recentreThreshold: card.number(`${at}.recentreThreshold`, share),
  };
}

/** The networks halve their input three times. */
function multiplesOfEight(card: CardReader, path: string): Vec3 {
  const shape = card.triple(path, extent);
  if (shape.some((n) => n % 8 !== 0)) throw wrong(path);
  return shape;
}

interface CardReader {
  number(path: string, range: Range): number;
  text(path: string, pattern: RegExp): string;
  pair(path: string, range: Range): readonly [number, number];
  triple(path: string, range: Range): Vec3;
}

function cardReader(text: string): CardReader {
  const root = parseJson(text);
  const find = (path: string): unknown =>
    path.split('.').reduce<unknown>((at, key) => {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
      return (at as Record<string, unknown>)[key];
    }, root);
  const inRange = (value: unknown, path: string, { min, max, whole = false }: Range): number => {
    const fits = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (!fits) throw wrong(path);
    return value;
  };
  const list = (path: string, length: number, range: Range): number[] => {
    const value = find(path);
    if (!Array.isArray(value) || value.length !== length) throw wrong(path);
    return value.map((entry) => inRange(entry, path, range));
  };
  return {
    number: (path, range) => inRange(find(path), path, range),
    text(path, pattern) {
      const value = find(path);
      if (typeof value !== 'string' || !pattern.test(value)) throw wrong(path);
      return value;
    },
    pair(path, range) {
      const [low, high] = list(path, 2, range);
      if (low! >= high!) throw wrong(path);
      return [low!, high!];
    },
    triple(path, range) {
      const [x, y, z] = list(path, 3, range);
      return [x!, y!, z!];
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NeuroInsightError('model-integrity', 'the model card is not JSON');
  }
}

function wrong(path: string): NeuroInsightError {
  return new NeuroInsightError('model-integrity', `the model card has no valid ${path}`);
}
