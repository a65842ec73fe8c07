import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import type { DicomMatch, QueryLevel } from '../../ports/index.ts';
import { type Connection, openConnection } from './database.ts';
import { compileDicomQuery } from './dicom-sql.ts';
import { migrate } from './migrate.ts';

let folder = '';
let connection: Connection;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-qido-plans-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  migrate(connection, '2026-11-24T10:00:00.000Z');
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

function planOf(level: QueryLevel, where: readonly DicomMatch[]): string[] {
  const { sql, params } = compileDicomQuery('main', { level, where, limit: 100, offset: 0 });
  return connection.table(`EXPLAIN QUERY PLAN ${sql}`, params).rows.map((row) => String(row[3]));
}

const text = (keyword: string, pattern: string): DicomMatch => ({ kind: 'text', keyword, pattern });
const uid = (keyword: string, ...anyOf: string[]): DicomMatch => ({ kind: 'uid', keyword, anyOf });

describe('QIDO-RS in a full archive', () => {
  it.each<[string, QueryLevel, readonly DicomMatch[], string]>([
    ['a study by UID', 'study', [uid('StudyInstanceUID', '1')], 'studies_uid (site=? AND StudyInstanceUID=?)'],
    ['studies by UIDs', 'study', [uid('StudyInstanceUID', '1', '2')], 'studies_uid (site=? AND StudyInstanceUID=?)'],
    ['studies of a patient', 'study', [text('PatientID', 'P1')], 'studies_patient (site=? AND PatientID=?)'],
    [
      'studies by accession number',
      'study',
      [text('AccessionNumber', 'A1*')],
      'studies_accession (site=? AND AccessionNumber>? AND AccessionNumber<?)',
    ],
    [
      'studies by the beginning of a name',
      'study',
      [text('PatientName', 'mu*')],
      'studies_name (site=? AND PatientName>? AND PatientName<?)',
    ],
    [
      'studies by a part of a name',
      'study',
      [text('PatientName', '*mann*')],
      'SEARCH studies USING COVERING INDEX studies_name (site=?)',
    ],
    [
      'studies by words of a name',
      'study',
      [{ kind: 'fuzzy', keyword: 'PatientName', words: ['eva'] }],
      'SEARCH studies USING COVERING INDEX studies_name (site=?)',
    ],
    [
      'series of a modality',
      'series',
      [text('Modality', 'PT')],
      'SEARCH studies USING COVERING INDEX studies_modalities (site=?)',
    ],
    [
      'studies of a month',
      'study',
      [{ kind: 'range', keyword: 'StudyDate', from: '20260101', to: '20260131' }],
      'studies_date (site=? AND StudyDate>? AND StudyDate<?)',
    ],
    ['the series of a study', 'series', [uid('StudyInstanceUID', '1')], 'series_uid (sid=?)'],
    [
      'the instances of a series',
      'instance',
      [uid('StudyInstanceUID', '1'), uid('SeriesInstanceUID', '1')],
      'series_uid (sid=? AND SeriesInstanceUID=?)',
    ],
    [
      'a series anywhere',
      'series',
      [uid('SeriesInstanceUID', '1')],
      'series_site_uid (site=? AND SeriesInstanceUID=?)',
    ],
    ['an instance anywhere', 'instance', [uid('SOPInstanceUID', '1')], 'instances_uid (site=? AND SOPInstanceUID=?)'],
    ['the instances of a patient', 'instance', [text('PatientID', 'P1')], 'instances_series (eid=?)'],
  ])('finds %s by an index', (_, level, where, index) => {
    const plan = planOf(level, where);
    expect(plan.join('\n')).toContain(index);
    expect(plan.filter((step) => /^SCAN (?!json_each)/.test(step))).toEqual([]);
  });

  it.each<[QueryLevel, readonly DicomMatch[]]>([
    ['study', []],
    ['study', [text('ModalitiesInStudy', 'MR')]],
    ['study', [text('PatientName', '*eva')]],
    ['series', [text('Modality', 'MR')]],
    ['instance', []],
  ])('walks along the studies in their order at the level %s, without sorting them', (level, where) => {
    const plan = planOf(level, where);
    expect(plan[0]).toMatch(/^SEARCH s USING INDEX studies_date/);
    // Within one study alone.
    const sorts = plan.filter((step) => step.includes('TEMP B-TREE'));
    expect(sorts.filter((step) => !/FOR LAST (\d+ )?TERMS?|RIGHT PART/.test(step))).toEqual([]);
    if (level === 'study') expect(sorts).toEqual([]);
  });
});
