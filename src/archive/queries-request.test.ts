import { describe, expect, it } from '@jest/globals';
import type { QueryLevel } from '../ports/index.ts';
import { parseSearch, type QueryPath } from './queries-request.ts';

const parse = (query: string, level: QueryLevel = 'study', path: QueryPath = {}) =>
  parseSearch(level, path, [...new URLSearchParams(query)]);
const whereOf = (query: string, level: QueryLevel = 'study') => parse(query, level).query.where;

describe('a QIDO-RS search', () => {
  it('takes an attribute by keyword and by tag, in either case of the digits', () => {
    const expected = [{ kind: 'text', keyword: 'PatientID', pattern: 'A 1' }];
    expect(whereOf('PatientID=A+1')).toEqual(expected);
    expect(whereOf('00100020=A%201')).toEqual(expected);
    expect(whereOf('0020000d=1.2')).toEqual([{ kind: 'uid', keyword: 'StudyInstanceUID', anyOf: ['1.2'] }]);
  });

  it.each([
    ['StudyInstanceUID=1.2,1.3', { kind: 'uid', keyword: 'StudyInstanceUID', anyOf: ['1.2', '1.3'] }],
    ['StudyInstanceUID=1.2%5C1.3', { kind: 'uid', keyword: 'StudyInstanceUID', anyOf: ['1.2', '1.3'] }],
    ['StudyDate=20240229', { kind: 'range', keyword: 'StudyDate', from: '20240229', to: '20240229' }],
    ['StudyDate=20240101-20240131', { kind: 'range', keyword: 'StudyDate', from: '20240101', to: '20240131' }],
    ['StudyDate=20240101-', { kind: 'range', keyword: 'StudyDate', from: '20240101' }],
    ['StudyDate=-20240131', { kind: 'range', keyword: 'StudyDate', to: '20240131' }],
    ['StudyTime=10', { kind: 'range', keyword: 'StudyTime', from: '10', to: '105959.999999' }],
    ['StudyTime=100000-1030', { kind: 'range', keyword: 'StudyTime', from: '10', to: '103059.999999' }],
    ['StudyTime=101112.5', { kind: 'range', keyword: 'StudyTime', from: '101112.5', to: '101112.599999' }],
    ['PatientName=Sm*', { kind: 'text', keyword: 'PatientName', pattern: 'Sm*' }],
    ['PatientName=**Sm***th', { kind: 'text', keyword: 'PatientName', pattern: '*Sm*th' }],
    ['PatientName=100%25_%5B%27', { kind: 'text', keyword: 'PatientName', pattern: "100%_['" }],
    ['ModalitiesInStudy=MR,CT', { kind: 'text', keyword: 'ModalitiesInStudy', pattern: 'MR\\CT' }],
    ['StudyDescription=Brain,+MR', { kind: 'text', keyword: 'StudyDescription', pattern: 'Brain, MR' }],
    ['PatientName=', { kind: 'any', keyword: 'PatientName' }],
    ['PatientName=*', { kind: 'any', keyword: 'PatientName' }],
    ['StudyDate=*', { kind: 'any', keyword: 'StudyDate' }],
    ['StudyInstanceUID=*', { kind: 'any', keyword: 'StudyInstanceUID' }],
    ['fuzzymatching=true&PatientName=smith^jo', { kind: 'fuzzy', keyword: 'PatientName', words: ['smith', 'jo'] }],
    ['fuzzymatching=true&PatientName=^', { kind: 'any', keyword: 'PatientName' }],
    ['fuzzymatching=true&PatientName=*smith*', { kind: 'text', keyword: 'PatientName', pattern: '*smith*' }],
    ['fuzzymatching=true&PatientID=A', { kind: 'text', keyword: 'PatientID', pattern: 'A' }],
    ['fuzzymatching=false&PatientName=smith', { kind: 'text', keyword: 'PatientName', pattern: 'smith' }],
  ])('reads %s', (query, match) => {
    expect(whereOf(query)).toEqual([match]);
  });

  it('compares numbers in their shortest form', () => {
    const match = { kind: 'range', keyword: 'SeriesNumber', from: '4', to: '4' };
    expect(whereOf('SeriesNumber=004', 'series')).toEqual([match]);
  });

  it('lets a search for instances match what lies above them', () => {
    const keywords = whereOf('StudyDate=20240101&Modality=MR&SOPClassUID=1.2', 'instance').map(
      (match) => match.keyword,
    );
    expect(keywords).toEqual(['StudyDate', 'Modality', 'SOPClassUID']);
  });

  it.each([
    ['PatientNames=Smith', /has a parameter that is no attribute of DICOM$/],
    ['00091001=1', 'no attribute of DICOM: 00091001'],
    ['patientname=Smith', /no attribute of DICOM$/],
    ['Doe=Jane&Smith^Jo=1', /no attribute of DICOM$/],
    ['<script>=1', /no attribute of DICOM$/],
    ['PatientWeight=70', 'PatientWeight cannot be matched in a search for studies'],
    ['Modality=MR', 'Modality cannot be matched in a search for studies'],
    ['RequestAttributesSequence.ScheduledProcedureStepID=1', /^RequestAttributesSequence\.ScheduledProcedureStepID: /],
    ['RequestAttributesSequence.Doe=1', 'a path: attributes inside sequences cannot be matched'],
    ['PatientID=1&00100020=2', 'PatientID is given twice'],
    ['StudyInstanceUID=1.2;drop', 'StudyInstanceUID is a list of UIDs'],
    ['StudyInstanceUID=1.2,', 'StudyInstanceUID is a list of UIDs'],
    [`StudyInstanceUID=1.${'2'.repeat(64)}`, 'StudyInstanceUID is a list of UIDs'],
    [`StudyInstanceUID=${'1.2,'.repeat(1000)}1.2`, 'more than 1000 UIDs'],
    ['StudyDate=20230229', 'StudyDate is a DA value'],
    ['StudyDate=2023', 'StudyDate is a DA value'],
    ['StudyDate=-', 'StudyDate is a DA value'],
    ['StudyDate=20240101-20240102-20240103', 'StudyDate is a DA value'],
    ['StudyTime=24', 'StudyTime is a TM value'],
    [`PatientName=${'a'.repeat(1025)}`, 'PatientName is longer'],
    [`PatientName=${'a*'.repeat(9)}`, 'PatientName has more than 8 wildcards'],
    ['PatientName=a%00b', 'PatientName holds a character'],
    ['limit=-1', 'limit is a whole number'],
    ['limit=1e3', 'limit is a whole number'],
    ['limit=', 'limit is a whole number'],
    ['limit=1&limit=2', 'limit is given twice'],
    ['offset=99999999', 'offset is a whole number'],
    ['fuzzymatching=yes', 'fuzzymatching is true or false'],
    ['emptyvaluematching=true', 'emptyvaluematching is not supported'],
    ['includefield=PatientNames', /^includefield has a name that is no attribute of DICOM$/],
    ['includefield=00081111.nothing', 'includefield has a name that is no attribute'],
    [Array.from({ length: 101 }, () => 'a=1').join('&'), 'more than 100 parameters'],
  ])('refuses %s and says why', (query, message) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ kind: 'invalid-request' }));
    expect(() => parse(query)).toThrow(message);
  });

  it('refuses a path that holds no UID', () => {
    expect(() => parse('', 'series', { studyInstanceUid: "1.2'--" })).toThrow('StudyInstanceUID of the path');
  });

  it('refuses to match again what the path fixes', () => {
    expect(() => parse('StudyInstanceUID=1.2', 'series', { studyInstanceUid: '1.2' })).toThrow('given twice');
  });

  it('answers a page of 1000 unless asked, and never more than 5000', () => {
    expect(parse('')).toMatchObject({ query: { limit: 1000, offset: 0 }, limitIsOurs: true });
    expect(parse('limit=20&offset=40')).toMatchObject({ query: { limit: 20, offset: 40 }, limitIsOurs: false });
    expect(parse('limit=5001')).toMatchObject({ query: { limit: 5000 }, limitIsOurs: true });
    expect(parse('limit=0')).toMatchObject({ query: { limit: 0 }, limitIsOurs: false });
  });

  it('includes fields by keyword, tag, path and list, and what was matched', () => {
    const { include } = parse(
      'includefield=PatientAge,00080080&includefield=&includefield=00081111.00081150&PatientID=1',
    );
    expect([...(include as Set<string>)]).toEqual(['00101010', '00080080', '00081111', '00100020']);
    expect(parse('includefield=PatientAge&includefield=all').include).toBe('all');
  });
});
