import { NeuroInsightError } from '../../domain/errors.ts';

/** One entry of an Accept header, read as PS3.18 8.7.4 means it. */
export interface AcceptedType {
  /** `multipart/related` around the type, or the type alone; the range of everything takes both. */
  readonly form: 'multipart' | 'single' | 'any';
  // Lower case; a wildcard may stand for the second half or for both.
  readonly type: string;
  /** A UID or `*`; absent: the default of the media type. */
  readonly transferSyntax: string | undefined;
  readonly q: number;
}

/** Something the server could send. */
export interface Offer {
  readonly form: 'multipart' | 'single';
  readonly type: string;
  /** Transfer syntax of what would be sent; absent for media types that have none. */
  readonly transferSyntax?: string;
  /** Whether an entry that names no transfer syntax takes it. */
  readonly isDefault?: boolean;
}

/** More entries than any client lists. */
const MOST_ENTRIES = 64;
const ANYTHING: AcceptedType = { form: 'any', type: '*/*', transferSyntax: '*', q: 1 };

/**
 * Entries of an Accept header in the order of preference: by q, then as listed. Generous in form, because viewers are
 * not: a type without quotes, a list, several headers (joined by commas), `accept` in the query (8.3.3.1) before the
 * header. Nothing said means anything; an entry that cannot be read takes nothing.
 */
export function acceptedTypes(header: string | undefined, parameter?: string): readonly AcceptedType[] {
  const text = parameter?.trim() || header?.trim();
  if (!text) return [ANYTHING];
  const entries = splitOutsideQuotes(text, ',').slice(0, MOST_ENTRIES).map(entryOf);
  const readable = entries.filter((entry) => entry !== undefined && entry.q > 0) as AcceptedType[];
  // Array.prototype.sort is stable: entries of equal weight stay as the client listed them.
  return readable.sort((a, b) => b.q - a.q);
}

function entryOf(text: string): AcceptedType | undefined {
  const [range = '', ...rest] = splitOutsideQuotes(text, ';').map((part) => part.trim());
  const parameters = new Map(rest.map(parameterOf));
  const q = Number(parameters.get('q') ?? 1);
  const transferSyntax = parameters.get('transfer-syntax');
  const outer = range.toLowerCase();
  if (!/^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(outer) || !(q >= 0)) return undefined;
  if (outer === '*/*') return { form: 'any', type: '*/*', transferSyntax: transferSyntax ?? '*', q };
  if (outer !== 'multipart/related' && outer !== 'multipart/*')
    return { form: 'single', type: outer, transferSyntax, q };
  const type = parameters.get('type')?.toLowerCase();
  // Without a type whatever is in the envelope is welcome, in any encoding.
  return type
    ? { form: 'multipart', type, transferSyntax, q }
    : { form: 'multipart', type: '*/*', transferSyntax: '*', q };
}

/** Name and value; the value may be quoted or, against RFC 9110, hold a slash without being so. */
function parameterOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 0) return [text.toLowerCase(), ''];
  const value = text.slice(at + 1).trim();
  const bare = value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  return [text.slice(0, at).trim().toLowerCase(), bare.trim()];
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === separator && !quoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/**
 * The first offer, in the server's order, that the client's most wanted entry takes.
 * @throws not-acceptable naming what there is.
 */
export function negotiate<O extends Offer>(accepted: readonly AcceptedType[], offers: readonly O[]): O {
  for (const entry of accepted) {
    const offer = offers.find((one) => takes(entry, one));
    if (offer) return offer;
  }
  const there = offers.map(({ form, type, transferSyntax }) => {
    const syntax = transferSyntax ? `; transfer-syntax=${transferSyntax}` : '';
    return form === 'multipart' ? `multipart/related; type="${type}"${syntax}` : `${type}${syntax}`;
  });
  throw new NeuroInsightError('not-acceptable', `this can be had as ${[...new Set(there)].join(' or ')}`);
}

function takes(entry: AcceptedType, offer: Offer): boolean {
  if (entry.form !== 'any' && entry.form !== offer.form) return false;
  const [group] = offer.type.split('/');
  if (entry.type !== '*/*' && entry.type !== offer.type && entry.type !== `${group}/*`) return false;
  if (offer.transferSyntax === undefined || entry.transferSyntax === '*') return true;
  if (entry.transferSyntax === undefined) return offer.isDefault === true;
  return entry.transferSyntax === offer.transferSyntax;
}
