import { NeuroInsightError } from '../../domain/errors.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
/** Media types of resources in a request. */
export const RESOURCE_TYPES = ['application/fhir+json', 'application/json'] as const;
/** What `_format` may say (R4 http 3.1.0.1.11); a "+" that was not encoded arrives as a blank. */
const FORMATS: ReadonlySet<string> = new Set([
  'json',
  'text/json',
  'application/json',
  'application/fhir+json',
  'application/fhir json',
]);
const ACCEPTED: ReadonlySet<string> = new Set([
  '*/*',
  'application/*',
  'application/json',
  'application/fhir+json',
  'text/json',
]);

function accepts(range: string): boolean {
  const [type = '', ...parameters] = range.split(';');
  const refused = parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/i.test(parameter));
  return !refused && ACCEPTED.has(type.trim().toLowerCase());
}

/**
 * Throws not-acceptable when the client wants something else than JSON. `_format` wins over Accept, as R4 says.
 * @param format of the query, undefined when absent.
 */
export function requireJson(format: string | undefined, accept: string): void {
  const isWanted =
    format === undefined
      ? accept === '' || accept.split(',').some(accepts)
      : FORMATS.has(format.split(';')[0]!.trim().toLowerCase());
  if (!isWanted) throw new NeuroInsightError('not-acceptable', 'Answers are application/fhir+json only');
}

export type Preference = 'minimal' | 'representation' | 'OperationOutcome';

/** What the header Prefer says of the answer to a write; the representation unless it says otherwise. */
export function preferenceOf(prefer: string): Preference {
  const wanted = /(?:^|[,;\s])return\s*=\s*"?(minimal|representation|OperationOutcome)\b/i.exec(prefer)?.[1];
  if (wanted === undefined) return 'representation';
  if (wanted.toLowerCase() === 'minimal') return 'minimal';
  return wanted.toLowerCase() === 'operationoutcome' ? 'OperationOutcome' : 'representation';
}

/** Whether an If-None-Match names this version; "*" names any. */
export function namesVersion(ifNoneMatch: string, versionId: number): boolean {
  return ifNoneMatch.split(',').some((tag) => {
    const text = tag.trim();
    return text === '*' || text.replace(/^W\//, '') === `"${versionId}"`;
  });
}

/** Whether nothing changed since the second that If-Modified-Since names. */
export function isNotModifiedSince(ifModifiedSince: string, lastUpdated: string): boolean {
  const since = Date.parse(ifModifiedSince);
  return !Number.isNaN(since) && Math.floor(Date.parse(lastUpdated) / 1000) * 1000 <= since;
}
