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
  readonly supportedIntracranialMm3: readonly [number, number];
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

/** Throws invalid-configuration when the file is not a norm table. */
export function parseNormTable(text: string): NormTable {
  const table = JSON.parse(text) as NormTable & { readonly formatVersion: number };
  const fits = [table.withIntracranial, table.withoutIntracranial].flatMap((model) => [model?.left, model?.right]);
  const complete = table.formatVersion === 1 && fits.every(isFit) && Array.isArray(table.transfers);
  if (!complete) throw new NeuroInsightError('invalid-configuration', 'the norm table is incomplete');
  return table;
}
