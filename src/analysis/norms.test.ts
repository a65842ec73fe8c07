import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isMeasured } from '../domain/result.ts';
import { type NormQuestion, normalCdf, normsFor, parseNormTable } from './norms.ts';
import { sclerosisCallOf } from './sclerosis.ts';

const table = parseNormTable(
  readFileSync(new URL('../../config/norms/hippocampus-freesurfer-pooled.json', import.meta.url), 'utf8'),
);

const woman: NormQuestion = {
  ageYears: { value: 42 },
  sex: { value: 'F' },
  volumesMm3: { left: 3000, right: 3100 },
  intracranialVolumeMm3: { value: 1_450_000 },
  quality: 'pass',
  model: { name: 'hippocampus', version: '0.1.0', sha256: '0'.repeat(64) },
};

const reasonFor = (change: Partial<NormQuestion>): string | undefined => {
  const { left } = normsFor(table, { ...woman, ...change }).positions;
  return isMeasured(left) ? undefined : left.withheld;
};

describe('norms', () => {
  it('agree with tables of the normal distribution', () => {
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1)).toBeCloseTo(0.841344746068543, 12);
    expect(normalCdf(-1.959963984540054)).toBeCloseTo(0.025, 12);
    expect(normalCdf(-4)).toBeCloseTo(3.167124183311986e-5, 15);
    expect(normalCdf(40)).toBe(1);
    expect(normalCdf(-40)).toBe(0);
  });

  it('place the expected volume at the 50th percentile and the limits at the 5th and 95th', () => {
    const { left } = normsFor(table, woman).positions;
    if (!isMeasured(left)) throw new Error(left.withheld);
    const at = (volume: number): number => {
      const { left: side } = normsFor(table, { ...woman, volumesMm3: { left: volume, right: 3000 } }).positions;
      return isMeasured(side) ? side.value.percentile : Number.NaN;
    };
    expect(at(left.value.expectedMm3)).toBeCloseTo(50, 6);
    expect(at(left.value.p5Mm3)).toBeCloseTo(5, 6);
    expect(at(left.value.p95Mm3)).toBeCloseTo(95, 6);
  });

  it('scale FreeSurfer volumes to the protocol of the model', () => {
    const { left } = normsFor(table, {
      ...woman,
      ageYears: { value: 50 },
      intracranialVolumeMm3: { value: 1.5e6 },
    }).positions;
    expect(isMeasured(left) && left.value.expectedMm3).toBeCloseTo(0.8 * 3957.62, 6);
    expect(isMeasured(left) && (left.value.p95Mm3 - left.value.expectedMm3) / 1.6448536).toBeGreaterThan(0.8 * 335.6);
  });

  it('rise with the volume and never leave 0 to 100', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 300, max: 8000, noNaN: true }),
        fc.double({ min: 18, max: 85, noNaN: true }),
        (volume, age) => {
          const ask = (left: number) =>
            normsFor(table, { ...woman, ageYears: { value: age }, volumesMm3: { left, right: 1 } });
          const [low, high] = [ask(volume).positions.left, ask(volume + 1).positions.left];
          if (!isMeasured(low) || !isMeasured(high)) return false;
          return (
            low.value.percentile >= 0 && high.value.percentile <= 100 && low.value.percentile <= high.value.percentile
          );
        },
      ),
    );
  });

  it('are withheld, with the reason, when age, sex, quality or segmenter do not fit', () => {
    expect(reasonFor({})).toBeUndefined();
    expect(reasonFor({ ageYears: { withheld: 'the age is not known' } })).toBe('the age is not known');
    expect(reasonFor({ ageYears: { value: 12 } })).toBe('the norms cover 18 to 85 years');
    expect(reasonFor({ ageYears: { value: 86 } })).toBe('the norms cover 18 to 85 years');
    expect(reasonFor({ sex: { withheld: 'the sex is not known' } })).toBe('the sex is not known');
    expect(reasonFor({ quality: 'fail' })).toBe('the image failed the quality checks');
    expect(reasonFor({ model: { ...woman.model, version: '9.9.9' } })).toMatch(/no norms fit/);
  });

  it('fall back to age and sex when the intracranial volume is unusable, and say so', () => {
    const answer = normsFor(table, { ...woman, intracranialVolumeMm3: { withheld: 'the mask is not plausible' } });
    expect(isMeasured(answer.curves) && answer.curves.value.basis).toMatch(/no usable intracranial volume/);
    expect(isMeasured(answer.positions.left)).toBe(true);
  });

  it('leave out an intracranial volume that hardly anyone of that sex has', () => {
    const basisFor = (sex: 'F' | 'M'): string => {
      const { curves } = normsFor(table, {
        ...woman,
        sex: { value: sex },
        intracranialVolumeMm3: { value: 1_850_000 },
      });
      return isMeasured(curves) ? curves.value.basis : curves.withheld;
    };
    expect(basisFor('F')).toBe('women, age only: no usable intracranial volume');
    expect(basisFor('M')).toBe('men, intracranial volume 1850 cm3');
  });

  it('widen the spread by what the factor and the intracranial volume may be off by', () => {
    const spread = (change: { factorSd?: number; intracranialSd?: number }): number => {
      const transfers = table.transfers.map((row) => ({ ...row, factorSd: 0, intracranialSd: 0, ...change }));
      const { left } = normsFor({ ...table, transfers }, woman).positions;
      return isMeasured(left) ? (left.value.p95Mm3 - left.value.expectedMm3) / 1.6448536269514722 : Number.NaN;
    };
    expect(spread({})).toBeCloseTo(0.8 * 335.6, 6);
    expect(spread({ factorSd: 0.04 })).toBeGreaterThan(spread({}) + 30);
    expect(spread({ intracranialSd: 0.08 })).toBeCloseTo(Math.hypot(0.8 * 335.6, 0.8 * 90.62 * 0.08 * 14.5), 6);
  });

  it('draw curves through the expected volume of the person', () => {
    const { curves, positions } = normsFor(table, woman);
    if (!isMeasured(curves) || !isMeasured(positions.right)) throw new Error('withheld');
    const index = curves.value.ageYears.indexOf(42);
    expect(curves.value.right.p50[index]).toBeCloseTo(positions.right.value.expectedMm3, 9);
    expect(curves.value.right.p5[index]).toBeCloseTo(positions.right.value.p5Mm3, 9);
  });

  it('say how volumes carry over to the model that comes with the software', () => {
    const card = new URL('../../config/models/hippocampus/model-card.json', import.meta.url);
    const { name, version } = JSON.parse(readFileSync(card, 'utf8'));
    expect(table.transfers.filter((row) => row.model === name && row.versions.includes(version))).toHaveLength(1);
  });

  it('refuse a table that is incomplete', () => {
    expect(() => parseNormTable('{"formatVersion":1}')).toThrow(/incomplete/);
    expect(() => parseNormTable('null')).toThrow(/incomplete/);
    expect(() => parseNormTable('{')).toThrow('the norm table is not JSON');
    const [transfer] = table.transfers;
    const broken = { ...table, transfers: [{ ...transfer, factorSd: undefined }] };
    expect(() => parseNormTable(JSON.stringify(broken))).toThrow(/incomplete/);
    const noMen = { ...table, supportedIntracranialMm3: { F: [1, 2] } };
    expect(() => parseNormTable(JSON.stringify(noMen))).toThrow(/incomplete/);
  });
});

describe('the side of sclerosis', () => {
  it('is not called while no false-positive rate is measured', () => {
    expect(sclerosisCallOf(table, -0.4, 'pass')).toEqual({
      call: 'not-called',
      reason: 'no false-positive rate has been measured for this segmenter',
    });
  });

  it('is called by the asymmetry once a rate is measured, and never on a failed image', () => {
    const measured = { ...table, sclerosis: { falsePositiveRate: 0.04, statement: '' } };
    expect(sclerosisCallOf(measured, -0.1, 'pass').call).toBe('left');
    expect(sclerosisCallOf(measured, 0.1, 'pass').call).toBe('right');
    expect(sclerosisCallOf(measured, 0, 'review')).toEqual({
      call: 'balanced',
      reason: '4.0 % of healthy adults would be called',
    });
    expect(sclerosisCallOf(measured, -0.1, 'fail').call).toBe('not-called');
  });
});
