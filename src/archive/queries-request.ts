import { isUid } from '../dicom/dataset.ts';
import { entryOf, hexOfTag, isKeyword, keywordOfTag } from '../dicom/dictionary.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { type DicomMatch, type DicomQuery, MATCHABLE, type QueryLevel } from '../ports/index.ts';
import { matchOf } from './queries-match.ts';

/** What the path of a QIDO-RS request fixes. */
export interface QueryPath {
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

export interface SearchRequest {
  readonly query: DicomQuery;
  /** Tags wanted beside the required ones (eight hex digits): by includefield and by matching. */
  readonly include: ReadonlySet<string> | 'all';
  /** True when the client asked for no limit, or for more than is given at once. */
  readonly limitIsOurs: boolean;
}

/** Answers at once unless the client says how many, and at most. */
export const DEFAULT_LIMIT = 1000;
export const MOST_RESULTS = 5000;
/** Deep paging makes the index walk over what it skips. */
const MOST_OFFSET = 10_000_000;
const MOST_PARAMETERS = 100;

const LEVELS: readonly QueryLevel[] = ['study', 'series', 'instance'];
const PLURALS: Readonly<Record<QueryLevel, string>> = { study: 'studies', series: 'series', instance: 'instances' };

/** Parameters that are no attributes; PS3.18 8.3.1, 8.3.3 and 8.3.4. */
const CONTROLS: ReadonlySet<string> = new Set([
  'accept',
  'charset',
  'includefield',
  'fuzzymatching',
  'emptyvaluematching',
  'multiplevaluematching',
  'limit',
  'offset',
]);

const invalid = (message: string) => new NeuroInsightError('invalid-request', message);

/**
 * Reads the path and the query of a QIDO-RS search (PS3.18 8.3.4 and 10.6.1). Attributes are named by keyword or by
 * eight hexadecimal digits. Nothing is passed over in silence: what would not narrow the answer as asked is refused.
 *
 * @param pairs the decoded query string, in order.
 * @throws invalid-request naming the parameter, if it is an attribute: unknown, not matchable at this level, given twice,
 * or malformed.
 */
export function parseSearch(
  level: QueryLevel,
  path: QueryPath,
  pairs: readonly (readonly [string, string])[],
): SearchRequest {
  if (pairs.length > MOST_PARAMETERS) throw invalid(`more than ${MOST_PARAMETERS} parameters`);
  const fuzzy = flagOf(pairs, 'fuzzymatching');
  refuseUnsupportedFlags(pairs);
  const where: DicomMatch[] = pathMatches(path);
  const include = includedFields(pairs);
  for (const [name, value] of pairs) {
    if (CONTROLS.has(name)) continue;
    const keyword = matchableKeyword(level, name);
    const known = where.find((match) => match.keyword === keyword);
    if (known) throw invalid(`${keyword} is given twice`);
    where.push(matchOf(keyword, value, fuzzy));
    if (include !== 'all') include.add(hexOfTag(entryOf(keyword).tag));
  }
  const asked = countOf(pairs, 'limit', Number.MAX_SAFE_INTEGER);
  return {
    query: {
      level,
      where,
      limit: Math.min(asked ?? DEFAULT_LIMIT, MOST_RESULTS),
      offset: countOf(pairs, 'offset', MOST_OFFSET) ?? 0,
    },
    include,
    limitIsOurs: asked === undefined || asked > MOST_RESULTS,
  };
}

function pathMatches(path: QueryPath): DicomMatch[] {
  const matches: DicomMatch[] = [];
  const fix = (keyword: string, uid: string | undefined): void => {
    if (uid === undefined) return;
    if (!isUid(uid)) throw invalid(`the ${keyword} of the path is not a UID`);
    matches.push({ kind: 'uid', keyword, anyOf: [uid] });
  };
  fix('StudyInstanceUID', path.studyInstanceUid);
  fix('SeriesInstanceUID', path.seriesInstanceUid);
  return matches;
}

/** The keyword of a parameter that may be matched at the level. */
function matchableKeyword(level: QueryLevel, name: string): string {
  const path = name.split('.');
  if (path.length > 1) {
    const shown = path.every(isNameable) ? name : 'a path';
    throw invalid(`${shown}: attributes inside sequences cannot be matched`);
  }
  const keyword = keywordOf(name);
  if (keyword === undefined) {
    throw invalid(`the query has a parameter that is no attribute of DICOM${isNameable(name) ? `: ${name}` : ''}`);
  }
  const levels = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  if (!levels.some((one) => MATCHABLE[one].includes(keyword))) {
    throw invalid(`${keyword} cannot be matched in a search for ${PLURALS[level]}`);
  }
  return keyword;
}

/** A name from outside may be repeated. What no dictionary knows may be anything, the name of a patient among it. */
const isNameable = (name: string): boolean => isTag(name) || isKeyword(name);

const isTag = (name: string): boolean => /^[0-9A-Fa-f]{8}$/.test(name);

/** Keyword of a keyword or of eight hexadecimal digits. */
function keywordOf(name: string): string | undefined {
  if (isTag(name)) return keywordOfTag(Number.parseInt(name, 16));
  return isKeyword(name) ? name : undefined;
}

/** includefield: keywords, tags, dotted paths into sequences, lists of them, or `all`; PS3.18 8.3.4.3. */
function includedFields(pairs: readonly (readonly [string, string])[]): Set<string> | 'all' {
  const names = valuesOf(pairs, 'includefield').flatMap((value) => value.split(','));
  if (names.includes('all')) return 'all';
  const tags = new Set<string>();
  for (const name of names) {
    if (name === '') continue;
    // A path into a sequence brings the whole sequence: a part of an item would be another item.
    const [first, ...inner] = name.split('.').map(keywordOrPrivate);
    if (first === undefined || inner.includes(undefined))
      throw invalid('includefield has a name that is no attribute of DICOM');
    tags.add(first);
  }
  return tags;
}

/** Eight hexadecimal digits; a private or unknown tag is no error here: it may well be in an instance. */
function keywordOrPrivate(name: string): string | undefined {
  if (isTag(name)) return name.toUpperCase();
  return isKeyword(name) ? hexOfTag(entryOf(name).tag) : undefined;
}

function refuseUnsupportedFlags(pairs: readonly (readonly [string, string])[]): void {
  for (const name of ['emptyvaluematching', 'multiplevaluematching']) {
    if (flagOf(pairs, name)) throw invalid(`${name} is not supported`);
  }
}

function flagOf(pairs: readonly (readonly [string, string])[], name: string): boolean {
  const value = singleOf(pairs, name);
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid(`${name} is true or false`);
}

/** A whole number, 0 and up; more than `most` is refused. */
function countOf(pairs: readonly (readonly [string, string])[], name: string, most: number): number | undefined {
  const value = singleOf(pairs, name);
  if (value === undefined) return undefined;
  const count = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!(count <= most)) throw invalid(`${name} is a whole number from 0`);
  return count;
}

function singleOf(pairs: readonly (readonly [string, string])[], name: string): string | undefined {
  const values = valuesOf(pairs, name);
  if (values.length > 1) throw invalid(`${name} is given twice`);
  return values[0];
}

const valuesOf = (pairs: readonly (readonly [string, string])[], name: string): string[] =>
  pairs.filter(([key]) => key === name).map(([, value]) => value);
