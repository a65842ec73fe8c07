import type { Value } from './database.ts';

/** Values bound to one statement. Numbered places: a value that stands twice in the text is bound once. */
export interface Bindings {
  /** The place, `?1`, that stands for the value. */
  bind(value: Value): string;
  /** An alias that no other part of the statement has. */
  alias(): string;
  /** Names a SELECT that stands in the WITH of the statement: SQLite's parser takes little depth. */
  define(select: string): string;
  readonly values: readonly Value[];
  /** What stands in the WITH: `NAME AS (SELECT ...)`, each after what it needs. */
  readonly definitions: readonly string[];
}

export function createBindings(): Bindings {
  const values: Value[] = [];
  const places = new Map<Value, string>();
  const definitions: string[] = [];
  let aliases = 0;
  return {
    values,
    definitions,
    bind(value) {
      const known = places.get(value);
      if (known) return known;
      values.push(value);
      const place = `?${values.length}`;
      places.set(value, place);
      return place;
    },
    alias: () => `t${++aliases}`,
    define(select) {
      const name = `t${++aliases}`;
      definitions.push(`${name} AS (${select})`);
      return name;
    },
  };
}

export const all = (terms: readonly string[]): string => (terms.length === 0 ? '1' : terms.join(' AND '));

/** Something false for no terms: none of no alternatives holds. */
export const any = (terms: readonly string[]): string =>
  terms.length === 1 ? terms[0]! : terms.length === 0 ? '0' : `(${terms.join(' OR ')})`;

/** A list is one value, JSON: it may be longer than a statement may have places, and its text stays the same. */
export function isOneOf(column: string, values: readonly string[], { bind }: Bindings): string {
  if (values.length === 1) return `${column} = ${bind(values[0]!)}`;
  return `${column} IN (SELECT value FROM json_each(${bind(JSON.stringify(values))}))`;
}

/** The same of pairs. */
export function isPairOf(
  columns: readonly [string, string],
  pairs: readonly (readonly [string, string])[],
  { bind }: Bindings,
): string {
  if (pairs.length === 1) return `(${columns[0]} = ${bind(pairs[0]![0])} AND ${columns[1]} = ${bind(pairs[0]![1])})`;
  const list = bind(JSON.stringify(pairs));
  return `(${columns[0]}, ${columns[1]}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${list}))`;
}

/**
 * Text that begins with `prefix`, as a range that an index serves. The text after the last that begins so is the prefix
 * with its last character raised by one; U+10FFFF has none after it.
 */
export function beginsWith(column: string, prefix: string, { bind }: Bindings): string {
  const end = textAfter(prefix);
  const from = `${column} >= ${bind(prefix)}`;
  return end === undefined ? from : `(${from} AND ${column} < ${bind(end)})`;
}

function textAfter(prefix: string): string | undefined {
  const characters = [...prefix];
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const code = last.codePointAt(0)!;
    if (code === 0x10ffff) continue;
    // Between these two lie the surrogates, which no text holds.
    return characters.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}
