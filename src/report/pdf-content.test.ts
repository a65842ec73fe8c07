import { describe, expect, it } from '@jest/globals';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import type { AnalysisResult } from '../domain/result.ts';
import {
  bilateralEntries,
  methodEntries,
  normEntries,
  patientEntries,
  plotText,
  qualityRows,
  qualitySentence,
  rejectedEntries,
  sideRows,
  studyEntries,
} from './pdf-content.ts';

const { result } = makeResultFixture();
const withheld = makeResultFixture({ withheld: true }).result;
const bare = makeResultFixture({ bare: true }).result;

describe('sideRows', () => {
  it('keeps left in the left column and right in the right one', () => {
    const swapped: AnalysisResult = {
      ...result,
      left: { ...result.left, volumeMm3: 1111 },
      right: { ...result.right, volumeMm3: 2222 },
    };
    expect(sideRows(swapped)[0]).toEqual(['Volume', '1111 mm³ (1.11 cm³)', '2222 mm³ (2.22 cm³)']);
  });

  it('prints percentile, z and range, and whether the volume lies in it', () => {
    const rows = sideRows(result).slice(4);
    expect(rows).toEqual([
      ['Percentile for age and sex', '62', '22'],
      ['z-score', '+0.32', '-0.78'],
      [
        'Normal range (percentiles 5 to 95)',
        '2710 to 3990 mm³; volume is within it',
        '2710 to 3990 mm³; volume is within it',
      ],
    ]);
  });

  it.each([
    [2709, 'below'],
    [3991, 'above'],
  ])('says of %i mm³ that it is %s the range', (volumeMm3, word) => {
    const text = sideRows({ ...result, left: { ...result.left, volumeMm3 } }).at(-1)![1];
    expect(text).toBe(`2710 to 3990 mm³; volume is ${word} it`);
  });

  it('prints no number where a value is withheld, and one row for three where both norms are', () => {
    const rows = sideRows(withheld);
    expect(rows.slice(3).map(([measure]) => measure)).toEqual([
      'Percent of intracranial volume',
      'Percentile, z and normal range',
    ]);
    for (const [, left, right] of rows.slice(3)) expect(`${left}${right}`).toMatch(/^withheld: \D+withheld: \D+$/);
  });

  it('withholds one side only where only that side is withheld', () => {
    const one = sideRows({ ...result, right: { ...result.right, norm: { withheld: 'cut' } } });
    expect(one.slice(4).map(([, left, right]) => [left.startsWith('withheld'), right])).toEqual([
      [false, 'withheld: cut'],
      [false, 'withheld: cut'],
      [false, 'withheld: cut'],
    ]);
  });
});

describe('bilateralEntries', () => {
  const textOf = (changed: Partial<AnalysisResult>, label: RegExp) =>
    bilateralEntries({ ...result, ...changed }).find(([name]) => label.test(name))![1];

  it.each([
    [0.149, '+0.149, inside the review gate of ±0.15'],
    [-0.15, '-0.150, at or beyond the review gate of ±0.15: check the contours first'],
  ])('tells where an asymmetry index of %d stands', (asymmetryIndex, text) => {
    expect(textOf({ asymmetryIndex }, /^Asymmetry/)).toBe(text);
  });

  it('says that no side is called, and why', () => {
    expect(textOf({}, /Sclerosis/)).toBe('Not called: The false-positive rate of this model has not been measured.');
    expect(textOf({ sclerosis: { call: 'left', reason: 'measured' } }, /Sclerosis/)).toBe('left: measured');
  });

  it('withholds the intracranial volume with its reason', () => {
    expect(textOf({}, /Intracranial/)).toBe('1433 cm³ (1432500 mm³)');
    expect(textOf({ intracranialVolumeMm3: withheld.intracranialVolumeMm3 }, /Intracranial/)).toMatch(
      /^withheld: The head is cut/,
    );
  });
});

describe('who and what', () => {
  it('comes from the header', () => {
    expect(patientEntries(result)).toEqual([
      ['Patient', 'Müller, Dr Änne'],
      ['Patient ID', 'NI-0042 (issuer HOSPITAL-A)'],
      ['Birth date', '1952-03-17'],
      ['Sex', 'female'],
      ['Age at study', '72 years'],
    ]);
    expect(studyEntries(result)).toEqual([
      ['Study date', '2024-06-12'],
      ['Accession number', 'ACC-2024-0042'],
      ['Study', 'MR Brain'],
      ['Series used', '3: T1 MPRAGE'],
      ['Scanner', 'SIEMENS Prisma, 3 T'],
    ]);
  });

  it('says "not given" for what the header lacks, never a blank', () => {
    const texts = [...patientEntries(bare), ...studyEntries(bare)].map(([, text]) => text);
    expect(texts.filter((text) => text === 'not given')).toHaveLength(8);
    expect(texts).not.toContain('');
  });

  it('names software, model digest, series, run and date', () => {
    const text = methodEntries(result).flat().join('\n');
    for (const part of [
      result.model.sha256,
      result.runKey,
      result.series.seriesInstanceUid,
      result.createdAt,
      '0.1.0',
    ]) {
      expect(text).toContain(part);
    }
  });
});

describe('quality and norms', () => {
  it('list every check with verdict, value and limit', () => {
    expect(qualityRows(withheld)[1]).toEqual(['field of view', 'fail', '0.71', 'pass from 0.95, fail below 0.8']);
    expect(qualitySentence(result)).toBe('pass, score 0.94 of 1; all checks passed.');
    expect(qualitySentence(withheld)).toMatch(/^fail, score 0.21 of 1; the numbers must not/);
    expect(qualitySentence({ ...result, quality: { ...result.quality, verdict: 'review' } })).toMatch(
      /a person should look/,
    );
  });

  it('name the norm set with its citation, or the reason why there is none', () => {
    expect(normEntries(result).map(([label]) => label)).toEqual([
      'Norm set',
      'Population',
      'Segmenter of the norms',
      'Transfer to this model',
      'Citation',
    ]);
    expect(normEntries(withheld)).toEqual([['Norms', 'withheld: The age of the patient is not known.']]);
  });

  it('describe the plot for readers who cannot see it', () => {
    expect(plotText(result.left, 'left', 72.2)).toMatch(
      /left hippocampus over age .* 72 years: 3491 mm³, percentile 62\.$/,
    );
    expect(plotText(withheld.left, 'left', 72.2)).toMatch(/3491 mm³\.$/);
  });

  it('end a long list of rejected series with a count', () => {
    const rejectedSeries = Array.from({ length: 11 }, (_, n) => ({
      seriesInstanceUid: `1.2.${n}`,
      reasons: ['not T1', '2D'],
    }));
    const entries = rejectedEntries({ ...result, rejectedSeries });
    expect(entries).toHaveLength(9);
    expect(entries[0]).toEqual(['unnamed series', 'not T1; 2D']);
    expect(entries[8]![0]).toBe('3 more');
    expect(rejectedEntries(result)).toEqual([['1: localizer', 'fewer than 20 slices']]);
  });
});
