import type { Bounds, Condition } from '../../ports/index.ts';
import { isOfResource, resourceOf, scopeOf } from './index-scope.ts';
import { everyBoundsTest, hullOf, hullOfAll, instantTest, type SpanRange, spanRanges } from './resource-sql-bounds.ts';
import { anyEntryTest, type EntryCondition, entryTests, rankOfEntries, TABLE_OF } from './resource-sql-entries.ts';
import { all, any, type Bindings, isOneOf } from './sql-text.ts';

type Of<Kind extends Condition['kind']> = Extract<Condition, { kind: Kind }>;

/** All date conditions on one parameter: one value of the resource must meet them together. */
export interface DateTerm {
  readonly kind: 'dates';
  readonly param: string;
  readonly lists: readonly (readonly Bounds[])[];
}

export type Term = Exclude<Condition, Of<'date'>> | DateTerm;

/** Where and for what a part of the statement looks. */
export interface Scope {
  readonly bindings: Bindings;
  readonly site: string;
  readonly type: string;
}

const INDEX_TABLES = ['index_token', 'index_string', 'index_date', 'index_quantity', 'index_reference', 'index_uri'];

export function termsOf(where: readonly Condition[]): Term[] {
  const dates = new Map<string, (readonly Bounds[])[]>();
  const terms: Term[] = [];
  for (const condition of where) {
    if (condition.kind !== 'date') {
      terms.push(condition);
      continue;
    }
    const lists = dates.get(condition.param);
    if (lists) lists.push(condition.anyOf);
    else dates.set(condition.param, [condition.anyOf]);
  }
  return [...terms, ...[...dates].map(([param, lists]): DateTerm => ({ kind: 'dates', param, lists }))];
}

/** The entry is one of the scope's site and type and of the parameter: where the indexes begin. */
export const isKeyOf = (entry: string, { bindings, site, type }: Scope, param: string): string =>
  `${entry}.scope = ${bindings.bind(scopeOf(site, type, param))}`;

/** The same among the entries of one resource. */
export const isKeyOfResource = (entry: string, rid: string, scope: Scope, param: string): string =>
  `${isOfResource(entry, rid)} AND ${isKeyOf(entry, scope, param)}`;

/**
 * True or false for the row `row` of resources, which is of the scope's type.
 *
 * @param rid by which its entries are found: a column of another table of the statement may be at hand before the row.
 */
export function testOf(term: Term, row: string, scope: Scope, rid = `${row}.rid`): string {
  const { bindings } = scope;
  const entry = bindings.alias();
  const exists = (table: string, param: string, test: string): string =>
    `EXISTS (SELECT 1 FROM ${table} ${entry} NOT INDEXED
      WHERE ${isKeyOfResource(entry, rid, scope, param)} AND ${test})`;
  switch (term.kind) {
    case 'id':
      return isOneOf(`${row}.id`, term.anyOf, bindings);
    case 'lastUpdated':
      return instantTest(`${row}.last_updated`, term.anyOf, bindings);
    case 'dates':
      return exists('index_date', term.param, everyBoundsTest(entry, term.lists, bindings));
    case 'missing': {
      const found = any(INDEX_TABLES.map((table) => exists(table, term.param, '1')));
      return term.missing ? `NOT ${found}` : found;
    }
    case 'chain':
      return chainTest(term, rid, scope);
    case 'has':
      return hasTest(term, row, scope);
    default: {
      const found = exists(TABLE_OF[term.kind], term.param, anyEntryTest(term, entry, bindings));
      return term.kind === 'token' && term.not ? `NOT ${found}` : found;
    }
  }
}

/** The row is one of the scope's site and type that is not deleted and meets every term. */
export const rowTests = (terms: readonly Term[], row: string, scope: Scope, rid = `${row}.rid`): string =>
  all([`${row}.json IS NOT NULL`, ...terms.map((term) => testOf(term, row, scope, rid))]);

/** A key of the unique index, so that a row is found by it. */
const isRow = (row: string, { bindings, site, type }: Scope, id: string): string =>
  `${row}.site = ${bindings.bind(site)} AND ${row}.type = ${bindings.bind(type)} AND ${row}.id = ${id}`;

function chainTest(term: Of<'chain'>, rid: string, scope: Scope): string {
  const { bindings } = scope;
  const [entry, target] = [bindings.alias(), bindings.alias()];
  const inner = { ...scope, type: term.type };
  return `EXISTS (SELECT 1 FROM index_reference ${entry} NOT INDEXED
    CROSS JOIN resources ${target} INDEXED BY resources_key ON ${isRow(target, inner, `${entry}.target_id`)}
    WHERE ${isKeyOfResource(entry, rid, scope, term.param)}
      AND ${entry}.target_type = ${bindings.bind(term.type)} AND ${rowTests(termsOf(term.where), target, inner)})`;
}

function hasTest(term: Of<'has'>, row: string, scope: Scope): string {
  const { bindings } = scope;
  const [entry, source] = [bindings.alias(), bindings.alias()];
  const inner = { ...scope, type: term.type };
  return `EXISTS (SELECT 1 FROM index_reference ${entry} INDEXED BY index_reference_target
    CROSS JOIN resources ${source} ON ${source}.rid = ${resourceOf(entry)}
    WHERE ${isKeyOf(entry, inner, term.param)} AND ${entry}.target_id = ${row}.id
      AND ${entry}.target_type = ${bindings.bind(scope.type)} AND ${rowTests(termsOf(term.where), source, inner)})`;
}

/**
 * How many resources the term may be expected to let through, as a place in a list: 0 the fewest. Undefined where no
 * index can give them, so that every resource has to be looked at.
 */
function rankOf(term: Term): number | undefined {
  switch (term.kind) {
    case 'id':
      return 0;
    case 'lastUpdated':
      return 6;
    case 'dates':
      return 5;
    case 'missing':
      return undefined;
    case 'chain':
    case 'has':
      return bestOf(termsOf(term.where))?.rank;
    default:
      return term.kind === 'token' && term.not ? undefined : rankOfEntries(term);
  }
}

/** Of equal terms the first. */
function bestOf(terms: readonly Term[]): { readonly term: Term; readonly rank: number } | undefined {
  let best: { readonly term: Term; readonly rank: number } | undefined;
  for (const term of terms) {
    const rank = rankOf(term);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { term, rank };
  }
  return best;
}

/** The term whose index may be expected to give the fewest resources. */
export const bestDriver = (terms: readonly Term[]): Term | undefined => bestOf(terms)?.term;

/** A statement that gives the `rid` of every resource that meets the term, some more than once. */
export function driverOf(term: Term, scope: Scope): string {
  switch (term.kind) {
    case 'id':
    case 'lastUpdated':
      return rowDriver(term, scope);
    case 'dates':
      return datesDriver(term, scope);
    case 'missing':
      throw new Error('no index gives what is missing');
    case 'chain':
      return chainDriver(term, scope);
    case 'has':
      return hasDriver(term, scope);
    case 'quantity':
      return quantityDriver(term, scope);
    default:
      return entryDriver(term, scope);
  }
}

function rowDriver(term: Of<'id' | 'lastUpdated'>, scope: Scope): string {
  const { bindings, site, type } = scope;
  const row = bindings.alias();
  const index = term.kind === 'id' ? 'resources_key' : 'resources_updated';
  return `SELECT ${row}.rid FROM resources ${row} INDEXED BY ${index}
    WHERE ${row}.site = ${bindings.bind(site)} AND ${row}.type = ${bindings.bind(type)} AND ${row}.json IS NOT NULL
      AND ${testOf(term, row, scope)}`;
}

function entryDriver(term: EntryCondition, scope: Scope): string {
  const entry = scope.bindings.alias();
  const key = isKeyOf(entry, scope, term.param);
  const found = entryTests(term, entry, scope.bindings).map(
    (test) => `SELECT ${resourceOf(entry)} AS rid FROM ${TABLE_OF[term.kind]} ${entry} WHERE ${key} AND ${test}`,
  );
  return unionOf(found);
}

/** An empty list of alternatives finds nothing. */
const unionOf = (selects: readonly string[]): string =>
  selects.length === 0 ? 'SELECT NULL AS rid WHERE 0' : selects.join(' UNION ALL ');

function datesDriver(term: DateTerm, scope: Scope): string {
  const entry = scope.bindings.alias();
  const test = everyBoundsTest(entry, term.lists, scope.bindings);
  const ranges = spanRanges('index_date', entry, hullOfAll(term.lists), scope.bindings);
  return unionOf(ranges.map((range) => spanDriver('index_date', entry, range, test, term.param, scope)));
}

function quantityDriver(term: Of<'quantity'>, scope: Scope): string {
  const entry = scope.bindings.alias();
  const selects = term.anyOf.flatMap((quantity) => {
    const test = anyEntryTest({ ...term, anyOf: [quantity] }, entry, scope.bindings);
    const ranges = spanRanges('index_quantity', entry, hullOf(quantity), scope.bindings);
    return ranges.map((range) => spanDriver('index_quantity', entry, range, test, term.param, scope));
  });
  return unionOf(selects);
}

const spanDriver = (
  table: string,
  entry: string,
  { index, test: range }: SpanRange,
  test: string,
  param: string,
  scope: Scope,
): string => `SELECT ${resourceOf(entry)} AS rid FROM ${table} ${entry} INDEXED BY ${index}
  WHERE ${isKeyOf(entry, scope, param)} AND ${range} AND ${test}`;

function chainDriver(term: Of<'chain'>, scope: Scope): string {
  const { bindings } = scope;
  const [entry, target] = [bindings.alias(), bindings.alias()];
  return `SELECT ${resourceOf(entry)} AS rid FROM ${bindings.define(matching(termsOf(term.where), { ...scope, type: term.type }))} ${target}
    CROSS JOIN index_reference ${entry} INDEXED BY index_reference_target
    WHERE ${isKeyOf(entry, scope, term.param)} AND ${entry}.target_id = ${target}.id
      AND ${entry}.target_type = ${bindings.bind(term.type)}`;
}

function hasDriver(term: Of<'has'>, scope: Scope): string {
  const { bindings } = scope;
  const [entry, source, row] = [bindings.alias(), bindings.alias(), bindings.alias()];
  return `SELECT ${row}.rid FROM ${bindings.define(matching(termsOf(term.where), { ...scope, type: term.type }))} ${source}
    CROSS JOIN index_reference ${entry} NOT INDEXED
    CROSS JOIN resources ${row} INDEXED BY resources_key ON ${isRow(row, scope, `${entry}.target_id`)}
    WHERE ${isKeyOfResource(entry, `${source}.rid`, { ...scope, type: term.type }, term.param)}
      AND ${entry}.target_type = ${bindings.bind(scope.type)}`;
}

/** Rows `rid`, `id` of every resource of the scope that meets the terms, each once. */
export function matching(terms: readonly Term[], scope: Scope): string {
  const { bindings } = scope;
  const driver = bestDriver(terms);
  const row = bindings.alias();
  if (!driver) {
    return `SELECT ${row}.rid, ${row}.id FROM resources ${row} INDEXED BY resources_updated
      WHERE ${row}.site = ${bindings.bind(scope.site)} AND ${row}.type = ${bindings.bind(scope.type)}
        AND ${rowTests(terms, row, scope)}`;
  }
  const found = bindings.alias();
  const others = terms.filter((term) => term !== driver);
  return `SELECT ${row}.rid, ${row}.id FROM (SELECT DISTINCT rid FROM ${bindings.define(driverOf(driver, scope))}) ${found}
    CROSS JOIN resources ${row} ON ${row}.rid = ${found}.rid WHERE ${rowTests(others, row, scope, `${found}.rid`)}`;
}

const OF_THE_ROW: readonly Term['kind'][] = ['id', 'lastUpdated', 'has'];

/** Rows `rid` of the same. Only resources that are not deleted have entries, so the rows themselves are not looked at. */
export function matchingEntries(terms: readonly Term[], scope: Scope): string {
  const driver = bestDriver(terms);
  if (!driver || terms.some(({ kind }) => OF_THE_ROW.includes(kind))) return matching(terms, scope);
  const found = scope.bindings.alias();
  const others = terms.filter((term) => term !== driver);
  const tests = all(others.map((term) => testOf(term, '', scope, `${found}.rid`)));
  return `SELECT ${found}.rid FROM (SELECT DISTINCT rid FROM ${scope.bindings.define(driverOf(driver, scope))}) ${found}
    WHERE ${tests}`;
}
