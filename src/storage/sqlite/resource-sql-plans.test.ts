import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import type { Bounds, Condition, ResourceQuery, SortKey } from '../../ports/index.ts';
import { type Connection, openConnection, type Value } from './database.ts';
import { migrate } from './migrate.ts';
import { compileExistence, compileResourceQuery } from './resource-sql.ts';

let folder = '';
let connection: Connection;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-search-plans-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  migrate(connection, '2026-11-24T10:00:00.000Z');
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Compiled {
  readonly sql: string;
  readonly params: readonly Value[];
}

const planOf = ({ sql, params }: Compiled): string[] =>
  connection.table(`EXPLAIN QUERY PLAN ${sql}`, params).rows.map((row) => String(row[3]));

/** Steps that walk over a whole table of the database: our own lists and intermediate results are none. */
const scansOf = (plan: readonly string[]): string[] =>
  plan.filter((step) =>
    /^SCAN (?!json_each|probe|sorted|walked\d|missing|found|c\b|t\d+$|\(subquery|CONSTANT)/.test(step),
  );

const queryOf = (where: readonly Condition[], sort: readonly SortKey[] = []): ResourceQuery => ({
  resourceType: 'Observation',
  where,
  sort,
  count: 20,
  offset: 0,
  total: true,
});
const between = (comparator: Bounds['comparator'], low: number): Bounds => ({ comparator, low, high: low + 999 });
const identifier: Condition = { kind: 'token', param: 'identifier', anyOf: [{ system: 'urn:mrn', code: '1' }] };
const code: Condition = { kind: 'token', param: 'code', anyOf: [{ system: 'http://loinc.org', code: '1' }] };
const subject: Condition = { kind: 'reference', param: 'subject', anyOf: [{ type: 'Patient', id: '1' }] };
const since: Condition = { kind: 'date', param: 'date', anyOf: [between('ge', 0)] };
const until: Condition = { kind: 'date', param: 'date', anyOf: [between('le', 9e11)] };
const family: Condition = { kind: 'string', param: 'family', match: 'starts', anyOf: ['mu'] };
const chained: Condition = { kind: 'chain', param: 'subject', type: 'Patient', where: [family] };
const newestDate: SortKey = { param: 'date', kind: 'date', descending: true };

describe('searches in a full database', () => {
  it.each<[string, readonly Condition[], readonly SortKey[], readonly string[]]>([
    ['by identifier', [identifier], [], ['index_token_code (scope=? AND code=? AND system=?)']],
    ['by subject and code', [code, subject], [], ['index_reference_target (scope=? AND target_id=?']],
    ['by dates, newest first', [since, until], [newestDate], ['index_date_low (scope=? AND low>? AND low<?)']],
    ['since a date', [since], [], ['index_date_long (scope=? AND high>?)']],
    [
      'by a chain',
      [chained],
      [],
      ['index_string_folded (scope=? AND folded>? AND folded<?)', 'index_reference_target'],
    ],
    [
      'by a chain and code',
      [code, chained],
      [newestDate],
      ['index_string_folded', 'index_reference_target', 'INTEGER PRIMARY KEY (rowid>? AND rowid<?)'],
    ],
    [
      'by what refers here',
      [{ kind: 'has', type: 'DiagnosticReport', param: 'result', where: [identifier] }],
      [],
      ['index_token_code', 'resources_key'],
    ],
    [
      'by quantity',
      [{ kind: 'quantity', param: 'value-quantity', anyOf: [between('gt', 5)] }],
      [],
      ['index_quantity_low (scope=? AND low>?)', 'index_quantity_long'],
    ],
    [
      'by address',
      [{ kind: 'uri', param: 'url', match: 'below', anyOf: ['http://a'] }],
      [],
      ['index_uri_value (scope=? AND value>? AND value<?)'],
    ],
    [
      'by an address referred to',
      [{ kind: 'reference', param: 'subject', anyOf: [{ url: 'http://a' }] }],
      [],
      ['index_reference_url'],
    ],
    [
      'by identifier referred to',
      [{ kind: 'referenceIdentifier', param: 'subject', anyOf: [{ code: '1' }] }],
      [],
      ['index_reference_identifier'],
    ],
    [
      'by time of update',
      [{ kind: 'lastUpdated', anyOf: [between('gt', 0)] }],
      [newestDate],
      ['resources_updated (site=? AND type=? AND last_updated>?)'],
    ],
    ['by id', [{ kind: 'id', anyOf: ['1', '2'] }], [], ['resources_key (site=? AND type=? AND id=?)']],
    ['without a condition', [], [], ['resources_updated (site=? AND type=?)']],
    ['without a condition, by date', [], [newestDate], ['index_date_low (scope=?)']],
    [
      'by what is not',
      [{ ...code, not: true } as Condition],
      [newestDate],
      ['index_date_low', 'INTEGER PRIMARY KEY (rowid>? AND rowid<?)'],
    ],
  ])('find their page %s by an index', (_, where, sort, indexes) => {
    const query = queryOf(where, sort);
    const compiled = compileResourceQuery('main', query);
    for (const statement of [compiled, compiled.countSql!, compileExistence('main', query)]) {
      expect(scansOf(planOf(statement))).toEqual([]);
    }
    const plan = planOf(compiled).join('\n');
    for (const index of indexes) expect(plan).toContain(index);
  });

  it('walk along the dates without sorting them', () => {
    const plan = planOf(compileResourceQuery('main', queryOf([code, since, until], [newestDate])));
    const walk = plan.slice(plan.indexOf('MATERIALIZE walked0') + 1, plan.indexOf('MATERIALIZE walked1'));
    expect(walk.filter((step) => /^SEARCH t\d+ USING (COVERING )?INDEX index_date_low/.test(step))).toHaveLength(1);
    // Equal dates alone are sorted, by id.
    const sorts = walk.filter((step) => step.includes('TEMP B-TREE'));
    expect(sorts).toEqual([expect.stringMatching(/FOR (LAST TERM|RIGHT PART) OF ORDER BY/)]);
  });

  it('take the same text for any number of alternatives of a code, so that it is prepared once', () => {
    const sqlOf = (count: number): string => {
      const anyOf = Array.from({ length: count }, (_, i) => ({ system: 'urn:s', code: `${i}` }));
      return compileResourceQuery('main', queryOf([{ kind: 'token', param: 'code', anyOf }])).sql;
    };
    expect(sqlOf(5000)).toBe(sqlOf(2));
  });
});
