import { foldText } from '../../domain/fold-text.ts';
import type { Condition, TokenValue } from '../../ports/index.ts';
import { boundsTest } from './resource-sql-bounds.ts';
import { all, any, type Bindings, beginsWith, isOneOf, isPairOf } from './sql-text.ts';

type Of<Kind extends Condition['kind']> = Extract<Condition, { kind: Kind }>;

/** A condition that one entry of one index table decides. */
export type EntryCondition = Of<'token' | 'string' | 'quantity' | 'reference' | 'referenceIdentifier' | 'uri'>;

export const TABLE_OF: Readonly<Record<EntryCondition['kind'], string>> = {
  token: 'index_token',
  string: 'index_string',
  quantity: 'index_quantity',
  reference: 'index_reference',
  referenceIdentifier: 'index_reference',
  uri: 'index_uri',
};

/** How many resources the condition may be expected to let through, as a place in a list: 1 the fewest, 8 the most. */
export function rankOfEntries(condition: EntryCondition): number {
  switch (condition.kind) {
    case 'token':
      if (condition.anyOf.some(({ code }) => code === undefined)) return 8;
      return condition.param === 'identifier' ? 1 : 6;
    case 'referenceIdentifier':
      return condition.anyOf.some(({ code }) => code === undefined) ? 8 : 2;
    case 'string':
      return { exact: 3, starts: 4, contains: 8 }[condition.match];
    case 'quantity':
      return 7;
    case 'reference':
      return condition.anyOf.some(({ id, url }) => id === undefined && url === undefined) ? 8 : 2;
    case 'uri':
      return condition.match === 'exact' ? 2 : 3;
  }
}

/**
 * Tests of entries of the condition's table: a resource meets the condition when some entry of it meets one of them.
 * Each is such that an index of the table can serve it alone.
 */
export function entryTests(condition: EntryCondition, entry: string, bindings: Bindings): string[] {
  switch (condition.kind) {
    case 'token':
    case 'referenceIdentifier':
      return tokenTests(condition.anyOf, entry, bindings);
    case 'string':
      return condition.anyOf.map((text) => stringTest(condition.match, text, entry, bindings));
    case 'quantity':
      return condition.anyOf.map((quantity) => quantityTest(quantity, entry, bindings));
    case 'reference':
      return referenceTests(condition.anyOf, entry, bindings);
    case 'uri':
      if (condition.match === 'exact') return [isOneOf(`${entry}.value`, condition.anyOf, bindings)];
      return condition.anyOf.map((prefix) => beginsWith(`${entry}.value`, prefix, bindings));
  }
}

export const anyEntryTest = (condition: EntryCondition, entry: string, bindings: Bindings): string =>
  any(entryTests(condition, entry, bindings));

/** R4 3.1.1.4.5. Each form of value is one test, however many values there are. */
function tokenTests(anyOf: readonly TokenValue[], entry: string, bindings: Bindings): string[] {
  const [system, code] = [`${entry}.system`, `${entry}.code`];
  const codes: string[] = [];
  const pairs: [string, string][] = [];
  const codesAlone: string[] = [];
  const systems: string[] = [];
  const open = new Set<string>();
  for (const value of anyOf) {
    if (value.code === undefined) {
      if (value.system) systems.push(value.system);
      else open.add(value.system === '' ? `${system} IS NULL` : '1');
    } else if (value.system === undefined) codes.push(value.code);
    else if (value.system === '') codesAlone.push(value.code);
    else pairs.push([value.code, value.system]);
  }
  const found = [...open];
  if (codes.length > 0) found.push(isOneOf(code, codes, bindings));
  if (pairs.length > 0) found.push(isPairOf([code, system], pairs, bindings));
  if (codesAlone.length > 0) found.push(`(${isOneOf(code, codesAlone, bindings)} AND ${system} IS NULL)`);
  if (systems.length > 0) found.push(isOneOf(system, systems, bindings));
  return found;
}

/** instr() knows no wildcards. The folded form of an exact match is what its index is asked for. */
function stringTest(match: Of<'string'>['match'], text: string, entry: string, bindings: Bindings): string {
  if (match === 'contains') return `instr(${entry}.folded, ${bindings.bind(text)}) > 0`;
  if (match === 'starts') return beginsWith(`${entry}.folded`, text, bindings);
  const folded = bindings.bind(foldText(text));
  return `(${entry}.folded = ${folded} AND ${entry}.value = ${bindings.bind(text)})`;
}

function quantityTest(quantity: Of<'quantity'>['anyOf'][number], entry: string, bindings: Bindings): string {
  const { system, code } = quantity;
  return all([
    boundsTest(entry, quantity, bindings),
    ...(system === undefined ? [] : [`${entry}.system = ${bindings.bind(system)}`]),
    ...(code === undefined ? [] : [`${entry}.code = ${bindings.bind(code)}`]),
  ]);
}

function referenceTests(anyOf: Of<'reference'>['anyOf'], entry: string, bindings: Bindings): string[] {
  const [type, id] = [`${entry}.target_type`, `${entry}.target_id`];
  const ids: string[] = [];
  const pairs: [string, string][] = [];
  const urls: string[] = [];
  const types: string[] = [];
  for (const target of anyOf) {
    if (target.url !== undefined) urls.push(target.url);
    else if (target.id === undefined) types.push(...(target.type === undefined ? [] : [target.type]));
    else if (target.type === undefined) ids.push(target.id);
    else pairs.push([target.id, target.type]);
  }
  const found: string[] = [];
  if (ids.length > 0) found.push(isOneOf(id, ids, bindings));
  if (pairs.length > 0) found.push(isPairOf([id, type], pairs, bindings));
  if (urls.length > 0) found.push(isOneOf(`${entry}.url`, urls, bindings));
  if (types.length > 0) found.push(isOneOf(type, types, bindings));
  return found;
}
