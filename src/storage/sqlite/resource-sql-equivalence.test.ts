import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { versionOf } from '../../../test/contract/resource-searches.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { foldText } from '../../domain/fold-text.ts';
import type { Bounds, Condition, IndexEntry, ResourceQuery, SortKey } from '../../ports/index.ts';
import { matchResources } from '../memory/resource-match.ts';
import type { IndexedResource } from '../memory/tables.ts';
import { applyRequest } from './apply-operations.ts';
import { openCommitLog } from './commit-log.ts';
import { type Connection, openConnection } from './database.ts';
import { migrate } from './migrate.ts';
import { planResource } from './plan-resource.ts';
import { compileExistence, compileResourceQuery } from './resource-sql.ts';

/** Few values, so that they meet: beginnings of each other, points and periods long and short, ends that are equal. */
const words = fc.constantFrom('a', 'ab', 'b', '%', 'é', '\u{10ffff}');
const DAY = 86_400_000;
const moments = fc.constantFrom(0, 1, DAY, DAY + 1, 3 * DAY, 10 * DAY);
const spans = fc.tuple(moments, moments);
const params = fc.constantFrom('p', 'q');
const ids = fc.constantFrom('1', '2', '3', '4');
const types = fc.constantFrom('Observation', 'Patient');

const entries: fc.Arbitrary<IndexEntry> = fc.oneof(
  fc.record(
    { kind: fc.constant('token'), param: params, system: words, code: words },
    { requiredKeys: ['kind', 'param'] },
  ),
  fc
    .record({ kind: fc.constant('string'), param: params, value: words })
    .map((one) => ({ ...one, folded: foldText(one.value) })),
  // Some end before they begin: nothing keeps a client from writing that.
  fc.tuple(params, spans).map(([param, [low, high]]) => ({ kind: 'date' as const, param, low, high })),
  fc
    .tuple(params, spans, words)
    .map(([param, [low, high], code]) => ({ kind: 'quantity' as const, param, low, high, code })),
  fc.record({ kind: fc.constant('reference'), param: params, type: types, id: ids }),
  fc.record({ kind: fc.constant('uri'), param: params, value: words }),
) as fc.Arbitrary<IndexEntry>;

const resources = fc.uniqueArray(
  fc.record({
    type: types,
    id: ids,
    lastUpdated: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'),
    index: fc.array(entries, { maxLength: 8 }),
    isDeleted: fc.nat({ max: 9 }).map((n) => n === 0),
  }),
  { selector: ({ type, id }) => `${type}/${id}`, maxLength: 8 },
);

const bounds: fc.Arbitrary<Bounds> = fc
  .tuple(fc.constantFrom('eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'), spans)
  .map(([comparator, ends]) => ({ comparator, low: Math.min(...ends), high: Math.max(...ends) }) as Bounds);
const tokens = fc.array(fc.record({ system: fc.oneof(words, fc.constant('')), code: words }, { requiredKeys: [] }), {
  maxLength: 3,
});
const list = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 1, maxLength: 3 });
const target = fc.record({ type: types, id: ids }, { requiredKeys: ['id'] });

const conditions = fc.letrec<{ any: Condition; plain: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('plain'),
    fc.record({
      kind: fc.constant('chain'),
      param: params,
      type: types,
      where: list(tie('any')),
    }) as fc.Arbitrary<Condition>,
    fc.record({
      kind: fc.constant('has'),
      param: params,
      type: types,
      where: list(tie('any')),
    }) as fc.Arbitrary<Condition>,
  ),
  plain: fc.oneof(
    fc.record({ kind: fc.constant('id'), anyOf: list(ids) }),
    fc.record({
      kind: fc.constant('lastUpdated'),
      anyOf: list(
        bounds.map((one) => ({ ...one, low: Date.UTC(2026, 0, 1) + one.low, high: Date.UTC(2026, 0, 1) + one.high })),
      ),
    }),
    fc.record({ kind: fc.constant('token'), param: params, anyOf: tokens, not: fc.boolean() }),
    fc.record({
      kind: fc.constant('string'),
      param: params,
      anyOf: list(words),
      match: fc.constantFrom('starts', 'exact', 'contains'),
    }),
    fc.record({ kind: fc.constant('date'), param: params, anyOf: list(bounds) }),
    fc.record({
      kind: fc.constant('quantity'),
      param: params,
      anyOf: list(
        fc
          .tuple(bounds, fc.option(words, { nil: undefined }))
          .map(([one, code]) => ({ ...one, ...(code !== undefined && { code }) })),
      ),
    }),
    fc.record({ kind: fc.constant('reference'), param: params, anyOf: list(target) }),
    fc.record({
      kind: fc.constant('uri'),
      param: params,
      anyOf: list(words),
      match: fc.constantFrom('exact', 'below'),
    }),
    fc.record({ kind: fc.constant('missing'), param: params, missing: fc.boolean() }),
  ) as fc.Arbitrary<Condition>,
})).any;

const keys = fc.uniqueArray(
  fc.record({
    param: params,
    kind: fc.constantFrom('id', 'lastUpdated', 'date', 'string', 'token', 'quantity', 'uri', 'reference'),
    descending: fc.boolean(),
  }) as fc.Arbitrary<SortKey>,
  { maxLength: 2, selector: ({ kind, param }) => `${kind}${param}` },
);

const queries: fc.Arbitrary<ResourceQuery> = fc.record({
  resourceType: types,
  where: fc.array(conditions, { maxLength: 3 }),
  sort: keys,
  count: fc.integer({ min: 1, max: 4 }),
  offset: fc.integer({ min: 0, max: 4 }),
  total: fc.constant(true),
});

let folder = '';
let connection: Connection;
let site = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-equivalence-'));
  connection = openConnection(join(folder, 'test.sqlite'), { key: TEST_DATA_KEYS.database, busyMilliseconds: 0 });
  migrate(connection, '2026-11-24T10:00:00.000Z');
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Stores the resources in a site of their own, as a commit does; gives what the memory store holds of them. */
function stored(given: typeof resources extends fc.Arbitrary<infer T> ? T : never): IndexedResource[] {
  site++;
  return given.map(({ isDeleted, ...searchable }) => {
    const version = versionOf(searchable);
    const row = isDeleted ? { ...version, resource: undefined, index: [], method: 'DELETE' as const } : version;
    const operations = planResource(String(site), { expected: 0, row }, TEST_DATA_KEYS.rowMac);
    applyRequest({ connection, log: openCommitLog(connection, TEST_DATA_KEYS.rowMac) }, { id: 1, operations });
    const { resourceType, id, versionId, lastUpdated, method, index } = row;
    const json = row.resource && JSON.stringify(row.resource);
    return { stored: { resourceType, id, versionId, lastUpdated, method, json }, index };
  });
}

describe('the statement of a search', () => {
  it('gives what a look at every resource gives, whether it sorts its matches or walks along an index', () => {
    fc.assert(
      fc.property(resources, fc.array(queries, { minLength: 1, maxLength: 20 }), (given, asked) => {
        connection.exec('BEGIN');
        try {
          const held = stored(given);
          for (const query of asked) {
            const expected = matchResources(held, query);
            const ids = expected.rows.map(({ id }) => id);
            for (const few of [0, 1, 1000]) {
              const { sql, params: values, countSql } = compileResourceQuery(String(site), query, few);
              expect(connection.table(sql, values).rows.map((row) => row[2])).toEqual(ids);
              expect(connection.table(countSql!.sql, countSql!.params).rows).toEqual([[expected.total]]);
            }
            const existence = compileExistence(String(site), query);
            expect(connection.table(existence.sql, existence.params).rows.length).toBe(Math.min(1, expected.total!));
          }
        } finally {
          connection.exec('ROLLBACK');
        }
      }),
      { numRuns: 40 },
    );
  });
});
