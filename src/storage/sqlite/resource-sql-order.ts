import type { Bounds, SortKey } from '../../ports/index.ts';
import { resourceOf } from './index-scope.ts';
import { everyBoundsTest, hullOfAll, instantTest, spanRanges } from './resource-sql-bounds.ts';
import { type DateTerm, isKeyOf, isKeyOfResource, rowTests, type Scope, type Term } from './resource-sql-conditions.ts';
import { all } from './sql-text.ts';

/** One key of the order. */
export interface Key {
  readonly param: string;
  readonly kind: SortKey['kind'];
  readonly descending: boolean;
  /** The key of a row of resources; NULL where it has none. */
  readonly sqlOf: (row: string, scope: Scope) => string;
  /** True for a row without the key; absent where every match has it. */
  readonly missingSql: ((row: string, scope: Scope) => string) | undefined;
  /** The conditions on the same dates: the order goes by the values that meet them. */
  readonly lists: readonly (readonly Bounds[])[];
}

interface Ordered {
  readonly table: string;
  readonly index: string;
  /** Of the entry. */
  readonly value: (entry: string) => string;
}

const column = (name: string) => (entry: string) => `${entry}.${name}`;

const ORDERED: Readonly<Record<Exclude<SortKey['kind'], 'id' | 'lastUpdated'>, Ordered>> = {
  date: { table: 'index_date', index: 'index_date_low', value: column('low') },
  string: { table: 'index_string', index: 'index_string_folded', value: column('folded') },
  token: { table: 'index_token', index: 'index_token_code', value: column('code') },
  quantity: { table: 'index_quantity', index: 'index_quantity_low', value: column('low') },
  uri: { table: 'index_uri', index: 'index_uri_value', value: column('value') },
  reference: {
    table: 'index_reference',
    index: '',
    value: (entry) => `coalesce(${entry}.target_type || '/' || ${entry}.target_id, ${entry}.url)`,
  },
};

/** Keys with what is known of them from the conditions. */
export function keysOf(sort: readonly SortKey[], terms: readonly Term[]): Key[] {
  return sort.map(({ param, kind, descending }): Key => {
    if (kind === 'id' || kind === 'lastUpdated') {
      const name = kind === 'id' ? 'id' : 'last_updated';
      return { param, kind, descending, sqlOf: (row) => `${row}.${name}`, missingSql: undefined, lists: [] };
    }
    const dates = kind === 'date' ? terms.find((term): term is DateTerm => isDatesOf(term, param)) : undefined;
    const lists = dates?.lists ?? [];
    const { table, value } = ORDERED[kind];
    const entries = (row: string, entry: string, scope: Scope): string =>
      `${table} ${entry} NOT INDEXED WHERE ${isKeyOfResource(entry, `${row}.rid`, scope, param)}`;
    return {
      param,
      kind,
      descending,
      lists,
      sqlOf: (row, scope) => {
        const entry = scope.bindings.alias();
        const test = everyBoundsTest(entry, lists, scope.bindings);
        const pick = `${descending ? 'max' : 'min'}(${value(entry)})`;
        return `(SELECT ${pick} FROM ${entries(row, entry, scope)} AND ${test})`;
      },
      missingSql: dates
        ? undefined
        : (row, scope) => {
            const entry = scope.bindings.alias();
            return `NOT EXISTS (SELECT 1 FROM ${entries(row, entry, scope)} AND ${value(entry)} IS NOT NULL)`;
          },
    };
  });
}

const isDatesOf = (term: Term, param: string): boolean => term.kind === 'dates' && term.param === param;

/** Terms of ORDER BY over the columns k0, k1, ...: rows without a key come last, whatever the direction. */
export const orderOf = (keys: readonly Key[], from = 0): string =>
  keys
    .map(({ descending, kind }, index) => {
      const name = `k${index + from}`;
      const direction = `${name}${descending ? ' DESC' : ''}`;
      return kind === 'id' || kind === 'lastUpdated' ? direction : `${name} IS NULL, ${direction}`;
    })
    .join(', ');

/** One walk along an index in the order of the first key: FROM, WHERE and the key, which is of the index. */
export interface Walk {
  readonly from: string;
  readonly where: string;
  readonly key: string;
}

/** Walks which together meet every match that has the first key, each once; none when no index has that order. */
export function walksOf(terms: readonly Term[], keys: readonly Key[], scope: Scope): Walk[] {
  const first = keys[0]!;
  const { bindings, site, type } = scope;
  if (first.kind === 'id' || first.kind === 'lastUpdated') {
    const index = first.kind === 'id' ? 'resources_key' : 'resources_updated';
    const key = `r.site = ${bindings.bind(site)} AND r.type = ${bindings.bind(type)}`;
    const updated = terms.flatMap((term) =>
      term.kind === 'lastUpdated' ? [instantTest('r.last_updated', term.anyOf, bindings)] : [],
    );
    const others = terms.filter(({ kind }) => kind !== 'lastUpdated');
    return [
      {
        from: `resources r INDEXED BY ${index}`,
        where: all([key, ...updated, rowTests(others, 'r', scope)]),
        key: first.sqlOf('r', scope),
      },
    ];
  }
  const ordered = ORDERED[first.kind];
  if (ordered.index === '') return [];
  const entry = bindings.alias();
  const others = terms.filter((term) => !isDatesOf(term, first.param) || first.kind !== 'date');
  const ranges =
    first.kind === 'date'
      ? spanRanges('index_date', entry, hullOfAll(first.lists), bindings)
      : [{ index: ordered.index, test: `${ordered.value(entry)} IS NOT NULL` }];
  return ranges.map(({ index, test }) => ({
    from: `${ordered.table} ${entry} INDEXED BY ${index} CROSS JOIN resources r ON r.rid = ${resourceOf(entry)}`,
    where: all([
      isKeyOf(entry, scope, first.param),
      test,
      everyBoundsTest(entry, first.lists, bindings),
      rowTests(others, 'r', scope, resourceOf(entry)),
      isFirst(entry, first, ordered, scope),
    ]),
    key: ordered.value(entry),
  }));
}

/** No other value of the resource comes earlier in the order: a resource with several values is met once. */
function isFirst(entry: string, { param, descending, lists }: Key, ordered: Ordered, scope: Scope): string {
  const other = scope.bindings.alias();
  const [theirs, ours] = [ordered.value(other), ordered.value(entry)];
  const comes = descending ? '>' : '<';
  return `NOT EXISTS (SELECT 1 FROM ${ordered.table} ${other} NOT INDEXED
    WHERE ${isKeyOfResource(other, resourceOf(entry), scope, param)}
      AND (${theirs} ${comes} ${ours} OR (${theirs} = ${ours} AND ${other}.entry < ${entry}.entry))
      AND ${everyBoundsTest(other, lists, scope.bindings)})`;
}
