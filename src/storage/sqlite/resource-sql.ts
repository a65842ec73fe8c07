import type { ResourceQuery, SortKey } from '../../ports/index.ts';
import { assertSearchable } from '../search-limits.ts';
import type { Value } from './database.ts';
import {
  bestDriver,
  driverOf,
  matching,
  matchingEntries,
  rowTests,
  type Scope,
  type Term,
  termsOf,
} from './resource-sql-conditions.ts';
import { type Key, keysOf, orderOf, walksOf } from './resource-sql-order.ts';
import { type Bindings, createBindings } from './sql-text.ts';

export interface CompiledQuery {
  readonly sql: string;
  readonly params: readonly Value[];
}

/**
 * Up to so many candidates are sorted; where an index gives more, the answer is found by a walk along the order asked
 * for, which then meets a match soon. Which of both it is the statement finds out itself: it has the SQL for either.
 */
const FEW = 1000;

const NEWEST_FIRST: readonly SortKey[] = [{ param: '_lastUpdated', kind: 'lastUpdated', descending: true }];

/**
 * The statement of one page: rows rid, type, id, version, last_updated, method, bytes (of the text), at most `count` of them from
 * `offset` on; and the one that counts all matches, column total, when the query asks for it.
 *
 * @param few how many candidates are sorted rather than met on a walk; the answer is the same whatever it is.
 * @throws invalid-request for more alternatives than a statement should have.
 */
export function compileResourceQuery(
  site: string,
  query: ResourceQuery,
  few = FEW,
): CompiledQuery & { readonly countSql?: CompiledQuery } {
  assertSearchable(query.where);
  const page = compilePage(site, query, few);
  return query.total ? { ...page, countSql: compileCount(site, query) } : page;
}

/** A statement that gives one row when the query finds anything, in whatever order. @throws invalid-request */
export function compileExistence(site: string, query: ResourceQuery): CompiledQuery {
  assertSearchable(query.where);
  const bindings = createBindings();
  const found = matchingEntries(termsOf(query.where), { bindings, site, type: query.resourceType });
  return { sql: withDefinitions(bindings, `SELECT 1 AS found FROM (${found}) LIMIT 1`), params: bindings.values };
}

function compileCount(site: string, query: ResourceQuery): CompiledQuery {
  const bindings = createBindings();
  const found = matchingEntries(termsOf(query.where), { bindings, site, type: query.resourceType });
  return { sql: withDefinitions(bindings, `SELECT count(*) AS total FROM (${found})`), params: bindings.values };
}

const withDefinitions = ({ definitions }: Bindings, select: string): string =>
  definitions.length === 0 ? select : `WITH ${definitions.join(', ')} ${select}`;

function compilePage(site: string, query: ResourceQuery, few: number): CompiledQuery {
  const bindings = createBindings();
  const scope: Scope = { bindings, site, type: query.resourceType };
  const terms = termsOf(query.where);
  const keys = keysOf(query.sort.length === 0 ? NEWEST_FIRST : query.sort, terms);
  const upTo = bindings.bind(query.offset + query.count);
  const tables = tablesOf(terms, keys, scope, upTo, few);
  const found = tables.filter(({ isFound }) => isFound).map(({ name }) => `SELECT * FROM ${name}`);
  const order = orderOf(keys);
  const definitions = [
    ...bindings.definitions,
    ...tables.map(({ name, sql: select }) => `${name} AS MATERIALIZED (${select})`),
  ];
  const sql = `WITH ${definitions.join(', ')} SELECT r.rid, r.type, r.id, r.version, r.last_updated, r.method,
      octet_length(r.json) AS bytes
    FROM (SELECT * FROM (${found.join(' UNION ALL ')})
      ORDER BY ${order}, id LIMIT ${bindings.bind(query.count)} OFFSET ${bindings.bind(query.offset)}) found
    CROSS JOIN resources r ON r.rid = found.rid ORDER BY ${order}, found.id`;
  return { sql, params: bindings.values };
}

/** A part of the statement; what `isFound` holds are matches with their keys: k0, k1, ..., id, rid. */
interface Part {
  readonly name: string;
  readonly sql: string;
  readonly isFound: boolean;
}

function tablesOf(terms: readonly Term[], keys: readonly Key[], scope: Scope, upTo: string, few: number): Part[] {
  const driver = bestDriver(terms);
  const walks = driver?.kind === 'id' ? [] : walksOf(terms, keys, scope);
  if (walks.length === 0) return [sorted(matching(terms, scope), [], keys, scope, upTo)];
  if (!driver) return walked(walks, keys, terms, scope, upTo, '1');
  const probe = `SELECT rid FROM (${driverOf(driver, scope)}) LIMIT ${few + 1}`;
  const areFew = `(SELECT count(*) FROM probe) <= ${few}`;
  const others = terms.filter((term) => term !== driver);
  const candidates = 'SELECT DISTINCT rid FROM probe';
  return [
    { name: 'probe', sql: probe, isFound: false },
    sorted(candidates, others, keys, scope, `CASE WHEN ${areFew} THEN ${upTo} ELSE 0 END`),
    ...walked(walks, keys, terms, scope, upTo, `NOT ${areFew}`),
  ];
}

const columnsOf = (keys: readonly Key[], row: string, scope: Scope): string =>
  [...keys.map((key, index) => `${key.sqlOf(row, scope)} AS k${index}`), `${row}.id`, `${row}.rid`].join(', ');

/** The first of the candidates by their keys. */
function sorted(candidates: string, terms: readonly Term[], keys: readonly Key[], scope: Scope, limit: string): Part {
  const sql = `SELECT ${columnsOf(keys, 'r', scope)}
    FROM (${candidates}) c CROSS JOIN resources r ON r.rid = c.rid WHERE ${rowTests(terms, 'r', scope)}
    ORDER BY ${orderOf(keys)}, r.id LIMIT ${limit}`;
  return { name: 'sorted', sql, isFound: true };
}

/** The first along the index of the first key, then those that lack the key, as far as the page reaches. */
function walked(
  walks: ReturnType<typeof walksOf>,
  keys: readonly Key[],
  terms: readonly Term[],
  scope: Scope,
  upTo: string,
  condition: string,
): Part[] {
  const [first, ...others] = keys;
  const parts = walks.map(({ from, where, key }, index): Part => {
    const columns = columnsOf([{ ...first!, sqlOf: () => key }, ...others], 'r', scope);
    const sql = `SELECT ${columns} FROM ${from} WHERE ${where}
      ORDER BY ${key}${first!.descending ? ' DESC' : ''}${others.length > 0 ? `, ${orderOf(others, 1)}` : ''}, r.id
      LIMIT CASE WHEN ${condition} THEN ${upTo} ELSE 0 END`;
    return { name: `walked${index}`, sql, isFound: true };
  });
  const { missingSql } = first!;
  if (!missingSql) return parts;
  const { bindings, site, type } = scope;
  const found = parts.map(({ name }) => `(SELECT count(*) FROM ${name})`).join(' - ');
  const sql = `SELECT ${columnsOf([{ ...first!, sqlOf: () => 'NULL' }, ...others], 'r', scope)}
    FROM resources r INDEXED BY resources_updated
    WHERE r.site = ${bindings.bind(site)} AND r.type = ${bindings.bind(type)} AND ${missingSql('r', scope)}
      AND ${rowTests(terms, 'r', scope)}
    ORDER BY ${others.length > 0 ? `${orderOf(others, 1)}, ` : ''}r.id
    LIMIT CASE WHEN ${condition} THEN max(0, ${upTo} - ${found}) ELSE 0 END`;
  return [...parts, { name: 'missing', sql, isFound: true }];
}
