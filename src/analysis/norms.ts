import { LATERALITIES, type Laterality } from '../domain/geometry.ts';
import type { NormCurves, PercentileCurves } from '../domain/norm-curves.ts';
import { isMeasured, type Measured, type NormPosition, type NormSet, type QualityVerdict } from '../domain/result.ts';
import type { ModelIdentity } from '../domain/segmentation.ts';
import type { Demographics } from './demographics.ts';
import type { NormTable, NormTransfer } from './norm-table.ts';

export { type NormTable, parseNormTable } from './norm-table.ts';

export interface NormQuestion extends Demographics {
  readonly volumesMm3: Readonly<Record<Laterality, number>>;
  readonly intracranialVolumeMm3: Measured<number>;
  readonly quality: QualityVerdict;
  readonly model: ModelIdentity;
}

export interface NormAnswer {
  readonly normSet: Measured<NormSet>;
  readonly positions: Readonly<Record<Laterality, Measured<NormPosition>>>;
  readonly curves: Measured<NormCurves>;
}

interface Person {
  readonly ageYears: number;
  readonly sex: 'M' | 'F';
  /** Absent where it was not measured or lies outside the norm's range. */
  readonly intracranialMm3: number | undefined;
}

interface Expected {
  readonly mean: number;
  readonly sd: number;
}

/** z of the 5th, 25th, 75th and 95th percentile. */
const Z95 = 1.6448536269514722;
const Z75 = 0.6744897501960817;

/**
 * The standard normal distribution function, accurate to 1e-13: the Taylor series of erf near the middle,
 * the continued fraction of erfc in the tails.
 */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  if (x > 26) return z < 0 ? 0 : 1;
  const upper = x < 2.5 ? 0.5 * (1 - erfSeries(x)) : 0.5 * erfcFraction(x);
  return z < 0 ? upper : 1 - upper;
}

function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
    if (n > 200) break;
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function erfcFraction(x: number): number {
  let tail = 0;
  for (let n = 80; n > 0; n--) tail = n / 2 / (x + tail);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail);
}

/** Expected volume of one person on one side and its spread, mm3, in OUR segmenter's protocol. */
function expectedOf(table: NormTable, transfer: NormTransfer, side: Laterality, person: Person): Expected {
  const a = (person.ageYears - 50) / 10;
  const male = person.sex === 'M' ? 1 : 0;
  const v = person.intracranialMm3 === undefined ? undefined : (person.intracranialMm3 - 1.5e6) / 1e5;
  const fit = (v === undefined ? table.withoutIntracranial : table.withIntracranial)[side];
  const terms = [1, a, a * a, a * a * a, male, v ?? male * a];
  const foreign = fit.coefficients.reduce((sum, coefficient, index) => sum + coefficient * terms[index]!, 0);
  // What our intracranial volume may be off by, carried through the slope of the norm.
  const slopeMm3 =
    v === undefined ? 0 : (fit.coefficients[5]! * transfer.intracranialSd * person.intracranialMm3!) / 1e5;
  return {
    mean: transfer.factor * foreign,
    sd: Math.hypot(transfer.factor * fit.sdMm3, transfer.factorSd * foreign, transfer.factor * slopeMm3),
  };
}

function positionOf(volumeMm3: number, { mean, sd }: Expected): NormPosition {
  const z = (volumeMm3 - mean) / sd;
  return { percentile: 100 * normalCdf(z), z, expectedMm3: mean, p5Mm3: mean - Z95 * sd, p95Mm3: mean + Z95 * sd };
}

function curvesOf(table: NormTable, transfer: NormTransfer, person: Person, basis: string): NormCurves {
  const [from, to] = table.supportedAgeYears;
  const ageYears = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const side = (laterality: Laterality): PercentileCurves => {
    const points = ageYears.map((age) => expectedOf(table, transfer, laterality, { ...person, ageYears: age }));
    const at = (z: number): number[] => points.map(({ mean, sd }) => mean + z * sd);
    return { p5: at(-Z95), p25: at(-Z75), p50: at(0), p75: at(Z75), p95: at(Z95) };
  };
  return { ageYears, sex: person.sex, basis, left: side('left'), right: side('right') };
}

/** The first reason why no percentile may be given, or what is needed to give one. */
function askable(table: NormTable, question: NormQuestion): Measured<{ transfer: NormTransfer; person: Person }> {
  const { ageYears, sex, quality, model, intracranialVolumeMm3: intracranial } = question;
  const transfer = table.transfers.find((row) => row.model === model.name && row.versions.includes(model.version));
  if (!transfer) return { withheld: `no norms fit the segmenter ${model.name} ${model.version}` };
  if (quality === 'fail') return { withheld: 'the image failed the quality checks' };
  if (!isMeasured(ageYears)) return ageYears;
  if (!isMeasured(sex)) return sex;
  const [youngest, oldest] = table.supportedAgeYears;
  if (ageYears.value < youngest || ageYears.value > oldest) {
    return { withheld: `the norms cover ${youngest} to ${oldest} years` };
  }
  const [smallest, largest] = table.supportedIntracranialMm3[sex.value];
  const usable = isMeasured(intracranial) && intracranial.value >= smallest && intracranial.value <= largest;
  const intracranialMm3 = usable ? intracranial.value : undefined;
  return { value: { transfer, person: { ageYears: ageYears.value, sex: sex.value, intracranialMm3 } } };
}

function basisOf({ sex, intracranialMm3 }: Person): string {
  const people = sex === 'M' ? 'men' : 'women';
  return intracranialMm3 === undefined
    ? `${people}, age only: no usable intracranial volume`
    : `${people}, intracranial volume ${Math.round(intracranialMm3 / 1000)} cm3`;
}

/** Percentile and z of both sides against the norm set, or the reason why they are withheld. */
export function normsFor(table: NormTable, question: NormQuestion): NormAnswer {
  const asked = askable(table, question);
  if (!isMeasured(asked)) return { normSet: asked, positions: { left: asked, right: asked }, curves: asked };
  const { transfer, person } = asked.value;
  const [left, right] = LATERALITIES.map((side) => ({
    value: positionOf(question.volumesMm3[side], expectedOf(table, transfer, side, person)),
  }));
  const { name, version, population, segmenter, citation } = table;
  return {
    normSet: { value: { name, version, population, segmenter, citation, transfer: transfer.statement } },
    positions: { left: left!, right: right! },
    curves: { value: curvesOf(table, transfer, person, basisOf(person)) },
  };
}
