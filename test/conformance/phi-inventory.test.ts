import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createExecutor } from '../../src/admin/command.ts';
import { COMMANDS } from '../../src/admin/commands.ts';
import { openAdminSocket } from '../../src/admin/socket-server.ts';
import { type Foundation, openFoundation } from '../../src/compose-foundation.ts';
import { loadConfig } from '../../src/config.ts';
import { openConnection } from '../../src/storage/sqlite/database.ts';
import { apiKeyRow, auditRow, instanceRow, patientVersion, runRow } from '../contract/store-rows.ts';
import { differences, type Found, type Inventory, readInventory } from '../harness/phi-inventory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SITE = 'main';
const STUDY = '1.2.3';
const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-inventory-'));
const pathOf = (name: string): string => join(folder, name);
const inventory = readInventory(readFileSync(join(ROOT, 'docs/security.md'), 'utf8'));
let found: Found;

/** A server's whole life: data comes in, goes to the slow store, into a backup and into an export. */
beforeAll(async () => {
  const config = loadConfig(new URL('../../config/default.json', import.meta.url), {
    NEUROINSIGHT_DATA_DIR: pathOf('DATA'),
    NEUROINSIGHT_WITNESS_FILE: pathOf('WITNESS'),
    NEUROINSIGHT_ARCHIVE_DIR: pathOf('ARCHIVE'),
    NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
    NEUROINSIGHT_LOG_LEVEL: 'silent',
  });
  const foundation = await openFoundation(config, { purpose: 'test' });
  const run = createExecutor(foundation, COMMANDS);
  const socket = await openAdminSocket({ dataDir: pathOf('DATA'), execute: run, log: foundation.log });
  const command = (name: string, args: object) => run(name, args, () => undefined, AbortSignal.timeout(60_000));
  try {
    await storeStudy(foundation, STUDY);
    await foundation.store.ledger.commit({
      site: SITE,
      audit: [auditRow('a')],
      apiKeys: [{ expected: 0, row: apiKeyRow('a') }],
    });
    await storeStudy(foundation, `${STUDY}.1`);
    await command('erase', ERASURE);
    await command('export', { file: pathOf('EXPORT'), passphrase: 'a passphrase that is long' });
    // After the export, which reads what lies here only.
    await moveToArchive(foundation);
    await command('backup/make', { repository: pathOf('REPOSITORY') });
    await storeStudy(foundation, `${STUDY}.2`);
    found = { tables: tablesOf(foundation), files: filesBelow() };
  } finally {
    await socket.close();
    await foundation.close();
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ERASURE = { of: { patient: 'Patient/a' }, reason: 'a test' };
const LONG_AGO = '2020-01-01T00:00:00.000Z';

async function storeStudy({ store, blobs }: Foundation, study: string): Promise<void> {
  const writer = await blobs.openPack(SITE, study);
  const bytes = randomBytes(5_000);
  const storedSha256 = createHash('sha256').update(bytes).digest('hex');
  const blob = await writer.append(bytes);
  const metadata = await writer.append(randomBytes(500));
  const report = await writer.append(randomBytes(500));
  const { row, studyKey } = await writer.seal();
  const isFirst = study === STUDY;
  await store.ledger.commit({
    site: SITE,
    instances: [instanceRow({ study, series: `${study}.1`, uid: `${study}.1.1` }, { blob, metadata, storedSha256 })],
    runs: [{ expected: 0, row: runRow(study, { studyInstanceUid: study, files: { 'report.pdf': report } }) }],
    ...(isFirst && { resources: [{ expected: 0, row: patientVersion('a', 1) }] }),
    packs: [isFirst ? { ...row, sealedAt: LONG_AGO } : row],
    ...(studyKey && { studyKeys: [studyKey] }),
  });
}

async function moveToArchive({ archival }: Foundation): Promise<void> {
  expect(await archival?.run(AbortSignal.timeout(10_000))).toMatchObject({ moved: 1, failed: 0 });
}

/** What the migrations made, as the file itself says; the tables of the planner come and go. */
function tablesOf({ keys }: Foundation): Map<string, string[]> {
  const key = keys.keys.database;
  const path = join(pathOf('DATA'), 'neuroinsight.sqlite');
  const connection = openConnection(path, { key, busyMilliseconds: 5_000, readOnly: true });
  try {
    const tables = connection.table(`SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
      WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`).rows;
    const columns = new Map<string, string[]>();
    for (const [table, column] of tables) {
      columns.set(String(table), [...(columns.get(String(table)) ?? []), String(column)]);
    }
    return columns;
  } finally {
    connection.close();
  }
}

const filesBelow = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

/** Which code makes the files that are there for a moment only, and what stands in it. */
const MAKERS: Readonly<Record<string, readonly [file: string, piece: string]>> = {
  'DATA/blobs/XX/PACK.pack.part': ['storage/blobs/archive-tier.ts', '.part`'],
  'ARCHIVE/XX/PACK.pack.part': ['storage/blobs/archive-tier.ts', '.part`'],
  'DATA/backup-links-ID/PACK': ['storage/backup/packs.ts', "'backup-links-'"],
  'DATA/keys.json.new': ['storage/durable-files.ts', '.new`'],
  'DATA/lock.json.new': ['storage/folder-lock.ts', '.new`'],
  'DATA.restoring-ID': ['storage/backup/restore.ts', "'restoring'"],
  'DATA.importing-ID': ['storage/transfer/import-folder.ts', "'importing'"],
  'WITNESS.new': ['storage/durable-files.ts', '.new`'],
  'REPOSITORY/lock.json': ['storage/folder-lock.ts', "'lock.json'"],
  'REPOSITORY/unfinished/ID': ['storage/backup/repository.ts', "'unfinished'"],
  'EXPORT.unfinished': ['storage/transfer/export.ts', '.unfinished`'],
};

describe('the inventory of places in which PHI and secrets rest', () => {
  it('names every table and column that the migrations make, every file that a server leaves, and no other', () => {
    expect(differences(inventory, found)).toEqual([]);
    expect(found.tables.size).toBeGreaterThan(20);
    expect(found.files.length).toBeGreaterThan(15);
  });

  it('names no file that is there for a moment only and that no code makes', () => {
    const passing = inventory.files.filter(({ isPassing }) => isPassing).map(({ pattern }) => pattern);
    expect(passing.toSorted()).toEqual(Object.keys(MAKERS).toSorted());
    for (const [file, piece] of Object.values(MAKERS)) {
      expect(readFileSync(join(ROOT, 'src', file), 'utf8')).toContain(piece);
    }
  });
});

describe('the check of the inventory', () => {
  const saidOf = (change: Partial<Inventory>, more: Partial<Found> = {}) =>
    differences({ ...inventory, ...change }, { ...found, ...more });

  it('tells a table, a column and a file that are not named', () => {
    expect(saidOf({}, { tables: new Map([...found.tables, ['notes', ['text']]]) })).toEqual([
      'the table notes is not in the inventory',
    ]);
    const tables = new Map([...found.tables].map(([name, of]) => [name, name === 'runs' ? [...of, 'remark'] : of]));
    expect(saidOf({}, { tables })).toEqual(['the column runs.remark is not in the inventory']);
    const files = [...found.files, 'DATA/dump.txt', `DATA/blobs/ab/${'c'.repeat(32)}.tmp`];
    expect(saidOf({}, { files })).toEqual(files.slice(-2).map((file) => `the file ${file} is not in the inventory`));
  });

  it('tells what is named and not there, or named twice', () => {
    const tables = new Map([...inventory.tables, ['notes', ['text']], ['jobs', ['id', 'id']]] as [string, string[]][]);
    expect(saidOf({ tables })).toEqual(
      expect.arrayContaining(['there is no table notes', 'the column jobs.id is named twice']),
    );
    const files = [...inventory.files, { pattern: 'DATA/PACK.copy', isPassing: false }];
    expect(saidOf({ files })).toEqual(['there is no file DATA/PACK.copy']);
  });

  it('takes no document without the inventory for a good one', () => {
    expect(() => readInventory('# Security\n\nAll is well.\n')).toThrow('has no table');
    const unknown = { pattern: 'DATA/WHATEVER.txt', isPassing: true };
    expect(() => saidOf({ files: [unknown] })).toThrow('nobody knows');
  });
});
