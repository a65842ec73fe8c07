import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { applyGroup } from './apply-operations.ts';
import { openCommitLog } from './commit-log.ts';
import { type Connection, openConnection, refreshStatistics } from './database.ts';
import { migrate, planMigrations } from './migrate.ts';

const AT = '2026-11-24T10:00:00.000Z';
let folder = '';
let connection: Connection;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-migrate-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const count = (table: string): unknown => connection.table(`SELECT count(*) FROM ${table}`).rows[0]![0];

describe('migrate', () => {
  it('applies each step once, in order', () => {
    const steps = ['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1)'];
    migrate(connection, AT, steps);
    migrate(connection, AT, [...steps, 'INSERT INTO a VALUES (2)']);
    expect([count('a'), count('migrations')]).toEqual([2, 3]);
  });

  it('leaves nothing of a step that fails', () => {
    const steps = ['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (2)'];
    expect(() => migrate(connection, AT, steps)).toThrow('nowhere');
    expect([count('a'), count('migrations')]).toEqual([0, 1]);
  });

  it('refuses a database with more steps than it knows', () => {
    migrate(connection, AT, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)']);
    expect(() => migrate(connection, AT, ['CREATE TABLE a (x)'])).toThrow('newer version');
  });
});

describe('planMigrations', () => {
  it('tells which steps are due and how long they take, and changes nothing', () => {
    const steps = ['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1)', 'CREATE INDEX b ON a (x)'];
    expect(planMigrations(connection, steps).steps.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(connection.table('SELECT name FROM sqlite_master').rows).toEqual([]);
    migrate(connection, AT, steps.slice(0, 1));
    const plan = planMigrations(connection, steps);
    expect(plan).toMatchObject({ current: 1, newest: 3, steps: [{ number: 2 }, { number: 3 }] });
    expect(plan.steps.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(count('a')).toBe(0);
    migrate(connection, AT, steps);
    expect(planMigrations(connection, steps)).toEqual({ current: 3, newest: 3, steps: [] });
  });

  it('fails as the step would, and takes back those before it', () => {
    migrate(connection, AT, ['CREATE TABLE a (x)']);
    const steps = ['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1)', 'INSERT INTO nowhere VALUES (2)'];
    expect(() => planMigrations(connection, steps)).toThrow('nowhere');
    expect([count('a'), count('migrations'), connection.inTransaction]).toEqual([0, 1, false]);
  });

  it('refuses a database of a newer version', () => {
    migrate(connection, AT, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)']);
    expect(() => planMigrations(connection, ['CREATE TABLE a (x)'])).toThrow('newer version');
  });
});

describe('applyGroup', () => {
  const writing = () => ({ connection, log: openCommitLog(connection, TEST_DATA_KEYS.rowMac) });
  beforeEach(() => {
    migrate(connection, AT);
    connection.exec('CREATE TABLE t (x INTEGER UNIQUE)');
  });

  it('names a statement that cannot be carried out as a defect of that request alone', () => {
    const answers = applyGroup(writing(), [
      { id: 1, operations: [['INSERT INTO t VALUES (?)', [1], 'rowid']] },
      { id: 2, operations: [['INSERT INTO nowhere VALUES (?)', [1]]] },
      { id: 3, operations: [['SELECT x FROM t', [], 'rows']] },
    ]);
    expect(answers).toMatchObject([
      { id: 1, results: [1] },
      { id: 2, refused: 'defect' },
      { id: 3, results: [{ columns: ['x'], rows: [[1]] }] },
    ]);
  });

  it('passes over what depends on a row that was not added', () => {
    const add = ['INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING', [], { elsePass: 1 }] as const;
    const operations = [add, ['INSERT INTO t VALUES (2)', []], ['INSERT INTO t VALUES (3)', [], 'changes']] as const;
    expect(applyGroup(writing(), [{ id: 1, operations }])).toEqual([{ id: 1, results: [1] }]);
    connection.exec('DELETE FROM t WHERE x > 1');
    expect(applyGroup(writing(), [{ id: 2, operations }])).toEqual([{ id: 2, results: [1] }]);
    expect(connection.table('SELECT x FROM t ORDER BY x').rows).toEqual([[1], [3]]);
  });

  it('answers overloaded while another process holds the database, and applies nothing', () => {
    const other = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
    other.exec('BEGIN IMMEDIATE');
    const requests = [1, 2].map((id) => ({ id, operations: [['INSERT INTO t VALUES (?)', [id]] as const] }));
    expect(applyGroup(writing(), requests)).toMatchObject([
      { id: 1, refused: 'overloaded' },
      { id: 2, refused: 'overloaded' },
    ]);
    refreshStatistics(connection);
    other.close();
    expect(applyGroup(writing(), requests)).toEqual([
      { id: 1, results: [] },
      { id: 2, results: [] },
    ]);
  });
});
