import type { Laterality } from '../domain/geometry.ts';
import { type AnalysisResult, type HippocampusMeasurement, isMeasured, type NormPosition } from '../domain/result.ts';
import {
  isoDate,
  orWithheld,
  percentileText,
  personName,
  quantityText,
  raisedUnits,
  signed,
  volumeText,
} from './pdf-text.ts';

/** |L - R| / (L + R) from which on a person should look at the segmentation before anything else. */
export const ASYMMETRY_REVIEW_GATE = 0.15;

export const RESEARCH_STATEMENT = 'RESEARCH USE ONLY - not for diagnosis';
export const STATUS_STATEMENT = 'PRELIMINARY - made by software, not verified by a physician';

const NOT_GIVEN = 'not given';
const given = (text: string | undefined): string => (text === undefined || text.trim() === '' ? NOT_GIVEN : text);

/** Label and text. */
export type Entry = readonly [label: string, text: string];

const SEXES: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };

/** Who: as in the header, with the age that the norms used. */
export function patientEntries({ patient, demographics }: AnalysisResult): Entry[] {
  const sex = patient.patientSex === undefined ? undefined : SEXES[patient.patientSex];
  const issuer = patient.issuerOfPatientId ? ` (issuer ${patient.issuerOfPatientId})` : '';
  return [
    ['Patient', given(personName(patient.patientName))],
    ['Patient ID', patient.patientId ? `${patient.patientId}${issuer}` : NOT_GIVEN],
    ['Birth date', given(isoDate(patient.patientBirthDate))],
    ['Sex', sex ?? orWithheld(demographics.sex, (value) => SEXES[value]!)],
    ['Age at study', orWithheld(demographics.ageYears, (years) => `${Math.floor(years)} years`)],
  ];
}

/** What was measured. */
export function studyEntries({ study, series, acquisition }: AnalysisResult): Entry[] {
  const number = series.seriesNumber === undefined ? '' : `${series.seriesNumber}: `;
  const scanner = [series.manufacturer, series.manufacturerModelName].filter(Boolean).join(' ');
  const field = acquisition.magneticFieldStrength === undefined ? '' : `, ${acquisition.magneticFieldStrength} T`;
  return [
    ['Study date', given(isoDate(study.studyDate))],
    ['Accession number', given(study.accessionNumber)],
    ['Study', given(study.studyDescription)],
    ['Series used', given(`${number}${series.seriesDescription ?? ''}`)],
    ['Scanner', scanner === '' ? NOT_GIVEN : `${scanner}${field}`],
  ];
}

/** One row of the table of sides. */
export type SideRow = readonly [measure: string, left: string, right: string];

/** Left and right beside each other. Three rows about norms become one where both sides have none. */
export function sideRows({ left, right }: AnalysisResult): SideRow[] {
  const row = (measure: string, text: (side: HippocampusMeasurement) => string): SideRow => [
    measure,
    text(left),
    text(right),
  ];
  const norm = (text: (position: NormPosition, volumeMm3: number) => string) => (side: HippocampusMeasurement) =>
    orWithheld(side.norm, (position) => text(position, side.volumeMm3));
  const withoutNorm = !isMeasured(left.norm) && !isMeasured(right.norm);
  return [
    row('Volume', ({ volumeMm3 }) => volumeText(volumeMm3)),
    row('  anterior part', ({ anteriorVolumeMm3 }) => volumeText(anteriorVolumeMm3)),
    row('  posterior part', ({ posteriorVolumeMm3 }) => volumeText(posteriorVolumeMm3)),
    row('Percent of intracranial volume', ({ percentOfIntracranial }) =>
      orWithheld(percentOfIntracranial, (percent) => `${percent.toFixed(3)} %`),
    ),
    ...(withoutNorm
      ? [
          row(
            'Percentile, z and normal range',
            norm(() => ''),
          ),
        ]
      : [
          row(
            'Percentile for age and sex',
            norm(({ percentile }) => percentileText(percentile)),
          ),
          row(
            'z-score',
            norm(({ z }) => signed(z, 2)),
          ),
          row('Normal range (percentiles 5 to 95)', norm(rangeText)),
        ]),
  ];
}

function rangeText({ p5Mm3, p95Mm3 }: NormPosition, volumeMm3: number): string {
  const place =
    volumeMm3 < p5Mm3 ? 'volume is below it' : volumeMm3 > p95Mm3 ? 'volume is above it' : 'volume is within it';
  return `${p5Mm3.toFixed(0)} to ${p95Mm3.toFixed(0)} mm³; ${place}`;
}

/** What both sides say together. */
export function bilateralEntries(result: AnalysisResult): Entry[] {
  const { asymmetryIndex, percentDifference, leftRightRatio, intracranialVolumeMm3, sclerosis } = result;
  const gate =
    Math.abs(asymmetryIndex) >= ASYMMETRY_REVIEW_GATE
      ? `at or beyond the review gate of ±${ASYMMETRY_REVIEW_GATE}: check the contours first`
      : `inside the review gate of ±${ASYMMETRY_REVIEW_GATE}`;
  const called = { left: 'left', right: 'right', balanced: 'balanced', 'not-called': 'Not called' }[sclerosis.call];
  return [
    ['Asymmetry index (L - R) / (L + R)', `${signed(asymmetryIndex, 3)}, ${gate}`],
    ['Difference 200 (L - R) / (L + R)', `${signed(percentDifference, 1)} %`],
    ['Ratio L / R', leftRightRatio.toFixed(3)],
    [
      'Intracranial volume',
      orWithheld(intracranialVolumeMm3, (mm3) => `${(mm3 / 1000).toFixed(0)} cm³ (${mm3.toFixed(0)} mm³)`),
    ],
    ['Sclerosis side', `${called}: ${sclerosis.reason}`],
    ['Quality', qualitySentence(result)],
  ];
}

/** Check, verdict, value, limit. */
export function qualityRows({ quality }: AnalysisResult): (readonly [string, string, string, string])[] {
  return quality.checks.map(({ name, verdict, value, unit, limit }) => [
    name.replaceAll('-', ' '),
    verdict,
    quantityText(value, unit),
    raisedUnits(limit),
  ]);
}

/** The verdict over all checks and what it means. */
export function qualitySentence({ quality }: AnalysisResult): string {
  const meaning = {
    pass: 'all checks passed',
    review: 'a person should look at the images and contours before the numbers are used',
    fail: 'the numbers must not be compared with norms',
  }[quality.verdict];
  return `${quality.verdict}, score ${quality.score.toFixed(2)} of 1; ${meaning}.`;
}

/** Which norms, for whom, by which segmenter; or why there are none. */
export function normEntries({ normSet }: AnalysisResult): Entry[] {
  if (!isMeasured(normSet)) return [['Norms', `withheld: ${normSet.withheld}`]];
  const { name, version, population, segmenter, transfer, citation } = normSet.value;
  return [
    ['Norm set', `${name}, version ${version}`],
    ['Population', population],
    ['Segmenter of the norms', segmenter],
    ['Transfer to this model', raisedUnits(transfer)],
    ['Citation', citation],
  ];
}

/** How the numbers came to be, exactly enough to repeat them. */
export function methodEntries(result: AnalysisResult): Entry[] {
  const { software, model, series, study, geometry, runKey, createdAt, sourceImages } = result;
  const size = geometry.voxelSizeMm.map((mm) => mm.toFixed(2)).join(' x ');
  return [
    ['Software', `${software.name} ${software.version}, result format ${result.formatVersion}`],
    ['Model', `${model.name} ${model.version}, sha256 ${model.sha256}`],
    ['Volume', 'sum of segmented voxel volumes on the source grid (DCM 126030)'],
    ['Voxel size', `${size} mm, ${sourceImages.length} slices of ${geometry.shape[0]} x ${geometry.shape[1]}`],
    ['Source series UID', series.seriesInstanceUid],
    ['Study UID', study.studyInstanceUid],
    ['Run key', runKey],
    ['Report made', createdAt],
  ];
}

const MOST_REJECTED = 8;

/** Series of the study that were not measured, and why; a long list ends with a count. */
export function rejectedEntries({ rejectedSeries }: AnalysisResult): Entry[] {
  const entries = rejectedSeries.slice(0, MOST_REJECTED).map(({ seriesNumber, seriesDescription, reasons }): Entry => {
    const label = [seriesNumber, seriesDescription].filter((part) => part !== undefined && part !== '').join(': ');
    return [label === '' ? 'unnamed series' : label, reasons.join('; ')];
  });
  const left = rejectedSeries.length - entries.length;
  return left > 0 ? [...entries, [`${left} more`, 'not listed here']] : entries;
}

/** What the percentile plot of a side tells, in words. */
export function plotText(side: HippocampusMeasurement, laterality: Laterality, ageYears: number): string {
  const position = isMeasured(side.norm) ? `, percentile ${percentileText(side.norm.value.percentile)}` : '';
  return `Volume of the ${laterality} hippocampus over age with the 5th, 25th, 50th, 75th and 95th percentile of the norms. The patient, ${Math.floor(ageYears)} years: ${side.volumeMm3.toFixed(0)} mm³${position}.`;
}
