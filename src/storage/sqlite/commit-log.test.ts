import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { auditRow, instanceRow, patientVersion } from '../../../test/contract/store-rows.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import type { Commit } from '../../ports/index.ts';
import { applyGroup } from './apply-operations.ts';
import { chainOf, openCommitLog, studyChangeMac } from './commit-log.ts';
import { type Connection, openConnection, type Row, rowsOf } from './database.ts';
import { migrate } from './migrate.ts';
import type { WriteAnswer } from './operation.ts';
import { planCommit } from './plan-commit.ts';
import { compileExistence } from './resource-sql.ts';
import { sqlOf } from './statements.ts';

const AT = '2026-11-24T10:00:00.000Z';
const key = TEST_DATA_KEYS.rowMac;
let folder = '';
let connection: Connection;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-commit-log-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  migrate(connection, AT);
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const rows = (sql: string): Row[] => rowsOf(connection.table(sql));

function commitAll(commits: readonly Omit<Commit, 'site'>[], log = openCommitLog(connection, key)): WriteAnswer[] {
  const requests = commits.map((commit, id) => ({
    id,
    commit: { site: 'main', at: AT },
    operations: planCommit({ site: 'main', ...commit }, key, compileExistence),
  }));
  return applyGroup({ connection, log }, requests);
}

const patient = (id: string, version = 1) => ({ expected: version - 1, row: patientVersion(id, version) });
const instance = (uid: string) => instanceRow({ study: '1.2', series: '1.2.1', uid });

/** The chain made anew from what the tables say. */
function chainsOfRows(): string[] {
  let chain = '';
  return rows('SELECT sequence, site, at FROM commits ORDER BY sequence').map(({ sequence, site, at }) => {
    const changes = rows(`SELECT mac FROM changes WHERE sequence = ${sequence} ORDER BY ordinal`);
    const macs = changes.map(({ mac }) => String(mac));
    chain = chainOf(key, chain, { sequence: Number(sequence), site: String(site), at: String(at), macs });
    return chain;
  });
}

describe('the log of commits', () => {
  it('chains every commit to all before it, over the MACs of what it changed', () => {
    commitAll([{ resources: [patient('a'), patient('b')] }, { audit: [auditRow('x')] }]);
    commitAll([{ resources: [patient('a', 2)], instances: [instance('1.2.1.1'), instance('1.2.1.2')] }]);
    expect(rows('SELECT chain FROM commits ORDER BY sequence').map(({ chain }) => chain)).toEqual(chainsOfRows());
    const [first] = rows("SELECT mac FROM resource_versions WHERE id = 'a' ORDER BY version");
    expect(rows('SELECT mac FROM changes WHERE sequence = 1 AND ordinal = 0')).toEqual([first]);
    const macs = rows('SELECT mac FROM instances ORDER BY iid').map(({ mac }) => String(mac));
    expect(rows("SELECT version, mac FROM changes WHERE kind = 'study'")).toEqual([
      { version: 2, mac: studyChangeMac(macs) },
    ]);
  });

  it('has no gap where one of a group was refused', () => {
    const answers = commitAll([
      { resources: [patient('a')] },
      { resources: [patient('b'), patient('a')] },
      { resources: [patient('c')] },
    ]);
    expect(answers).toMatchObject([{ results: [1] }, { refused: 'conflict' }, { results: [2] }]);
    expect(rows('SELECT chain FROM commits ORDER BY sequence').map(({ chain }) => chain)).toEqual(chainsOfRows());
    expect(rows('SELECT key FROM changes ORDER BY sequence').map((row) => row.key)).toEqual(['Patient/a', 'Patient/c']);
  });

  it('stands where it stood when a transaction is lost', () => {
    const log = openCommitLog(connection, key);
    commitAll([{ resources: [patient('a')] }], log);
    const { head } = log;
    const other = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
    other.exec('BEGIN IMMEDIATE');
    expect(commitAll([{ resources: [patient('b')] }], log)).toMatchObject([{ refused: 'overloaded' }]);
    other.close();
    expect(log.head).toEqual(head);
    expect(openCommitLog(connection, key).head).toEqual(head);
  });
});

describe('removals', () => {
  it('find what they take by an index', () => {
    const operations = planCommit(
      {
        site: 'main',
        removals: {
          studies: ['1.2'],
          instances: [{ studyInstanceUid: '1.2', sopInstanceUid: '1.2.1.1' }],
          resources: [{ resourceType: 'Patient', id: 'a' }],
          runsOfStudies: ['1.2'],
          auditBefore: AT,
          counted: [{ studyInstanceUid: '1.2', instances: 1 }],
          packs: ['p'],
        },
      },
      key,
      compileExistence,
    );
    const plans = operations.map(([name, params]) =>
      connection.table(`EXPLAIN QUERY PLAN ${sqlOf(name)}`, params).rows.map((row) => String(row[3])),
    );
    expect(plans.flat().filter((step) => step.startsWith('SEARCH')).length).toBeGreaterThan(operations.length / 2);
    expect(plans.flat().filter((step) => /^SCAN (?!list\b|concerned\b|CONSTANT|\(subquery)/.test(step))).toEqual([]);
  });
});
