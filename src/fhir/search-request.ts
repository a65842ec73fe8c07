import { NeuroInsightError } from '../domain/errors.ts';
import type { Condition, ResourceQuery, SortKey } from '../ports/index.ts';
import { conditionsOf, parameterOf, referenceParameterOf, type SearchContext } from './search-conditions.ts';
import { isSupportedType, SERVER_WRITTEN, type SupportedType } from './search-parameters.ts';
import { invalid, named } from './search-values.ts';

const DEFAULT_COUNT = 50;
const LARGEST_COUNT = 1000;
const FARTHEST_OFFSET = 1_000_000;
const MOST_PARAMETERS = 200;
const MOST_SORT_KEYS = 5;
const MOST_ELEMENTS = 100;
const MOST_INCLUDES = 20;

/** `_include` and `_revinclude`: resources of `type` refer by `param`, to `target` only where that is given. */
export interface Include {
  readonly type: SupportedType;
  readonly param: string;
  readonly target?: SupportedType;
}

export type Summary = 'true' | 'text' | 'data' | 'count' | 'false';
const SUMMARIES: readonly string[] = ['true', 'text', 'data', 'count', 'false'];

export interface SearchRequest {
  readonly query: ResourceQuery;
  readonly includes: readonly Include[];
  readonly revIncludes: readonly Include[];
  readonly summary: Summary;
  /** Names of top elements that are wanted; empty: all. */
  readonly elements: readonly string[];
  /** What was understood, in its order, for the link "self"; without `_offset`, which pages add. */
  readonly selfLinkParams: readonly (readonly [string, string])[];
}

export interface SearchOptions {
  /** Where the server says it is; absolute references below its FHIR base are read as relative ones. */
  readonly publicUrl?: string;
  /** For the prefix ap of dates. */
  readonly now?: Date;
}

interface Draft {
  readonly type: SupportedType;
  readonly where: Condition[];
  readonly includes: Include[];
  readonly revIncludes: Include[];
  readonly self: (readonly [string, string])[];
  readonly seen: Set<string>;
  sort: readonly SortKey[];
  count: number;
  offset: number;
  total: boolean;
  summary: Summary;
  elements: readonly string[];
}

function wholeNumber(value: string, key: string): number {
  if (!/^\d{1,9}$/.test(value)) throw invalid(`${named(key)} is a whole number from 0`);
  return Number(value);
}

function sortKeys(type: SupportedType, value: string): readonly SortKey[] {
  const names = value.split(',');
  const plain = names.map((name) => name.replace(/^-/, ''));
  if (names.length > MOST_SORT_KEYS) throw invalid(`_sort has at most ${MOST_SORT_KEYS} parameters`);
  if (new Set(plain).size < plain.length) throw invalid('_sort names a parameter twice');
  return plain.map((param, i) => {
    const parameter = parameterOf(type, param);
    const descending = names[i]!.startsWith('-');
    if (parameter.type === 'composite') throw invalid(`_sort cannot order by ${named(param)}: it is a composite`);
    if (param === '_id') return { param, kind: 'id', descending };
    return { param, kind: param === '_lastUpdated' ? 'lastUpdated' : parameter.type, descending };
  });
}

/** `Type:parameter[:Target]`. */
function includeOf(value: string, key: '_include' | '_revinclude'): Include {
  const [type, param, target, ...more] = value.split(':');
  if (type === undefined || param === undefined || more.length > 0)
    throw invalid(`${key} is written as Type:parameter[:Target]`);
  if (!isSupportedType(type) || type === SERVER_WRITTEN) {
    throw invalid(`${key} names a resource type that is not supported there`);
  }
  if (param === '*') throw invalid(`${key} with * is not supported: name the parameter`);
  const { targets } = referenceParameterOf(type, param);
  if (target === undefined) return { type, param };
  if (!isSupportedType(target) || !targets.includes(target))
    throw invalid(`${key}: ${named(param)} of ${type} does not refer to that type`);
  return { type, param, target };
}

function addInclude(draft: Draft, value: string): void {
  const include = includeOf(value, '_include');
  // Without :iterate an include starts at a match, and every match is of the type searched for.
  if (include.type !== draft.type) throw invalid(`_include starts at ${draft.type}, the type that is searched for`);
  draft.includes.push(include);
}

function addRevInclude(draft: Draft, value: string): void {
  const include = includeOf(value, '_revinclude');
  const { targets } = referenceParameterOf(include.type, include.param);
  if (!targets.includes(draft.type) || (include.target ?? draft.type) !== draft.type) {
    throw invalid(`_revinclude: ${named(include.param)} of ${include.type} does not refer to ${draft.type}`);
  }
  draft.revIncludes.push(include);
}

function elementNames(value: string): readonly string[] {
  const names = value.split(',');
  if (names.length > MOST_ELEMENTS || !names.every((name) => /^[a-z][A-Za-z0-9]{0,63}$/.test(name))) {
    throw invalid(`_elements is a list of at most ${MOST_ELEMENTS} names of top elements`);
  }
  return names;
}

function readTotal(value: string): boolean {
  if (!['none', 'estimate', 'accurate'].includes(value)) throw invalid('_total is one of none, estimate, accurate');
  return value !== 'none';
}

function readSummary(value: string): Summary {
  if (!SUMMARIES.includes(value)) throw invalid(`_summary is one of ${SUMMARIES.join(', ')}`);
  return value as Summary;
}

function readContained(value: string): void {
  if (value !== 'false') throw invalid('_contained is not supported: contained resources are not found');
}

/** What a parameter that says how to answer does. False: it is a parameter of the search. */
function readResultParameter(draft: Draft, key: string, value: string): boolean {
  switch (key) {
    case '_include':
      addInclude(draft, value);
      return true;
    case '_revinclude':
      addRevInclude(draft, value);
      return true;
    case '_sort':
      draft.sort = sortKeys(draft.type, value);
      return true;
    case '_count':
      draft.count = Math.min(wholeNumber(value, key), LARGEST_COUNT);
      return true;
    case '_offset':
      draft.offset = wholeNumber(value, key);
      if (draft.offset > FARTHEST_OFFSET) throw invalid(`_offset is at most ${FARTHEST_OFFSET}: narrow the search`);
      return true;
    case '_total':
      draft.total = readTotal(value);
      return true;
    case '_summary':
      draft.summary = readSummary(value);
      return true;
    case '_elements':
      draft.elements = elementNames(value);
      return true;
    case '_contained':
      readContained(value);
      return true;
    default:
      return false;
  }
}

/** Said to the HTTP door, which has read them. */
const OF_THE_DOOR = ['_format', '_pretty'];
const REPEATABLE = ['_include', '_revinclude'];

function readParameter(draft: Draft, key: string, value: string, context: SearchContext): void {
  if (OF_THE_DOOR.includes(key)) return;
  if (/^_(include|revinclude|sort):/.test(key)) throw invalid(`the modifier of ${named(key)} is not supported`);
  const isResultParameter = readResultParameter(draft, key, value);
  if (!isResultParameter)
    for (const condition of conditionsOf(draft.type, key, value, context)) draft.where.push(condition);
  else if (!REPEATABLE.includes(key) && draft.seen.has(key)) throw invalid(`${named(key)} is given twice`);
  draft.seen.add(key);
  if (key === '_count') draft.self.push([key, String(draft.count)]);
  else if (key !== '_offset') draft.self.push([key, value]);
}

/**
 * Reads the parameters of a search, names and values as they were before they were encoded for a URL (R4 3.1.1).
 * Strict: what is not understood is refused, never ignored. All text is literal. Of `_count` more than 1000 is read as
 * 1000, absent as 50; a total is counted when asked for, by `_total`, `_count=0` or `_summary=count`.
 *
 * Throws not-found for a type that is not supported and invalid-request for everything else, naming the parameter.
 */
export function parseSearch(
  type: string,
  params: readonly (readonly [string, string])[],
  { publicUrl, now = new Date() }: SearchOptions = {},
): SearchRequest {
  if (!isSupportedType(type)) throw new NeuroInsightError('not-found', 'this resource type is not supported');
  if (params.length > MOST_PARAMETERS) throw invalid(`a search has at most ${MOST_PARAMETERS} parameters`);
  const draft: Draft = {
    type,
    where: [],
    includes: [],
    revIncludes: [],
    self: [],
    seen: new Set(),
    sort: [],
    count: DEFAULT_COUNT,
    offset: 0,
    total: false,
    summary: 'false',
    elements: [],
  };
  const context: SearchContext = { publicUrl, now, spent: { conditions: 0, alternatives: 0 } };
  for (const [key, value] of params) readParameter(draft, key, value, context);
  const { where, sort, offset, includes, revIncludes, summary, elements } = draft;
  if (includes.length + revIncludes.length > MOST_INCLUDES)
    throw invalid(`a search has at most ${MOST_INCLUDES} includes`);
  if (elements.length > 0 && summary !== 'false') throw invalid('_elements and _summary exclude each other');
  const count = summary === 'count' ? 0 : draft.count;
  const query = { resourceType: type, where, sort, count, offset, total: draft.total || count === 0 };
  return { query, includes, revIncludes, summary, elements, selfLinkParams: draft.self };
}
