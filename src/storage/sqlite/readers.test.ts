import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { type Connection, openConnection } from './database.ts';
import { type Readers, startReaders } from './readers.ts';
import { startWriter } from './writer.ts';

let folder = '';
let path = '';
let connection: Connection;
let readers: Readers;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-readers-'));
  path = join(folder, 'test.sqlite');
  connection = openConnection(path, { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  connection.exec(
    "CREATE TABLE t (x INTEGER, y TEXT); INSERT INTO t VALUES (1, 'a'), (2, NULL); CREATE TABLE u (x INTEGER)",
  );
  readers = await startReaders({ path, key: TEST_DATA_KEYS.database, rowMac: TEST_DATA_KEYS.rowMac }, 2);
});
afterAll(async () => {
  await readers.close();
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('startReaders', () => {
  it('gives rows by column and nothing that the driver adds to them', async () => {
    expect(await readers.all('SELECT * FROM t WHERE x > ? ORDER BY x', [0])).toEqual([
      { x: 1, y: 'a' },
      { x: 2, y: null },
    ]);
    expect(Object.keys((await readers.point('SELECT * FROM t WHERE x = ?', [2]))!)).toEqual(['x', 'y']);
    expect(await readers.point('SELECT * FROM t WHERE x = ?', [3])).toBeUndefined();
  });

  it('answers queries that belong together in their order', async () => {
    const queries = [
      { sql: 'SELECT y FROM t WHERE x = ?', params: [1] },
      { sql: 'SELECT count(*) AS total FROM t', params: [] },
    ];
    expect(await readers.together(queries)).toEqual([[{ y: 'a' }], [{ total: 2 }]]);
  });

  it('tells of a query that cannot be carried out and answers the next', async () => {
    await expect(readers.all('SELECT x FROM nowhere', [])).rejects.toThrow('nowhere');
    const together = readers.together([
      { sql: 'SELECT 1', params: [] },
      { sql: 'SELECT x FROM nowhere', params: [] },
    ]);
    await expect(together).rejects.toThrow('nowhere');
    await expect(readers.point('SELECT x FROM nowhere', [])).rejects.toThrow('nowhere');
    for (let number = 0; number < 4; number++) expect(await readers.all('SELECT x FROM t', [])).toHaveLength(2);
  });

  it('never writes', async () => {
    await expect(readers.all('DELETE FROM t RETURNING x', [])).rejects.toThrow(/readonly/);
    await expect(readers.point('DELETE FROM t RETURNING x', [])).rejects.toThrow(/readonly/);
    expect(await readers.all('SELECT x FROM t', [])).toHaveLength(2);
  });

  it('sees a commit as soon as it is there', async () => {
    for (let number = 1; number < 11; number++) {
      connection.run('INSERT INTO u VALUES (?)', [number]);
      expect(await readers.point('SELECT x FROM u WHERE x = ?', [number])).toEqual({ x: number });
      expect(await readers.all('SELECT x FROM u', [])).toHaveLength(number);
    }
  });

  it('refuses more queries at once than it can keep waiting', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 3_000 }, () => readers.all('SELECT x FROM t', [])));
    const refused = settled.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => (reason as { kind: string }).kind === 'overloaded')).toBe(true);
    expect(await readers.all('SELECT x FROM t', [])).toHaveLength(2);
  });

  it('answers what was asked before it closes', async () => {
    const others = await startReaders({ path, key: TEST_DATA_KEYS.database, rowMac: TEST_DATA_KEYS.rowMac }, 1);
    const asked = others.all('SELECT x FROM t', []);
    await others.close();
    expect(await asked).toHaveLength(2);
    await expect(others.all('SELECT x FROM t', [])).rejects.toThrow('closed');
  });

  it('does not start where there is no folder, and neither does a writer', async () => {
    const nowhere = join(folder, 'none', 'test.sqlite');
    await expect(
      startReaders({ path: nowhere, key: TEST_DATA_KEYS.database, rowMac: TEST_DATA_KEYS.rowMac }, 1),
    ).rejects.toThrow();
    await expect(
      startWriter(
        {
          path: nowhere,
          options: { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 },
          rowMac: TEST_DATA_KEYS.rowMac,
        },
        undefined,
      ),
    ).rejects.toThrow();
  });
});
