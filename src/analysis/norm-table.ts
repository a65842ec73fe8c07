import { NeuroInsightError } from '../domain/errors.ts';
import type { Laterality } from '../domain/geometry.ts';

/** One side's regression: mm3 = sum of coefficients times terms, with the spread of the residuals. */
export interface NormFit {
  readonly coefficients: readonly number[];
  readonly sdMm3: number;
}

export type NormModel = Readonly<Record<Laterality, NormFit>>;

/** How volumes of the norm's segmenter become volumes of ours. */
export interface NormTransfer {
  readonly model: string;
  readonly versions: readonly string[];
  readonly factor: number;
  /** Standard uncertainty of the factor. */
  readonly factorSd: number;
  /** Relative standard uncertainty of our intracranial volume against the one the norms were fitted with. */
  readonly intracranialSd: number;
  readonly statement: string;
}

/** config/norms/*.json: fitted coefficients and the population they speak of; no person's data. */
export interface NormTable {
  readonly name: string;
  readonly version: string;
  readonly population: string;
  readonly segmenter: string;
  readonly citation: string;
  readonly supportedAgeYears: readonly [number, number];
  /** 0.5th to 99.5th percentile of the population by sex; a volume outside is no basis for a norm. */
  readonly supportedIntracranialMm3: Readonly<Record<'F' | 'M', readonly [number, number]>>;
  readonly withIntracranial: NormModel;
  readonly withoutIntracranial: NormModel;
  readonly transfers: readonly NormTransfer[];
  readonly sclerosis: {
    /** Share of healthy adults called on a side, measured for our segmenter; null until it is. */
    readonly falsePositiveRate: number | null;
    readonly statement: string;
  };
}

const TERMS = 6;

function isFit(value: unknown): value is NormFit {
  const fit = value as NormFit | undefined;
  return fit?.coefficients?.length === TERMS && fit.coefficients.every(Number.isFinite) && fit.sdMm3 > 0;
}

function isRange(value: unknown): boolean {
  const [low, high] = Array.isArray(value) ? (value as unknown[]) : [];
  return typeof low === 'number' && typeof high === 'number' && low < high;
}

/** A share between 0 and 1; as text or absent it would make every percentile NaN without a word. */
function isTransfer({ model, versions, factor, factorSd, intracranialSd }: NormTransfer): boolean {
  const areShares = [factorSd, intracranialSd].every((share) => share >= 0 && share < 1);
  return typeof model === 'string' && Array.isArray(versions) && factor > 0 && factor < 2 && areShares;
}

/** Throws invalid-configuration when the file is not a norm table. */
export function parseNormTable(text: string): NormTable {
  const table = parseJson(text) as NormTable & { readonly formatVersion: number };
  const fits = [table.withIntracranial, table.withoutIntracranial].flatMap((model) => [model?.left, model?.right]);
  const intracranial = table.supportedIntracranialMm3;
  const ranges = [table.supportedAgeYears, intracranial?.F, intracranial?.M];
  const areTransfers = Array.isArray(table.transfers) && table.transfers.every(isTransfer);
  const complete = table.formatVersion === 1 && fits.every(isFit) && ranges.every(isRange) && areTransfers;
  if (!complete) throw new NeuroInsightError('invalid-configuration', 'the norm table is incomplete');
  return table;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw new NeuroInsightError('invalid-configuration', 'the norm table is not JSON');
  }
}
