import type { Bounds } from '../../ports/index.ts';
import { all, any, type Bindings } from './sql-text.ts';

/** What must hold of an entry's ends, whatever else does; an index is asked for it. Every end is inclusive. */
export interface Hull {
  readonly lowFrom?: number | undefined;
  readonly lowTo?: number | undefined;
  readonly highFrom?: number | undefined;
}

/**
 * An entry meets the bounds. Both ends are named even where one follows from the other: a period that ends before it
 * begins must not be found by one plan and missed by another.
 */
export function boundsTest(entry: string, { comparator, low, high }: Bounds, { bind }: Bindings): string {
  const [entryLow, entryHigh] = [`${entry}.low`, `${entry}.high`];
  const from = (): string => bind(low);
  const to = (): string => bind(high);
  // A place that no text names would be a value too many: each is taken where it stands.
  const inside = (): string =>
    `(${entryLow} BETWEEN ${from()} AND ${to()} AND ${entryHigh} BETWEEN ${from()} AND ${to()})`;
  switch (comparator) {
    case 'eq':
      return inside();
    case 'ne':
      return `NOT ${inside()}`;
    case 'gt':
      return `${entryHigh} > ${to()}`;
    case 'lt':
      return `${entryLow} < ${from()}`;
    case 'ge':
      return `(${entryHigh} > ${to()} OR ${inside()})`;
    case 'le':
      return `(${entryLow} < ${from()} OR ${inside()})`;
    case 'sa':
      return `(${entryLow} > ${to()} AND ${entryHigh} > ${to()})`;
    case 'eb':
      return `(${entryHigh} < ${from()} AND ${entryLow} < ${from()})`;
    case 'ap':
      return `(${entryLow} <= ${to()} AND ${entryHigh} >= ${from()})`;
  }
}

/** Every list has an alternative that the entry meets. */
export const everyBoundsTest = (entry: string, lists: readonly (readonly Bounds[])[], bindings: Bindings): string =>
  all(lists.map((anyOf) => any(anyOf.map((bounds) => boundsTest(entry, bounds, bindings)))));

export function hullOf({ comparator, low, high }: Bounds): Hull {
  switch (comparator) {
    case 'eq':
      return { lowFrom: low, lowTo: high, highFrom: low };
    case 'ne':
      return {};
    case 'gt':
      return { highFrom: high };
    case 'lt':
    case 'eb':
      return { lowTo: low };
    case 'ge':
      return { highFrom: low };
    case 'le':
      return { lowTo: high };
    case 'sa':
      return { lowFrom: high, highFrom: high };
    case 'ap':
      return { lowTo: high, highFrom: low };
  }
}

type End = keyof Hull;

/** Around all alternatives: an end that one of them leaves open is open. */
function around(hulls: readonly Hull[], end: End, pick: (...ends: number[]) => number): number | undefined {
  const ends = hulls.map((hull) => hull[end]);
  return ends.length > 0 && ends.every((value) => value !== undefined) ? pick(...ends) : undefined;
}

function inAll(hulls: readonly Hull[], end: End, pick: (...ends: number[]) => number): number | undefined {
  const ends = hulls.map((hull) => hull[end]).filter((value) => value !== undefined);
  return ends.length > 0 ? pick(...ends) : undefined;
}

export function hullOfAll(lists: readonly (readonly Bounds[])[]): Hull {
  const hulls = lists.map((anyOf): Hull => {
    const each = anyOf.map(hullOf);
    return {
      lowFrom: around(each, 'lowFrom', Math.min),
      lowTo: around(each, 'lowTo', Math.max),
      highFrom: around(each, 'highFrom', Math.min),
    };
  });
  return {
    lowFrom: inAll(hulls, 'lowFrom', Math.max),
    lowTo: inAll(hulls, 'lowTo', Math.min),
    highFrom: inAll(hulls, 'highFrom', Math.max),
  };
}

/**
 * Up to so much between its ends an entry is found by its beginning: a day in milliseconds for dates, a point for
 * quantities. The partial indexes `_long` hold the others; their conditions have these numbers.
 */
const SHORT = { index_date: 86_400_000, index_quantity: 0 } as const;

export interface SpanRange {
  readonly index: string;
  readonly test: string;
}

/**
 * Ranges of the table's indexes which together hold every entry inside the hull, each entry once. A short entry that
 * ends late enough begins late enough too: so that one index, by the beginning, serves both ends. The few long ones
 * have an index by their end.
 */
export function spanRanges(
  table: keyof typeof SHORT,
  entry: string,
  { lowFrom, lowTo, highFrom }: Hull,
  { bind }: Bindings,
): SpanRange[] {
  const upTo = lowTo === undefined ? [] : [`${entry}.low <= ${bind(lowTo)}`];
  if (lowFrom !== undefined || highFrom === undefined) {
    const from = lowFrom === undefined ? [] : [`${entry}.low >= ${bind(lowFrom)}`];
    return [{ index: `${table}_low`, test: all([...from, ...upTo]) }];
  }
  const short = SHORT[table];
  const span = `${entry}.high - ${entry}.low`;
  const begins = `${entry}.low >= ${bind(highFrom - short)}`;
  return [
    { index: `${table}_low`, test: all([begins, ...upTo, `${span} <= ${short}`]) },
    { index: `${table}_long`, test: all([`${span} > ${short}`, `${entry}.high >= ${bind(highFrom)}`, ...upTo]) },
  ];
}

/** 0000-01-01 and the last millisecond of 9999-12-31. */
const FIRST_MOMENT = -62_167_219_200_000;
const LAST_MOMENT = 253_402_300_799_999;

/** The instants in FHIR's form compare as text as long as the year has four digits. */
const instantOf = (milliseconds: number): string =>
  new Date(Math.min(Math.max(milliseconds, FIRST_MOMENT), LAST_MOMENT)).toISOString();

/** The instant `column`, a point, meets one of the bounds. */
export const instantTest = (column: string, anyOf: readonly Bounds[], bindings: Bindings): string =>
  any(anyOf.map((bounds) => oneInstantTest(column, bounds, bindings)));

function oneInstantTest(column: string, { comparator, low, high }: Bounds, { bind }: Bindings): string {
  switch (comparator) {
    case 'eq':
    case 'ap':
      return `(${column} >= ${bind(instantOf(low))} AND ${column} <= ${bind(instantOf(high))})`;
    case 'ne':
      return `(${column} < ${bind(instantOf(low))} OR ${column} > ${bind(instantOf(high))})`;
    case 'gt':
    case 'sa':
      return `${column} > ${bind(instantOf(high))}`;
    case 'lt':
    case 'eb':
      return `${column} < ${bind(instantOf(low))}`;
    case 'ge':
      return `${column} >= ${bind(instantOf(low))}`;
    case 'le':
      return `${column} <= ${bind(instantOf(high))}`;
  }
}
