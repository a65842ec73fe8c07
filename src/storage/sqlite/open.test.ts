import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import Libsql from 'libsql';
import { describeApiKeys } from '../../../test/contract/api-keys.contract.ts';
import { describeAuditLog } from '../../../test/contract/audit-log.contract.ts';
import { describeChanges } from '../../../test/contract/changes.contract.ts';
import { describeDocuments } from '../../../test/contract/documents.contract.ts';
import { describeJobRepository } from '../../../test/contract/job-repository.contract.ts';
import { describeLedger } from '../../../test/contract/ledger.contract.ts';
import { describeOutbox } from '../../../test/contract/outbox.contract.ts';
import { describePacks } from '../../../test/contract/packs.contract.ts';
import { describeRemovals } from '../../../test/contract/removals.contract.ts';
import { describeRetentionReader } from '../../../test/contract/retention-reader.contract.ts';
import { describeRuns } from '../../../test/contract/runs.contract.ts';
import { describeSeen } from '../../../test/contract/seen.contract.ts';
import { auditRow, patientVersion, runRow } from '../../../test/contract/store-rows.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { openConnection } from './database.ts';
import { openSqliteStore, type SqliteOptions, type SqliteStore } from './open.ts';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-sqlite-'));
  folders.push(folder);
  return folder;
};
const clock = { now: () => new Date('2026-11-24T10:00:00.000Z') };
const open = (options: Partial<SqliteOptions> = {}): Promise<SqliteStore> =>
  openSqliteStore({ dataDir: newFolder(), clock, keys: TEST_DATA_KEYS, readerThreads: 1, ...options });
const site = 'main';

let shared: Promise<SqliteStore> | undefined;
/** One store for all suites: every test has a site of its own, and threads take their time to start. */
const openShared = async (): Promise<SqliteStore> => {
  shared ??= open();
  return { ...(await shared), close: async () => undefined };
};
afterAll(async () => {
  await (await shared)?.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describeLedger('sqlite', openShared);
describeRuns('sqlite', openShared);
describeOutbox('sqlite', openShared);
describeApiKeys('sqlite', openShared);
describeAuditLog('sqlite', openShared);
describeSeen('sqlite', openShared);
describeChanges('sqlite', openShared);
describeDocuments('sqlite', openShared);
describePacks('sqlite', openShared);
describeRemovals('sqlite', openShared);
describeRetentionReader('sqlite', openShared);
describeJobRepository('sqlite', async () => {
  let now = clock.now();
  const store = await open({ clock: { now: () => now } });
  return {
    jobs: store.jobs,
    setNow: (moment) => {
      now = moment;
    },
    close: () => store.close(),
  };
});

describe('openSqliteStore', () => {
  it('keeps everything over a restart, in files that only their owner can read', async () => {
    const dataDir = join(newFolder(), 'made', 'for it');
    const first = await open({ dataDir });
    const { sequence } = await first.ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('p', 1) }] });
    for (const file of readdirSync(dataDir)) expect(statSync(join(dataDir, file)).mode & 0o077).toBe(0);
    await first.close();
    const second = await open({ dataDir });
    expect((await second.resources.get(site, 'Patient', 'p'))!.versionId).toBe(1);
    expect((await second.ledger.commit({ site })).sequence).toBe(sequence + 1);
    await second.close();
    // The log is folded into the file, which alone is then enough.
    const sizes = readdirSync(dataDir).map((file) => [file, statSync(join(dataDir, file)).size > 0]);
    expect(Object.fromEntries(sizes)).toMatchObject({ 'neuroinsight.sqlite': true });
    expect(Object.fromEntries(sizes)['neuroinsight.sqlite-wal'] ?? false).toBe(false);
  });

  it('refuses a database that a newer version has written', async () => {
    const dataDir = newFolder();
    await (await open({ dataDir })).close();
    const connection = openConnection(join(dataDir, 'neuroinsight.sqlite'), {
      key: TEST_DATA_KEYS.database,
      busyMilliseconds: 0,
    });
    connection.run('INSERT INTO migrations (number, at) VALUES (1000, ?)', ['2030-01-01T00:00:00.000Z']);
    connection.close();
    await expect(open({ dataDir })).rejects.toMatchObject({ kind: 'invalid-configuration' });
  });

  it('refuses what does not fit the disk and goes on reading and writing what does', async () => {
    const store = await open({ maxPages: 250 });
    await store.ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('before', 1) }] });
    const large = patientVersion('large', 1, 'x'.repeat(2_000_000));
    const settled = await Promise.allSettled([
      store.ledger.commit({ site, audit: [auditRow('1')] }),
      store.ledger.commit({ site, resources: [{ expected: 0, row: large }], audit: [auditRow('2')] }),
      store.ledger.commit({ site, audit: [auditRow('3')] }),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((settled[1] as PromiseRejectedResult).reason).toMatchObject({ kind: 'storage-full' });
    expect(await store.resources.get(site, 'Patient', 'large')).toBeUndefined();
    expect((await store.audit.search(site, { count: 10, offset: 0 })).rows.map(({ id }) => id)).toEqual(['3', '1']);
    expect(await store.resources.get(site, 'Patient', 'before')).toBeDefined();
    await store.close();
  });

  it('refuses text with a NUL and values of a wrong type, which the native code would not survive', async () => {
    const store = await open();
    const nul = store.ledger.commit({ site, runs: [{ expected: 0, row: runRow('a\0b') }] });
    await expect(nul).rejects.toMatchObject({ kind: 'invalid-request' });
    const row = { ...runRow('r'), key: true as unknown as string };
    await expect(store.ledger.commit({ site, runs: [{ expected: 0, row }] })).rejects.toThrow('type boolean');
    await expect(store.runs.get(site, 'a\0b')).rejects.toMatchObject({ kind: 'invalid-request' });
    const search = store.audit.search(site, { count: 1, offset: 0, agent: 'a\0b' });
    await expect(search).rejects.toMatchObject({ kind: 'invalid-request' });
    expect((await store.runs.list(site, { limit: 1, offset: 0 })).total).toBe(0);
    await store.close();
  });

  it('refuses more writes at once than it can keep waiting', async () => {
    const store = await open();
    const writes = Array.from({ length: 5_000 }, () => store.ledger.commit({ site }));
    const settled = await Promise.allSettled(writes);
    const refused = settled.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => (reason as { kind: string }).kind === 'overloaded')).toBe(true);
    await store.ledger.commit({ site });
    await store.close();
  });

  it('tells how long each commit took and how many shared its sync', async () => {
    const told: [seconds: number, grouped: number][] = [];
    const store = await open({ metrics: { commit: (seconds, grouped) => told.push([seconds, grouped]) } });
    await Promise.all(Array.from({ length: 50 }, () => store.ledger.commit({ site })));
    expect(told).toHaveLength(50);
    expect(told.every(([seconds]) => seconds > 0)).toBe(true);
    expect(Math.max(...told.map(([, grouped]) => grouped))).toBeGreaterThan(1);
    await store.close();
  });

  it('answers what was submitted before it closes, and nothing afterwards', async () => {
    const store = await open();
    const last = store.ledger.commit({ site, audit: [auditRow('last')] });
    await store.close();
    expect((await last).sequence).toBe(1);
    await expect(store.ledger.commit({ site })).rejects.toThrow('closed');
    await expect(store.runs.get(site, 'r')).rejects.toThrow('closed');
    await expect(store.runs.list(site, { limit: 1, offset: 0 })).rejects.toThrow('closed');
    await store.close();
  });

  it('has every commit that it acknowledged before its process was killed', async () => {
    const dataDir = newFolder();
    const acknowledged = await commitUntilKilled(dataDir, 200);
    const store = await open({ dataDir });
    for (const id of acknowledged) {
      expect((await store.resources.get(site, 'Patient', id))?.versionId).toBe(1);
      expect((await store.audit.get(site, id))?.id).toBe(id);
    }
    // Whole or not at all: what was in flight has both of its parts or none.
    const audited = await store.audit.search(site, { count: 100_000, offset: 0 });
    const stored = await store.resources.history(site, { count: 1, offset: 0 });
    expect(stored.total).toBe(audited.total);
    expect(audited.total).toBeGreaterThanOrEqual(acknowledged.length);
    await store.close();
  });
});

/** Ids that a child printed after their commits, until it was killed in the middle of its work. */
function commitUntilKilled(dataDir: string, enough: number): Promise<readonly string[]> {
  const script = fileURLToPath(new URL('../../../test/harness/commit-until-killed.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('latin1');
    if (printed.split('\n').length > enough) child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // The last line may be half a line; what stands before a line feed was printed whole.
    child.on('close', () => resolve(printed.split('\n').slice(0, -1)));
  });
}

describe('a data folder that cannot be used', () => {
  const refusal = (message: string) => ({ kind: 'invalid-configuration', message });

  it('is told in a line with the code of the system and without a path', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const message = expect.stringMatching(/^the data folder cannot be made or written \((ENOTDIR|ENOENT)\)$/);
    await expect(open({ dataDir: file })).rejects.toMatchObject({ kind: 'invalid-configuration', message });
    await expect(open({ dataDir: join(file, 'deeper') })).rejects.toMatchObject({ message });
    // Where nothing can be made although nothing is in the way.
    await expect(open({ dataDir: '/proc/none/deeper' })).rejects.toMatchObject({ message });
  });

  it('is told apart from a database of another key, a clear one and none at all', async () => {
    const [dataDir, clear, damaged] = [newFolder(), newFolder(), newFolder()];
    await (await open({ dataDir })).close();
    new Libsql(join(clear, 'neuroinsight.sqlite')).exec('CREATE TABLE t (x)');
    writeFileSync(join(damaged, 'neuroinsight.sqlite'), 'x'.repeat(8192));
    const wrong = {
      kind: 'wrong-key',
      message: expect.stringMatching(/^the database was enciphered with another key/),
    };
    const keys = { ...TEST_DATA_KEYS, database: '0'.repeat(64) };
    await expect(open({ dataDir, keys })).rejects.toMatchObject(wrong);
    await expect(open({ dataDir: clear })).rejects.toMatchObject(wrong);
    await expect(open({ dataDir: damaged })).rejects.toMatchObject(wrong);
    await (await open({ dataDir })).close();
  });

  it('is told apart from a folder in the place of the file', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'neuroinsight.sqlite'));
    await expect(open({ dataDir: folder })).rejects.toMatchObject(
      refusal('the data folder cannot be made or written (EISDIR)'),
    );
  });
});
