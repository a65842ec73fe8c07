import { describe, expect, it } from '@jest/globals';
import { columnOf } from './dicom-columns.ts';

describe('columnOf', () => {
  it('folds names and text, and keeps the groups of a name apart', () => {
    const name = { Alphabetic: 'MÜLLER^Zoë', Ideographic: '山田^太郎' };
    expect(columnOf('PatientName', { '00100010': { vr: 'PN', Value: [name] } })).toBe('muller^zoe=山田^太郎');
    expect(columnOf('PatientName', { '00100010': { vr: 'PN', Value: [{ Phonetic: 'ヤマダ' }] } })).toBe('==ヤマタ');
    expect(columnOf('StudyDescription', { '00081030': { vr: 'LO', Value: ['Schädel', 'T1'] } })).toBe('schadel\\t1');
  });

  it('keeps UIDs, dates, times and codes as they are and makes numbers of IS', () => {
    expect(columnOf('StudyDate', { '00080020': { vr: 'DA', Value: ['20261124'] } })).toBe('20261124');
    expect(columnOf('Modality', { '00080060': { vr: 'CS', Value: ['MR'] } })).toBe('MR');
    expect(columnOf('SeriesNumber', { '00200011': { vr: 'IS', Value: [7] } })).toBe(7);
    expect(columnOf('SeriesNumber', { '00200011': { vr: 'IS', Value: ['12'] } })).toBe(12);
  });

  it('has no value for what is absent, empty or not a number', () => {
    expect(columnOf('PatientName', {})).toBeNull();
    expect(columnOf('PatientName', { '00100010': { vr: 'PN' } })).toBeNull();
    expect(columnOf('PatientName', { '00100010': { vr: 'PN', Value: [null, {}, { Alphabetic: 5 }] } })).toBeNull();
    expect(columnOf('SeriesNumber', { '00200011': { vr: 'IS', Value: ['x'] } })).toBeNull();
    expect(columnOf('SeriesNumber', { '00200011': { vr: 'IS', Value: [1.5] } })).toBeNull();
  });

  it('drops a NUL, at which the database would cut the text', () => {
    expect(columnOf('PatientID', { '00100020': { vr: 'LO', Value: ['A\0B'] } })).toBe('ab');
  });
});
