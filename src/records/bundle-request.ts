import { NeuroInsightError } from '../domain/errors.ts';
import { baseOf, type RecordsDeps, type SearchParams } from './deps.ts';

/** More entries are refused before any is looked at. */
export const MAX_ENTRIES = 5000;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const;
export type EntryMethod = (typeof METHODS)[number];

/** One entry of a batch or transaction, its URL taken apart. */
export interface EntryRequest {
  /** Place in the bundle, from 0. */
  readonly index: number;
  readonly method: EntryMethod;
  /** Segments of the path below the base: ['Patient', '1']. */
  readonly path: readonly string[];
  /** What follows the question mark, undecoded; '' for nothing. */
  readonly query: string;
  readonly fullUrl: string | undefined;
  readonly resource: unknown;
  readonly ifNoneExist: string | undefined;
  readonly ifMatch: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function invalid(index: number, what: string): never {
  throw new NeuroInsightError('invalid-request', `Bundle.entry[${index}]: ${what}`);
}

/** Version in an If-Match, ETag or ifMatch: W/"3". Throws invalid-request for anything else. */
export function versionOfEtag(etag: string): number {
  const version = /^(?:W\/)?"([1-9][0-9]{0,8})"$/.exec(etag.trim())?.[1];
  if (version === undefined) throw new NeuroInsightError('invalid-request', 'An entity tag looks like W/"3"');
  return Number(version);
}

function optionalText(fields: Fields, name: string, index: number): string | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') invalid(index, `${name} must be a string`);
  return value;
}

function entryRequest(entry: unknown, index: number, base: string): EntryRequest {
  if (!isFields(entry)) invalid(index, 'must be an object');
  const { request } = entry;
  if (!isFields(request)) invalid(index, 'request is missing');
  const method = METHODS.find((name) => name === request.method);
  if (method === undefined) invalid(index, `request.method must be one of ${METHODS.join(', ')}`);
  const url = optionalText(request, 'url', index);
  if (url === undefined) invalid(index, 'request.url is missing');
  const relative = (url.startsWith(base) ? url.slice(base.length) : url).replace(/^\//, '');
  const mark = relative.indexOf('?');
  const path = mark === -1 ? relative : relative.slice(0, mark);
  const ifMatch = optionalText(request, 'ifMatch', index);
  return {
    index,
    method,
    path: path.split('/'),
    query: mark === -1 ? '' : relative.slice(mark + 1),
    fullUrl: optionalText(entry, 'fullUrl', index),
    resource: entry.resource,
    ifNoneExist: optionalText(request, 'ifNoneExist', index),
    ifMatch: ifMatch === undefined ? undefined : versionOfEtag(ifMatch),
  };
}

/** The kind of Bundle that was posted to the base. Throws invalid-request for anything but batch and transaction. */
export function bundleType(bundle: unknown): 'batch' | 'transaction' {
  if (!isFields(bundle) || bundle.resourceType !== 'Bundle') {
    throw new NeuroInsightError('invalid-request', 'The base takes a Bundle');
  }
  if (bundle.type !== 'batch' && bundle.type !== 'transaction') {
    throw new NeuroInsightError('invalid-request', 'Bundle.type must be batch or transaction');
  }
  return bundle.type;
}

/** The entries of a bundle, each as `take` makes of it. Throws invalid-request, limit-exceeded. */
function entriesOf<T>(bundle: object, take: (entry: unknown, index: number) => T): readonly T[] {
  const { entry } = bundle as { entry?: unknown };
  if (entry === undefined) return [];
  if (!Array.isArray(entry)) throw new NeuroInsightError('invalid-request', 'Bundle.entry must be an array');
  if (entry.length > MAX_ENTRIES) {
    throw new NeuroInsightError('limit-exceeded', `A Bundle may have ${MAX_ENTRIES} entries at most`);
  }
  return entry.map(take);
}

/** All entries of a transaction. Throws for the first that is malformed, and for full URLs that occur twice. */
export function transactionRequests(deps: Pick<RecordsDeps, 'publicUrl'>, bundle: object): readonly EntryRequest[] {
  const base = baseOf(deps);
  const requests = entriesOf(bundle, (entry, index) => entryRequest(entry, index, base));
  const fullUrls = new Set<string>();
  for (const { fullUrl, index } of requests) {
    if (fullUrl === undefined) continue;
    if (fullUrls.has(fullUrl)) invalid(index, 'fullUrl occurs twice');
    fullUrls.add(fullUrl);
  }
  return requests;
}

/** Entries of a batch; a malformed one is the error that it is to be answered with. */
export function batchRequests(
  deps: Pick<RecordsDeps, 'publicUrl'>,
  bundle: object,
): readonly (EntryRequest | NeuroInsightError)[] {
  const base = baseOf(deps);
  return entriesOf(bundle, (entry, index) => {
    try {
      return entryRequest(entry, index, base);
    } catch (error) {
      if (error instanceof NeuroInsightError) return error;
      throw error;
    }
  });
}

/** The query of an entry, decoded. */
export const paramsOf = (request: EntryRequest): SearchParams => [...new URLSearchParams(request.query)];

/** An error of one entry, with its place: a transaction fails as a whole and must say because of which. */
export function atEntry(error: unknown, { index }: Pick<EntryRequest, 'index'>): unknown {
  return error instanceof NeuroInsightError
    ? new NeuroInsightError(error.kind, `Bundle.entry[${index}]: ${error.message}`, { cause: error })
    : error;
}

/** Whether the entry changes nothing. */
export const isRead = ({ method }: EntryRequest): boolean => method === 'GET' || method === 'HEAD';
