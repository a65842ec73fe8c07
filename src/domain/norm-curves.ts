import type { Laterality } from './geometry.ts';

/** Volumes in mm3, one a value of `ageYears`. */
export interface PercentileCurves {
  readonly p5: readonly number[];
  readonly p25: readonly number[];
  readonly p50: readonly number[];
  readonly p75: readonly number[];
  readonly p95: readonly number[];
}

/** The percentile curves around one person: what a plot of volume over age is drawn from. */
export interface NormCurves extends Readonly<Record<Laterality, PercentileCurves>> {
  /** Rising, years. */
  readonly ageYears: readonly number[];
  readonly sex: 'M' | 'F';
  /** What the curves hold fixed, in words: "women, intracranial volume 1433 cm3". */
  readonly basis: string;
}
