import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { MOST_PAGE_BYTES } from '../page-budget.ts';
import { createChangeFeed } from './change-feed.ts';
import { type Connection, openConnection, type Row, type Value } from './database.ts';
import { createDicomReader } from './dicom-reader.ts';
import { createDocumentReader } from './document-reader.ts';
import {
  createApiKeyReader,
  createAuditLog,
  createOutboxReader,
  createRunReader,
  createSeenReader,
} from './ledger-readers.ts';
import { migrate } from './migrate.ts';
import { createPackReader } from './pack-reader.ts';
import type { Readers } from './readers.ts';
import { createResourceReader } from './resource-reader.ts';

let folder = '';
let connection: Connection;
const plans: string[] = [];

/** Takes down how each query would be carried out, and finds nothing. */
const readers: Readers = {
  point: async (sql, params) => void explain(sql, params),
  async all(sql, params) {
    explain(sql, params);
    return [{ number: 0, bytes: 0 }].filter(() => /^SELECT (coalesce|\(SELECT count)/.test(sql));
  },
  together: async (queries) =>
    queries.map(({ sql, params }): Row[] => {
      explain(sql, params);
      return [{ total: 0 }].filter(() => sql.startsWith('SELECT count'));
    }),
  damaged: (kind) => new NeuroInsightError('damaged', kind),
  close: async () => undefined,
};

function explain(sql: string, params: readonly Value[]): void {
  for (const row of connection.table(`EXPLAIN QUERY PLAN ${sql}`, params).rows) plans.push(String(row[3]));
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-plans-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  migrate(connection, '2026-11-24T10:00:00.000Z');
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = '2026-11-24T10:00:00.000Z';
const page = { count: 10, offset: 0 };
const dicom = createDicomReader(readers);
const runs = createRunReader(readers);
const outbox = createOutboxReader(readers);
const audit = createAuditLog(readers);
const packs = createPackReader(readers);
const changes = createChangeFeed(readers);
const resources = createResourceReader(readers, MOST_PAGE_BYTES);

describe('reading a full database', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['a resource', () => resources.get('main', 'Patient', '1')],
    ['a version', () => resources.getVersion('main', 'Patient', '1', 1)],
    ['the history of a resource', () => resources.history('main', { resourceType: 'Patient', id: '1', ...page })],
    ['the history of a type', () => resources.history('main', { resourceType: 'Patient', ...page })],
    ['a version of a moment', () => resources.getAt('main', 'Patient', '1', at)],
    [
      'a type as of a moment',
      () => resources.asOf('main', { resourceType: 'Patient', instant: at, after: '1', limit: 9 }),
    ],
    [
      'what was current',
      () => resources.history('main', { resourceType: 'Patient', at: { from: at, to: at }, ...page }),
    ],
    ['a pack', () => packs.get('1')],
    ['the packs of a study', () => packs.ofStudy('main', '1')],
    ['the packs by name', () => packs.list('1', 10)],
    ['keys under another KEK', () => packs.keysNotUnder('k', 10)],
    ['the number of keys under another KEK', () => packs.countKeysNotUnder('k')],
    ['the bytes of a site', () => packs.bytesOf('main')],
    ['a document', () => createDocumentReader(readers).get('main', 'scrub', '1')],
    ['documents', () => createDocumentReader(readers).list('main', 'scrub', { after: '1', limit: 10 })],
    ['changes', () => changes.after(undefined, 1, 10)],
    ['changes of a site', () => changes.after('main', 1, 10)],
    ['the commit of a moment', () => changes.sequenceAt(at)],
    ['the history of a site', () => resources.history('main', page)],
    ['the instances of a study', () => dicom.instances('main', { studyInstanceUid: '1' })],
    ['one instance', () => dicom.instances('main', { studyInstanceUid: '1', sopInstanceUid: '2' })],
    ['instances by UID', () => dicom.findInstances('main', ['1', '2'])],
    ['a study', () => dicom.study('main', '1')],
    ['quiet studies', () => dicom.quietStudies('main', at, 10)],
    ['whether a pack is needed', () => dicom.isPackReferenced('1')],
    ['a run', () => runs.get('main', '1')],
    ['a run by its key', () => runs.findByKey('main', '1')],
    ['a run by its analysis', () => runs.findByAnalysisKey('main', '1')],
    ['the runs of a study', () => runs.list('main', { studyInstanceUid: '1', limit: 10, offset: 0 })],
    ['claimable runs', () => runs.claimable(at, 10)],
    ['the log of a run', () => runs.log('main', '1')],
    ['what is due', () => outbox.due(at, 10)],
    ['the deliveries of a run', () => outbox.ofRun('main', '1')],
    ['a key by its secret', () => createApiKeyReader(readers).findBySecret('1')],
    ['the audit of a patient', () => audit.search('main', { patient: 'Patient/1', from: at, ...page })],
    ['the audit of a day', () => audit.search('main', { from: at, to: at, ...page })],
    ['what was seen', () => createSeenReader(readers).seen('main', 'pacs', ['1'])],
  ])('finds %s by an index', async (_, read) => {
    plans.length = 0;
    await read();
    expect(plans.some((step) => step.startsWith('SEARCH'))).toBe(true);
    expect(plans.filter((step) => /^SCAN (?!json_each|\(subquery|CONSTANT)/.test(step))).toEqual([]);
  });

  it('finds the audit of a patient without a walk through that of the site', async () => {
    plans.length = 0;
    await audit.search('main', { patient: 'Patient/1', ...page });
    expect(plans.filter((step) => step.includes('audit_recorded'))).toEqual([]);
  });
});
