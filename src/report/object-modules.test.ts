import { describe, expect, it } from '@jest/globals';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import type { AnalysisResult } from '../domain/result.ts';
import {
  bodyPartOf,
  deviceUidOf,
  momentOf,
  patientModule,
  seriesModule,
  sopCommonModule,
  studyModule,
} from './object-modules.ts';

const { result } = makeResultFixture();
const withStudy = (study: Partial<AnalysisResult['study']>): AnalysisResult => ({
  ...result,
  study: { ...result.study, ...study },
});

describe('momentOf', () => {
  it.each([
    ['+0200', '20240612', '114107.250'],
    ['-0530', '20240612', '041107.250'],
    ['+1400', '20240612', '234107.250'],
    ['-1000', '20240611', '234107.250'],
  ])('tells the moment in the zone of the study, %s', (timezoneOffsetFromUtc, date, time) => {
    expect(momentOf(withStudy({ timezoneOffsetFromUtc }))).toEqual({ date, time });
  });

  it.each([undefined, '', 'CET', '+2'])('stays in UTC and claims no zone where the study says %p', (zone) => {
    const { timezoneOffsetFromUtc: _, ...study } = result.study;
    const unzoned: AnalysisResult = {
      ...result,
      study: zone === undefined ? study : { ...study, timezoneOffsetFromUtc: zone },
    };
    expect(momentOf(unzoned)).toEqual({ date: '20240612', time: '094107.250' });
    expect(sopCommonModule(unzoned, '1.2', '1.2.3').TimezoneOffsetFromUTC).toBeUndefined();
  });
});

describe('attributes copied from the source', () => {
  it('leaves empty what the source wrote in a form that DICOM does not have', () => {
    const odd: AnalysisResult = {
      ...withStudy({ studyDate: '2024.06.12', studyTime: '10:15' }),
      patient: { ...result.patient, patientBirthDate: '17.3.1952', patientAge: '72' },
      series: { ...result.series, bodyPartExamined: 'Kopf/Hals' },
    };
    expect(studyModule(odd)).toMatchObject({ StudyDate: '', StudyTime: '' });
    expect(patientModule(odd)).toMatchObject({ PatientBirthDate: '', PatientAge: undefined });
    expect(bodyPartOf(odd)).toBe('BRAIN');
    expect(bodyPartOf(result)).toBe('HEAD');
  });

  it.each([
    [undefined, 2],
    [3, 302],
    [-5, 2],
    [2_000_000_000, 999_999_902],
  ])('numbers the report behind a source series with number %p: %p', (seriesNumber, expected) => {
    const series = { ...result.series };
    const changed = {
      ...result,
      series: seriesNumber === undefined ? withoutNumber(series) : { ...series, seriesNumber },
    };
    expect(seriesModule(changed, { modality: 'SR', seriesInstanceUid: '1.2', description: 'x' }).SeriesNumber).toBe(
      expected,
    );
  });
});

function withoutNumber({ seriesNumber: _, ...series }: AnalysisResult['series']): AnalysisResult['series'] {
  return series;
}

describe('deviceUidOf', () => {
  it('is the same for every study and another for other weights', () => {
    const other = makeResultFixture({ source: 'enhanced' }).result;
    expect(other.runKey).not.toBe(result.runKey);
    expect(deviceUidOf(other)).toBe(deviceUidOf(result));
    expect(deviceUidOf({ ...result, model: { ...result.model, sha256: '00' } })).not.toBe(deviceUidOf(result));
  });
});
