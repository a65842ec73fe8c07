import { describe, expect, it } from '@jest/globals';
import { fhirDate, fhirDateTime } from './dicom-time.ts';

describe('a DICOM date', () => {
  it.each([
    ['20240229', '2024-02-29'],
    [' 19520317 ', '1952-03-17'],
    ['20230229', undefined],
    ['20241301', undefined],
    ['00000000', undefined],
    ['2024.01.02', undefined],
    ['202401', undefined],
    [undefined, undefined],
  ])('%s becomes %s', (da, expected) => {
    expect(fhirDate(da)).toBe(expected);
  });
});

describe('a DICOM date and time', () => {
  it('becomes a dateTime only where a zone is known', () => {
    expect(fhirDateTime('20240612', '101500', '+0200')).toBe('2024-06-12T10:15:00+02:00');
    expect(fhirDateTime('20240612', '101500.250000', '-0430')).toBe('2024-06-12T10:15:00-04:30');
    expect(fhirDateTime('20240612', '1015', '+0000')).toBe('2024-06-12T10:15:00+00:00');
    expect(fhirDateTime('20240612', '101500', undefined)).toBe('2024-06-12');
  });

  it('is the date alone where the time is none', () => {
    expect(fhirDateTime('20240612', '251500', '+0200')).toBe('2024-06-12');
    expect(fhirDateTime('20240612', '10:15', '+0200')).toBe('2024-06-12');
    expect(fhirDateTime('20240612', '101500', 'CEST')).toBe('2024-06-12');
    expect(fhirDateTime(undefined, '101500', '+0200')).toBeUndefined();
  });
});
