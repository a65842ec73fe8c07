import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AT, instanceRow, patientVersion } from '../../../test/contract/store-rows.ts';
import { everythingOf } from '../../../test/harness/everything-stored.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { type Connection, openConnection } from './database.ts';
import { openSqliteStore, type SqliteStore } from './open.ts';
import { readyMacKey } from './row-mac.ts';
import type { Finding, Verification } from './verify.ts';
import { verified } from './verify-loop.ts';

let folder = '';
/** The filled database, which is copied for each test, and how it was before its last commits. */
const [FULL, OLDER, COPY] = ['full.sqlite', 'older.sqlite', 'copy.sqlite'];
let connection: Connection;
const site = 'main';
const clock = { now: () => new Date(AT) };
const open = (): Promise<SqliteStore> =>
  openSqliteStore({ dataDir: folder, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });
const keep = (as: string): void => copyFileSync(join(folder, 'neuroinsight.sqlite'), join(folder, as));
const connect = (file: string): Connection =>
  openConnection(join(folder, file), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-verify-'));
  const first = await open();
  await first.ledger.commit({ site, ...everythingOf('a', 'b') });
  await first.close();
  keep(OLDER);
  const store = await open();
  const instances = [instanceRow({ study: '1.2.1', series: '1.2.1.1', uid: '1.2.1.1.2' }, pack('pack a'))];
  await store.ledger.commit({ site, ...everythingOf('b', 'a') });
  await store.ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('a', 2, 'Newer') }], instances });
  const document = { kind: 'scrub', id: 'a', version: 2, content: { of: 'newer' } } as const;
  await store.ledger.commit({ site, documents: [{ expected: 1, row: document }] });
  await store.ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('erased', 1) }] });
  const resources = [{ resourceType: 'Patient', id: 'erased' }];
  await store.ledger.commit({ site, removals: { resources, studies: ['1.2.2'] } });
  await store.ledger.commit({ site, ...studyOf(everythingOf('b', 'a')) });
  await store.ledger.commit({
    site,
    removals: { instances: [{ studyInstanceUid: '1.2.1', sopInstanceUid: '1.2.1.1.1' }] },
  });
  await store.close();
  keep(FULL);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  for (const file of readdirSync(folder)) if (file.startsWith(COPY)) rmSync(join(folder, file));
  copyFileSync(join(folder, FULL), join(folder, COPY));
  connection = connect(COPY);
});
afterEach(() => connection.close());

const pack = (name: string) => ({
  blob: { pack: name, offset: 0, length: 1 },
  metadata: { pack: name, offset: 1, length: 1 },
});
const studyOf = ({ instances = [], packs = [], studyKeys = [] }: ReturnType<typeof everythingOf>) => ({
  instances,
  packs,
  studyKeys,
});
const verify = (): Promise<Verification> => verified(connection, readyMacKey(TEST_DATA_KEYS.rowMac), () => undefined);
const checks = (findings: readonly Finding[]): string[] => findings.map(({ check }) => check);

/** Puts a row of a table back as the older copy has it. */
function putBack(table: string, where: string): void {
  const old = connect(OLDER);
  const { columns, rows } = old.table(`SELECT * FROM ${table} WHERE ${where}`);
  old.close();
  connection.run(`DELETE FROM ${table} WHERE ${where}`);
  const places = columns.map(() => '?').join(', ');
  for (const row of rows) connection.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, [...row]);
}

describe('the verification of a database', () => {
  it('finds nothing wrong where nothing is, and says how much it looked at', async () => {
    const { findings, looked } = await verify();
    expect(findings).toEqual([]);
    expect(looked).toMatchObject({ commits: 8, resources: 2, 'versions of resources': 3, instances: 2, runs: 2 });
  });

  it.each<[string, string, string]>([
    ['a resource', "UPDATE resources SET json = '{}' WHERE id = 'a'", 'resources are what was written'],
    [
      'an old version',
      "UPDATE resource_versions SET json = '{}' WHERE version = 1",
      'versions of resources are what was',
    ],
    ['a study', "UPDATE studies SET attributes = '{}'", 'studies are what was written'],
    ['a name that studies are found by', "UPDATE studies SET PatientName = 'x'", 'studies are found by what they say'],
    ['the modalities of a study', `UPDATE studies SET modalities = '["CT"]'`, 'studies have as many'],
    ['a count of a study', 'UPDATE studies SET instance_count = 9', 'studies have as many'],
    ['a count of a series', 'UPDATE series SET instance_count = 9', 'series have as many'],
    ['where an instance belongs', 'UPDATE instances SET sid = sid + 1', 'instances are what was written'],
    ['where the bytes of an instance lie', 'UPDATE instances SET blob_offset = 7', 'instances are what was written'],
    ['the state of a run', "UPDATE runs SET state = 'dead'", 'runs are found by what they say'],
    ['what a run says', "UPDATE runs SET row = replace(row, 'queued', 'dead')", 'runs are what was written'],
    ['a line of a log', "UPDATE run_log SET message = ''", 'lines of run logs are'],
    ['a revoked key', "UPDATE api_keys SET revoked_at = '2026'", 'API keys are found by'],
    ['when an access was', "UPDATE audit SET recorded = '2020'", 'audit rows are found by'],
    ['who accessed', "UPDATE audit SET row = replace(row, 'viewer', 'nobody')", 'audit rows are what was written'],
    ['the tier of a pack', "UPDATE packs SET tier = 'archived'", 'packs are what was written'],
    ['a document', "UPDATE documents SET row = 'null'", 'documents are what was written'],
    ['a pack that is used', "DELETE FROM packs WHERE pack = 'pack a'", 'every pack that something lies in is known'],
    ['the key of a study', "DELETE FROM study_keys WHERE study = '1.2.1'", 'every pack has the key of its study'],
    ['a resource but not its index', 'DELETE FROM resources', 'every index entry has its resource'],
    ['a resource with its history', "DELETE FROM resource_versions WHERE id = 'a'", 'every version that was written'],
    [
      'the action of a change',
      "UPDATE changes SET action = 'update' WHERE version = 1",
      'every version that was written',
    ],
    ['a change', 'DELETE FROM changes WHERE sequence = 3', 'the chain of commits holds'],
    [
      'a change to none',
      "UPDATE changes SET key = 'Patient/none' WHERE sequence = 3",
      'every version stands in the log',
    ],
    ['the time of a commit', "UPDATE commits SET at = '2020' WHERE sequence = 3", 'the chain of commits holds'],
    ['a commit', 'DELETE FROM commits WHERE sequence = 3', 'the chain of commits holds'],
    ['the last commit', 'DELETE FROM commits WHERE sequence = 8', 'the chain of commits holds'],
  ])('finds that somebody changed %s', async (_, sql, check) => {
    connection.run(sql);
    expect(checks((await verify()).findings)).toContainEqual(expect.stringContaining(check));
  });

  it('names the first commit that does not hold and counts those that were changed', async () => {
    connection.run("UPDATE commits SET site = 'other' WHERE sequence IN (4, 6)");
    expect((await verify()).findings).toContainEqual({ check: 'the chain of commits holds', found: 2, first: 4 });
  });

  it.each<[string, () => void, string]>([
    ['a resource', () => putBack('resources', "id = 'a'"), 'every resource is at the last version of its history'],
    [
      'a resource and its history',
      () => {
        putBack('resources', "id = 'a'");
        putBack('resource_versions', "id = 'a'");
      },
      'every version that was written is there',
    ],
    ['a document', () => putBack('documents', "id = 'a'"), 'every document is at its last version'],
    [
      'a study with its instances',
      () => {
        for (const table of ['studies', 'series', 'instances']) putBack(table, "site = 'main'");
      },
      'studies have every instance that the log says came',
    ],
  ])('finds that %s was put back to an older state, whose MACs are right', async (_, change, check) => {
    change();
    expect(checks((await verify()).findings)).toContain(check);
  });

  it('finds that what was erased was put back', async () => {
    const resource = patientVersion('erased', 1);
    const erased = connection.table("SELECT sequence, mac FROM changes WHERE key = 'Patient/erased'").rows[0]!;
    const insert = `INSERT INTO resource_versions (site, type, id, version, last_updated, method, json, sequence, mac)
      VALUES ('main', 'Patient', 'erased', 1, ?, 'POST', ?, ?, ?)`;
    connection.run(insert, [AT, JSON.stringify(resource.resource), erased[0]!, erased[1]!]);
    const { findings } = await verify();
    expect(checks(findings)).toContain('what was erased is gone');
    // The row itself is as it was once written.
    expect(checks(findings)).not.toContain('versions of resources are what was written');
  });

  it('says nothing of what is in the rows', async () => {
    connection.run("UPDATE resources SET json = '{}'");
    connection.run("UPDATE studies SET PatientName = 'x'");
    expect(JSON.stringify(await verify())).not.toMatch(/Family|Müller|muller|Patient\/|1\.2\./);
  });

  it('finds a page that was changed under the cipher', async () => {
    const page = Number(connection.table("SELECT rootpage FROM sqlite_master WHERE name = 'resources'").rows[0]![0]);
    connection.close();
    const file = openSync(join(folder, COPY), 'r+');
    // Rows are laid from the end of a page.
    writeSync(file, Buffer.alloc(16, 1), 0, 16, 4096 * page - 256);
    closeSync(file);
    connection = connect(COPY);
    const { findings } = await verify();
    expect(findings.length).toBeGreaterThan(0);
  });
});

describe('a bit that is flipped somewhere in the file', () => {
  /** What becomes of it: 'found', 'refused' at opening, or nothing where the page holds nothing that is looked at. */
  async function flipped(at: number): Promise<string> {
    copyFileSync(join(folder, FULL), join(folder, COPY));
    const file = openSync(join(folder, COPY), 'r+');
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    writeSync(file, Buffer.from([byte[0]! ^ 16]), 0, 1, at);
    closeSync(file);
    try {
      connection = connect(COPY);
      const { findings } = await verify();
      return findings.length > 0 ? 'found' : 'nothing';
    } catch (error) {
      return String((error as { code?: string }).code).startsWith('SQLITE_') ? 'refused' : String(error);
    } finally {
      connection.close();
    }
  }

  it('never ends the process', async () => {
    const { size } = statSync(join(folder, FULL));
    const outcomes: string[] = [];
    for (let n = 0; n < 100; n++) outcomes.push(await flipped(Math.floor((size / 100) * (n + 0.37))));
    expect(outcomes.filter((outcome) => !['found', 'refused', 'nothing'].includes(outcome))).toEqual([]);
    // Most of a small file is the empty part of pages.
    expect(outcomes.filter((outcome) => outcome !== 'nothing').length).toBeGreaterThan(10);
  });
});

describe('verifyStore', () => {
  it('works in a thread beside a store that is open, and tells how far it is', async () => {
    const store = await open();
    const told = new Map<string, number>();
    const { findings } = await store.verify({ progress: (what, looked) => void told.set(what, looked) });
    expect(findings).toEqual([]);
    expect(told.get('commits')).toBe(8);
    await store.close();
  });

  it('stops when it is told to', async () => {
    const store = await open();
    const stopping = new AbortController();
    const verifying = store.verify({ signal: stopping.signal, progress: () => stopping.abort(new Error('enough')) });
    await expect(verifying).rejects.toThrow('enough');
    expect(() => store.verify({ signal: AbortSignal.abort(new Error('before')) })).toThrow('before');
    await store.close();
  });
});
