import type {
  Bounds,
  Condition,
  IndexEntry,
  ResourcePage,
  ResourceQuery,
  SortKey,
  TokenValue,
} from '../../ports/index.ts';
import { assertSearchable } from '../search-limits.ts';
import { compare, compareMissingLast } from './compare.ts';
import type { IndexedResource } from './tables.ts';

type Of<Kind extends Condition['kind']> = Extract<Condition, { kind: Kind }>;
type Entry<Kind extends IndexEntry['kind']> = Extract<IndexEntry, { kind: Kind }>;

/** The resources of a site. */
type Resources = readonly IndexedResource[];

/**
 * The page of a search among the current versions of all resources of one site, deletions among them.
 * @throws invalid-request for more alternatives than a search should have.
 */
export function matchResources(resources: Resources, query: ResourceQuery): ResourcePage {
  assertSearchable(query.where);
  const { count, offset } = query;
  const found = resources.filter((one) => isMatch(one, query.resourceType, query.where, resources));
  const keys = query.sort.length === 0 ? NEWEST_FIRST : query.sort;
  found.sort((a, b) => compareBy(keys, query.where, a, b));
  return {
    rows: found.slice(offset, offset + count).map(({ stored }) => ({ ...stored })),
    more: count > 0 && found.length > offset + count,
    total: query.total ? found.length : undefined,
  };
}

function isMatch(one: IndexedResource, type: string, where: readonly Condition[], resources: Resources): boolean {
  const { resourceType, json } = one.stored;
  return resourceType === type && json !== undefined && meetsAll(one, where, resources);
}

function meetsAll(one: IndexedResource, where: readonly Condition[], resources: Resources): boolean {
  const dates = new Set(where.flatMap((condition) => (condition.kind === 'date' ? [condition.param] : [])));
  return (
    where.every((condition) => condition.kind === 'date' || meets(one, condition, resources)) &&
    [...dates].every((param) => datesThatMeet(one, param, where).length > 0)
  );
}

const entriesOf = <Kind extends IndexEntry['kind']>(
  { index }: IndexedResource,
  kind: Kind,
  param: string,
): Entry<Kind>[] => index.filter((entry): entry is Entry<Kind> => entry.kind === kind && entry.param === param);

/** One value has to meet every condition on its parameter. */
function datesThatMeet(one: IndexedResource, param: string, where: readonly Condition[]): Entry<'date'>[] {
  const conditions = where.filter((condition) => condition.kind === 'date').filter((date) => date.param === param);
  return entriesOf(one, 'date', param).filter((entry) =>
    conditions.every(({ anyOf }) => anyOf.some((bounds) => meetsBounds(entry, bounds))),
  );
}

function meets(one: IndexedResource, condition: Exclude<Condition, Of<'date'>>, resources: Resources): boolean {
  switch (condition.kind) {
    case 'id':
      return condition.anyOf.includes(one.stored.id);
    case 'lastUpdated': {
      const at = Date.parse(one.stored.lastUpdated);
      return condition.anyOf.some((bounds) => meetsBounds({ low: at, high: at }, bounds));
    }
    case 'missing':
      return condition.missing !== one.index.some(({ param }) => param === condition.param);
    case 'chain':
      return refersTo(one, condition, resources);
    case 'has':
      return isReferredTo(one, condition, resources);
    case 'token': {
      const found = entriesOf(one, 'token', condition.param).some((entry) => isToken(entry, condition.anyOf));
      return found !== (condition.not ?? false);
    }
    default:
      return meetsEntry(one, condition);
  }
}

function meetsEntry(
  one: IndexedResource,
  condition: Of<'string' | 'quantity' | 'reference' | 'referenceIdentifier' | 'uri'>,
): boolean {
  const { param } = condition;
  switch (condition.kind) {
    case 'string':
      return entriesOf(one, 'string', param).some((entry) => isText(entry, condition));
    case 'quantity':
      return entriesOf(one, 'quantity', param).some((entry) =>
        condition.anyOf.some(
          (wanted) =>
            meetsBounds(entry, wanted) &&
            (wanted.system === undefined || wanted.system === entry.system) &&
            (wanted.code === undefined || wanted.code === entry.code),
        ),
      );
    case 'reference':
      return entriesOf(one, 'reference', param).some((entry) =>
        condition.anyOf.some(({ type, id, url }) => {
          if (url !== undefined) return entry.url === url;
          if (type === undefined && id === undefined) return false;
          return (type === undefined || entry.type === type) && (id === undefined || entry.id === id);
        }),
      );
    case 'referenceIdentifier':
      return entriesOf(one, 'reference', param).some((entry) => isToken(entry, condition.anyOf));
    case 'uri':
      return entriesOf(one, 'uri', param).some(({ value }) =>
        condition.anyOf.some((wanted) => (condition.match === 'exact' ? value === wanted : value.startsWith(wanted))),
      );
  }
}

function isToken(entry: TokenValue, anyOf: readonly TokenValue[]): boolean {
  return anyOf.some(({ system, code }) => {
    const isOfSystem = system === undefined || (system === '' ? entry.system === undefined : entry.system === system);
    return isOfSystem && (code === undefined || entry.code === code);
  });
}

function isText({ value, folded }: Entry<'string'>, { match, anyOf }: Of<'string'>): boolean {
  if (match === 'exact') return anyOf.includes(value);
  return anyOf.some((text) => (match === 'starts' ? folded.startsWith(text) : folded.includes(text)));
}

function refersTo(one: IndexedResource, { param, type, where }: Of<'chain'>, resources: Resources): boolean {
  const ids = entriesOf(one, 'reference', param).flatMap((entry) => (entry.type === type ? [entry.id] : []));
  return resources.some((target) => ids.includes(target.stored.id) && isMatch(target, type, where, resources));
}

function isReferredTo(one: IndexedResource, { param, type, where }: Of<'has'>, resources: Resources): boolean {
  const { resourceType, id } = one.stored;
  return resources.some(
    (source) =>
      entriesOf(source, 'reference', param).some((entry) => entry.type === resourceType && entry.id === id) &&
      isMatch(source, type, where, resources),
  );
}

interface Span {
  readonly low: number;
  readonly high: number;
}

/** R4 3.1.1.4.3. Both ends are compared even where one follows from the other, as for periods that end too early. */
function meetsBounds(entry: Span, { comparator, low, high }: Bounds): boolean {
  const isIn = (end: number): boolean => end >= low && end <= high;
  const inside = isIn(entry.low) && isIn(entry.high);
  switch (comparator) {
    case 'eq':
      return inside;
    case 'ne':
      return !inside;
    case 'gt':
      return entry.high > high;
    case 'lt':
      return entry.low < low;
    case 'ge':
      return entry.high > high || inside;
    case 'le':
      return entry.low < low || inside;
    case 'sa':
      return entry.low > high && entry.high > high;
    case 'eb':
      return entry.high < low && entry.low < low;
    case 'ap':
      return entry.low <= high && entry.high >= low;
  }
}

const NEWEST_FIRST: readonly SortKey[] = [{ param: '_lastUpdated', kind: 'lastUpdated', descending: true }];

function compareBy(
  keys: readonly SortKey[],
  where: readonly Condition[],
  a: IndexedResource,
  b: IndexedResource,
): number {
  for (const key of keys) {
    const order = compareMissingLast(keyOf(a, key, where), keyOf(b, key, where), key.descending);
    if (order !== 0) return order;
  }
  return compare(a.stored.id, b.stored.id);
}

/** Of several values the one that comes first in the order. */
function keyOf(one: IndexedResource, key: SortKey, where: readonly Condition[]): string | number | undefined {
  const values = valuesOf(one, key, where).filter((value) => value !== undefined);
  return values.sort((a, b) => compareMissingLast(a, b, key.descending))[0];
}

function valuesOf(
  one: IndexedResource,
  { kind, param }: SortKey,
  where: readonly Condition[],
): (string | number | undefined)[] {
  switch (kind) {
    case 'id':
      return [one.stored.id];
    case 'lastUpdated':
      return [one.stored.lastUpdated];
    case 'date':
      return datesThatMeet(one, param, where).map(({ low }) => low);
    case 'string':
      return entriesOf(one, 'string', param).map(({ folded }) => folded);
    case 'token':
      return entriesOf(one, 'token', param).map(({ code }) => code);
    case 'quantity':
      return entriesOf(one, 'quantity', param).map(({ low }) => low);
    case 'uri':
      return entriesOf(one, 'uri', param).map(({ value }) => value);
    case 'reference':
      return entriesOf(one, 'reference', param).map(({ type, id, url }) =>
        type !== undefined && id !== undefined ? `${type}/${id}` : url,
      );
  }
}
