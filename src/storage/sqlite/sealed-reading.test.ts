import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AT, patientVersion, sha256Of } from '../../../test/contract/store-rows.ts';
import { everythingOf } from '../../../test/harness/everything-stored.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { type Connection, openConnection, type Value } from './database.ts';
import { PLACE_BITS, resourceOf } from './index-scope.ts';
import { openSqliteStore, type SqliteStore } from './open.ts';

let folder = '';
let store: SqliteStore;
/** Who has the key of the file, or changes its pages by luck. */
let disk: Connection;
const damages: string[] = [];
const site = 'main';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-sealed-'));
  const clock = { now: () => new Date(AT) };
  const metrics = { commit: () => undefined, damage: (kind: string) => void damages.push(kind) };
  store = await openSqliteStore({ dataDir: folder, clock, keys: TEST_DATA_KEYS, readerThreads: 1, metrics });
  await store.ledger.commit({ site, ...everythingOf('a', 'b') });
  await store.ledger.commit({ site, ...everythingOf('b', 'a') });
  await store.ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('b', 2, 'Newer') }] });
  disk = openConnection(join(folder, 'neuroinsight.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 1_000 });
});
afterAll(async () => {
  disk.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const page = { count: 10, offset: 0 };
const search = (param: string, code: string) =>
  store.resources.search(site, {
    resourceType: 'Patient',
    where: [{ kind: 'token', param, anyOf: [{ code }] }],
    sort: [],
    total: false,
    ...page,
  });
const query = (level: 'study' | 'series' | 'instance', keyword: string, pattern: string) =>
  store.dicom.query(site, { level, where: [{ kind: 'text', keyword, pattern }], limit: 10, offset: 0 });

/** Every way in which content is handed out, each asked for what belongs to a. */
const READS: Readonly<Record<string, () => Promise<unknown>>> = {
  resource: () => store.resources.get(site, 'Patient', 'a'),
  version: () => store.resources.getVersion(site, 'Patient', 'a', 1),
  'version of a moment': () => store.resources.getAt(site, 'Patient', 'a', AT),
  search: async () => (await search('identifier', 'a')).rows[0],
  history: async () => (await store.resources.history(site, { resourceType: 'Patient', id: 'a', ...page })).rows[0],
  'as of': async () =>
    (await store.resources.asOf(site, { resourceType: 'Patient', instant: AT, after: '', limit: 9 })).find(
      ({ id }) => id === 'a',
    ),
  instances: async () => (await store.dicom.instances(site, { studyInstanceUid: '1.2.1' }))[0],
  'one instance': async () =>
    (await store.dicom.instances(site, { studyInstanceUid: '1.2.1', sopInstanceUid: '1.2.1.1.1' }))[0],
  'instance by UID': async () => (await store.dicom.findInstances(site, ['1.2.1.1.1']))[0],
  'QIDO study': async () => (await query('study', 'StudyInstanceUID', '1.2.1'))[0]?.attributes,
  'QIDO series': async () => (await query('series', 'SeriesInstanceUID', '1.2.1.1'))[0]?.attributes,
  'QIDO instance': async () => (await query('instance', 'SOPInstanceUID', '1.2.1.1.1'))[0]?.attributes,
  run: () => store.runs.get(site, 'a'),
  'run by key': () => store.runs.findByKey(site, 'key-a'),
  'run of a study': async () =>
    (await store.runs.list(site, { studyInstanceUid: '1.2.1', limit: 9, offset: 0 })).rows[0],
  'claimable run': async () => (await store.runs.claimable(AT, 9)).find(({ row }) => row.id === 'a'),
  'run log': async () => (await store.runs.log(site, 'a'))[0],
  delivery: () => store.outbox.get(site, 'a'),
  'due delivery': async () => (await store.outbox.due(AT, 9)).find(({ row }) => row.id === 'a'),
  'delivery of a run': async () => (await store.outbox.ofRun(site, 'a'))[0],
  'delivery to a destination': async () =>
    (await store.outbox.list(site, { destination: 'to a', limit: 9, offset: 0 }))[0],
  'api key': () => store.apiKeys.findBySecret(sha256Of('secret a')),
  'api keys': async () => (await store.apiKeys.list(site)).find(({ id }) => id === 'a'),
  'audit row': () => store.audit.get(site, 'a'),
  'audit of a patient': async () => (await store.audit.search(site, { patient: 'Patient/a', ...page })).rows[0],
  'audit of a day': async () =>
    (await store.audit.search(site, { from: AT, ...page })).rows.find(({ id }) => id === 'a'),
  seen: async () => (await store.seen.seen(site, 'pacs', ['1.2.1']))[0],
  pack: () => store.packs.get('pack a'),
  'packs of a study': async () => (await store.packs.ofStudy(site, '1.2.1'))[0],
  packs: async () => (await store.packs.list('', 9)).find(({ row }) => row.pack === 'pack a'),
  document: () => store.documents.get(site, 'scrub', 'a'),
  documents: async () =>
    (await store.documents.list(site, 'scrub', { after: '', limit: 9 })).find(({ id }) => id === 'a'),
};

const TABLES = (
  'resources resource_versions studies series instances runs run_log outbox api_keys seen_studies audit packs ' +
  'documents index_token'
).split(' ');

/** Values to put into a column of the first row: another, and that of the second row. */
function forgeries(table: string, column: string): Value[] {
  const [own, other] = disk
    .table(`SELECT ${column} FROM ${table} ORDER BY rowid LIMIT 2`)
    .rows.map(([value]) => value!);
  const another = typeof own === 'number' ? own + 1 : `${own ?? ''}x`;
  return [another, other ?? null].filter((value) => value !== own);
}

async function answers(): Promise<Map<string, string>> {
  const all = Object.entries(READS).map(async ([name, read]): Promise<[string, string]> => {
    try {
      return [name, JSON.stringify(await read()) ?? 'nothing'];
    } catch (error) {
      return [name, String((error as { kind?: string }).kind ?? error)];
    }
  });
  return new Map(await Promise.all(all));
}

describe('what is read from a database that somebody edits', () => {
  it.each(TABLES)('is what was written, nothing or an error, whichever column of %s is changed', async (table) => {
    const right = await answers();
    expect([...right.values()].filter((answer) => !answer.startsWith('{'))).toEqual([]);
    let tried = 0;
    for (const [, column] of disk.table(`PRAGMA table_info(${table})`).rows) {
      const rowid = disk.table(`SELECT min(rowid) FROM ${table}`).rows[0]![0]!;
      const own = disk.table(`SELECT ${column} FROM ${table} WHERE rowid = ?`, [rowid]).rows[0]![0] ?? null;
      for (const forged of forgeries(table, String(column))) {
        try {
          disk.run(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`, [forged, rowid]);
        } catch {
          continue;
        }
        tried++;
        for (const [name, answer] of await answers()) {
          const allowed = [right.get(name), 'damaged', 'nothing'];
          expect({ table, column, forged, name, answer: allowed.includes(answer) || answer }).toMatchObject({
            answer: true,
          });
        }
        disk.run(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`, [own, rowidAfter(table, column!, forged, rowid)]);
      }
    }
    expect(tried).toBeGreaterThan(1);
    expect(await answers()).toEqual(right);
  });

  it('is an error where a row of the audit is said to concern somebody whom it does not', async () => {
    disk.run("INSERT INTO audit_entity (sequence, site, entity) SELECT sequence, site, 'Patient/c' FROM audit LIMIT 1");
    const found = store.audit.search(site, { patient: 'Patient/c', ...page });
    await expect(found).rejects.toMatchObject({ kind: 'damaged' });
    disk.run("DELETE FROM audit_entity WHERE entity = 'Patient/c'");
  });

  it('is an error where the index of a search leads to another site or type', async () => {
    await store.ledger.commit({ site: 'other', resources: [{ expected: 0, row: patientVersion('theirs', 1) }] });
    const theirs = disk.table("SELECT rid FROM resources WHERE site = 'other'").rows[0]![0]!;
    const own = "(SELECT rid FROM resources WHERE site = 'main' AND id = 'a')";
    const of = resourceOf('index_token');
    disk.run(`DELETE FROM index_token WHERE ${of} = ?`, [theirs]);
    disk.run(`UPDATE index_token SET entry = entry + ((? - ${own}) << ${PLACE_BITS}) WHERE ${of} = ${own}`, [theirs]);
    await expect(search('identifier', 'a')).rejects.toMatchObject({ kind: 'damaged' });
  });

  it('is counted by kind when it is damaged', () => {
    const kinds = 'api key, audit, document, instance, joined study, outbox, pack, resource, run, run log, seen';
    expect([...new Set(damages)].sort().join(', ')).toBe(kinds);
  });
});

/** A column that is the rowid moves the row. */
function rowidAfter(table: string, column: Value, forged: Value, rowid: Value): Value {
  const isRowid = disk
    .table(`PRAGMA table_info(${table})`)
    .rows.some((row) => row[1] === column && row[5] === 1 && String(row[2]) === 'INTEGER');
  return isRowid ? forged : rowid;
}
