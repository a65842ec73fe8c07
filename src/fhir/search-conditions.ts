import type { Condition } from '../ports/index.ts';
import {
  isSupportedType,
  type ParameterType,
  SERVER_WRITTEN,
  type SearchParameter,
  type SupportedType,
  searchParametersOf,
} from './search-parameters.ts';
import {
  booleanValue,
  dateValue,
  idValue,
  invalid,
  named,
  quantityValue,
  referenceValue,
  splitUnescaped,
  stringValue,
  tokenValue,
  unescaped,
} from './search-values.ts';

/** Limits of one search, against a request that costs more than it should. */
const DEEPEST_CHAIN = 3;
const MOST_CONDITIONS = 50;
const MOST_ALTERNATIVES = 10_000;

/** What every condition of one search needs to know, and counts. */
export interface SearchContext {
  readonly publicUrl: string | undefined;
  readonly now: Date;
  readonly spent: { conditions: number; alternatives: number };
}

/** Modifiers by the type of the parameter; a reference has the names of its types besides. */
export const MODIFIERS: Readonly<Record<ParameterType, readonly string[]>> = {
  token: ['missing', 'not'],
  string: ['missing', 'exact', 'contains'],
  date: ['missing'],
  reference: ['missing', 'identifier'],
  quantity: ['missing'],
  uri: ['missing', 'below'],
  composite: [],
};

/** Throws invalid-request for a parameter that the type does not have. */
export function parameterOf(type: SupportedType, name: string): SearchParameter {
  const parameter = searchParametersOf(type).get(name);
  if (parameter === undefined) throw invalid(`${named(name)} is not supported for ${type}`);
  return parameter;
}

/** The same, of type reference. */
export function referenceParameterOf(type: SupportedType, name: string): SearchParameter {
  const parameter = parameterOf(type, name);
  if (parameter.type !== 'reference') throw invalid(`${named(name)} of ${type} is not a reference`);
  return parameter;
}

function alternativesOf(value: string, key: string, { spent }: SearchContext): readonly string[] {
  if (value === '') throw invalid(`${named(key)} has no value`);
  const alternatives = splitUnescaped(value, ',');
  spent.alternatives += alternatives.length;
  if (spent.alternatives > MOST_ALTERNATIVES) throw invalid(`a search has at most ${MOST_ALTERNATIVES} values`);
  if (alternatives.includes('')) throw invalid(`${named(key)} has an empty value in its list`);
  return alternatives;
}

function modifierOf({ name, type, targets }: SearchParameter, modifier: string | undefined): string | undefined {
  if (modifier === undefined) return undefined;
  const isOwnRow = name === '_id' || name === '_lastUpdated';
  const isKnown = MODIFIERS[type].includes(modifier) || (type === 'reference' && targets.includes(modifier as never));
  if (isOwnRow || !isKnown) {
    throw invalid(
      `the modifier ${/^[\w-]{1,40}$/.test(modifier) ? `:${modifier}` : ''} of ${named(name)} is not supported`,
    );
  }
  return modifier;
}

function referenceCondition(
  { name: param, places }: SearchParameter,
  modifier: string | undefined,
  alternatives: readonly string[],
  { publicUrl }: SearchContext,
): Condition {
  if (modifier === 'identifier') {
    return { kind: 'referenceIdentifier', param, anyOf: alternatives.map((value) => tokenValue(value, param)) };
  }
  const isCanonical = places.every(({ dataType }) => dataType === 'canonical');
  const anyOf = alternatives.map((value) =>
    isCanonical ? { url: unescaped(value, param) } : referenceValue(value, param, modifier, publicUrl),
  );
  return { kind: 'reference', param, anyOf };
}

function conditionOfValues(
  parameter: SearchParameter,
  modifier: string | undefined,
  alternatives: readonly string[],
  context: SearchContext,
): Condition {
  const { name: param, type } = parameter;
  const each = <T>(read: (value: string, key: string) => T): readonly T[] =>
    alternatives.map((value) => read(value, param));
  const date = (value: string) => dateValue(value, param, context.now);
  if (param === '_id') return { kind: 'id', anyOf: each(idValue) };
  if (param === '_lastUpdated') return { kind: 'lastUpdated', anyOf: each(date) };
  switch (type) {
    case 'token':
      return { kind: 'token', param, anyOf: each(tokenValue), ...(modifier === 'not' && { not: true }) };
    case 'string': {
      const match = modifier === 'exact' || modifier === 'contains' ? modifier : 'starts';
      return { kind: 'string', param, match, anyOf: alternatives.map((value) => stringValue(value, param, match)) };
    }
    case 'date':
      return { kind: 'date', param, anyOf: each(date) };
    case 'quantity':
      return { kind: 'quantity', param, anyOf: each(quantityValue) };
    case 'reference':
      return referenceCondition(parameter, modifier, alternatives, context);
    default:
      return { kind: 'uri', param, anyOf: each(unescaped), match: modifier === 'below' ? 'below' : 'exact' };
  }
}

/**
 * A resource has one pair of a composite, so that "the pair is one of these" is "each part is one of these" as long as
 * the pairs differ in one part alone. Others are refused: they would find more than was asked for.
 */
function compositeConditions(
  type: SupportedType,
  composite: SearchParameter,
  alternatives: readonly string[],
  context: SearchContext,
): Condition[] {
  const pairs = alternatives.map((alternative) => splitUnescaped(alternative, '$'));
  if (pairs.some((parts) => parts.length !== composite.components.length || parts.includes(''))) {
    throw invalid(`a value of ${named(composite.name)} is not ${composite.components.join('$')}`);
  }
  const columns = composite.components.map((_, i) => [...new Set(pairs.map((parts) => parts[i]!))]);
  if (columns.filter(({ length }) => length > 1).length > 1) {
    throw invalid(`the values of ${named(composite.name)} may differ in one of their parts only`);
  }
  return composite.components.map((name, i) =>
    conditionOfValues(parameterOf(type, name), undefined, columns[i]!, context),
  );
}

/** The type that a chain goes on with: the one named, or the only one of the targets that has the next parameter. */
function chainedType(parameter: SearchParameter, wanted: string | undefined, rest: string): SupportedType {
  const { name, targets } = parameter;
  if (wanted !== undefined) {
    if (!isSupportedType(wanted) || !targets.includes(wanted))
      throw invalid(`${named(`${name}:${wanted}`)} leads to no such type`);
    return wanted;
  }
  const next = /^[^.:]*/.exec(rest)![0];
  const possible =
    targets.length === 1 || next === '_has' ? targets : targets.filter((type) => searchParametersOf(type).has(next));
  if (possible.length === 0) throw invalid(`no type that ${named(name)} may refer to has ${named(next)}`);
  if (possible.length > 1) throw invalid(`${named(name)} may refer to several types: write ${name}:Type.${next}`);
  return possible[0]!;
}

function reverseChain(
  type: SupportedType,
  key: string,
  value: string,
  depth: number,
  context: SearchContext,
): Condition {
  const match = /^_has:([A-Za-z]+):([\w-]+):(.+)$/s.exec(key);
  if (match === null) throw invalid('_has is written as _has:Type:reference:parameter');
  const [, other, param, rest] = match;
  if (!isSupportedType(other!) || other === SERVER_WRITTEN) {
    throw invalid(`${named(key)} names a resource type that is not supported there`);
  }
  const { targets } = referenceParameterOf(other, param!);
  if (!targets.includes(type)) throw invalid(`${named(param!)} of ${other} does not refer to ${type}`);
  return { kind: 'has', type: other, param: param!, where: conditionsOf(other, rest!, value, context, depth + 1) };
}

/**
 * The conditions of one parameter of a search: its name with modifier, chain or _has, and its value with alternatives.
 * Throws invalid-request naming the parameter, never its value.
 */
export function conditionsOf(
  type: SupportedType,
  key: string,
  value: string,
  context: SearchContext,
  depth = 0,
): Condition[] {
  if (depth > DEEPEST_CHAIN) throw invalid(`a chain has at most ${DEEPEST_CHAIN} links`);
  if (++context.spent.conditions > MOST_CONDITIONS) throw invalid(`a search has at most ${MOST_CONDITIONS} conditions`);
  if (key.startsWith('_has:')) return [reverseChain(type, key, value, depth, context)];
  const dot = key.indexOf('.');
  const [name = '', modifier, ...more] = (dot < 0 ? key : key.slice(0, dot)).split(':');
  if (more.length > 0) throw invalid(`${named(key)} has more than one modifier`);
  if (dot >= 0) {
    const rest = key.slice(dot + 1);
    const parameter = referenceParameterOf(type, name);
    const next = chainedType(parameter, modifier, rest);
    return [{ kind: 'chain', param: name, type: next, where: conditionsOf(next, rest, value, context, depth + 1) }];
  }
  const parameter = parameterOf(type, name);
  const known = modifierOf(parameter, modifier);
  if (known === 'missing') return [{ kind: 'missing', param: name, missing: booleanValue(value, key) }];
  const alternatives = alternativesOf(value, key, context);
  if (parameter.type === 'composite') return compositeConditions(type, parameter, alternatives, context);
  return [conditionOfValues(parameter, known, alternatives, context)];
}
