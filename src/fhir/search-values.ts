import { NeuroInsightError } from '../domain/errors.ts';
import { foldText } from '../domain/fold-text.ts';
import type { Bounds, Comparator, TokenValue } from '../ports/index.ts';
import { spanOfDateTime } from './search-dates.ts';
import { readNumber, spanOfNumber } from './search-numbers.ts';
import { readReference } from './search-references.ts';

/** More is refused; the longest text that the index holds whole. */
const LONGEST_VALUE = 1000;
const COMPARATORS: readonly string[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];

export const invalid = (message: string): NeuroInsightError => new NeuroInsightError('invalid-request', message);

/** The name of a parameter as it may be repeated in a message: what nobody would name a parameter is not. */
export const named = (key: string): string => (/^[\w:.-]{1,100}$/.test(key) ? `parameter ${key}` : 'a parameter');

/** Splits where the separator is not escaped; escapes stay in the parts (R4 3.1.1.4.0.1). */
export function splitUnescaped(text: string, separator: ',' | '|' | '$'): readonly string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** The text that was meant. Throws invalid-request for a backslash that escapes none of comma, bar, dollar, backslash. */
export function unescaped(text: string, key: string): string {
  if (text.length > LONGEST_VALUE) throw invalid(`a value of ${named(key)} is longer than ${LONGEST_VALUE} characters`);
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(.?)/gsu, (_, character: string) => {
    if (character === '' || !',|$\\'.includes(character)) {
      throw invalid(`a value of ${named(key)} has a backslash that escapes nothing: write \\\\ for one`);
    }
    return character;
  });
}

/** `code`, `system|code`, `|code`, `system|` (R4 3.1.1.4.5). */
export function tokenValue(text: string, key: string): TokenValue {
  const parts = splitUnescaped(text, '|').map((part) => unescaped(part, key));
  const [first, second] = parts;
  if (parts.length === 1 && first !== '') return { code: first! };
  if (parts.length !== 2 || (first === '' && second === '')) {
    throw invalid(`a value of ${named(key)} is none of code, system|code, |code and system|`);
  }
  return second === '' ? { system: first! } : { system: first!, code: second! };
}

/** Folded unless every character counts. */
export function stringValue(text: string, key: string, match: 'starts' | 'exact' | 'contains'): string {
  const meant = unescaped(text, key);
  const value = match === 'exact' ? meant : foldText(meant);
  if (value === '') throw invalid(`a value of ${named(key)} has no letter to look for`);
  return value;
}

function prefixOf(text: string): { readonly comparator: Comparator; readonly rest: string } {
  const prefix = text.slice(0, 2);
  return COMPARATORS.includes(prefix)
    ? { comparator: prefix as Comparator, rest: text.slice(2) }
    : { comparator: 'eq', rest: text };
}

/** Approximately: a tenth of the time between then and now, on both sides (R4 3.1.1.4.1). */
export function dateValue(text: string, key: string, now: Date): Bounds {
  const { comparator, rest } = prefixOf(unescaped(text, key));
  const span = spanOfDateTime(rest);
  if (span === undefined) {
    throw invalid(`a value of ${named(key)} is not a date: [eq|ne|gt|lt|ge|le|sa|eb|ap]YYYY[-MM[-DD[Thh:mm[:ss]Z]]]`);
  }
  const { low, high } = span;
  if (comparator !== 'ap') return { comparator, low, high };
  const margin = Math.round(Math.abs(now.getTime() - low) / 10);
  return { comparator, low: low - margin, high: high + margin };
}

/** The precision counts for eq and ne alone: gt5.0 is what is more than exactly 5 (R4 3.1.1.4.2). */
export function numberValue(text: string, key: string): Bounds {
  const { comparator, rest } = prefixOf(text);
  const number = readNumber(rest);
  if (number === undefined)
    throw invalid(`a value of ${named(key)} is not a number: [eq|ne|gt|lt|ge|le|sa|eb|ap]NUMBER`);
  if (comparator === 'eq' || comparator === 'ne') return { comparator, ...spanOfNumber(number) };
  const margin = comparator === 'ap' ? Math.max(Math.abs(number.value) / 10, number.half) : 0;
  return { comparator, low: number.value - margin, high: number.value + margin };
}

/** `number`, `number|system|code`, `number||code` where the code may be the unit in words (R4 3.1.1.4.9). */
export function quantityValue(
  text: string,
  key: string,
): Bounds & { readonly system?: string; readonly code?: string } {
  const [number, system, code, ...more] = splitUnescaped(text, '|').map((part) => unescaped(part, key));
  const bounds = numberValue(number!, key);
  if (system === undefined) return bounds;
  if (!code || more.length > 0)
    throw invalid(`a value of ${named(key)} is none of NUMBER, NUMBER|system|code and NUMBER||code`);
  return { ...bounds, ...(system !== '' && { system }), code };
}

interface ReferenceValue {
  readonly type?: string;
  readonly id?: string;
  readonly url?: string;
}

/** `id`, `Type/id`, or an address; `type` is what the modifier says. */
export function referenceValue(
  text: string,
  key: string,
  type: string | undefined,
  publicUrl: string | undefined,
): ReferenceValue {
  const meant = unescaped(text, key);
  if (/^[A-Za-z0-9.-]{1,64}$/.test(meant)) return type === undefined ? { id: meant } : { type, id: meant };
  if (meant.includes('/_history/'))
    throw invalid(`a value of ${named(key)} names a version: references are found without`);
  const target = readReference(meant, publicUrl);
  if (target === undefined) throw invalid(`a value of ${named(key)} is none of id, Type/id and URL`);
  if (type !== undefined && 'type' in target && target.type !== type) {
    throw invalid(`a value of ${named(key)} is of another type than the modifier says`);
  }
  return target;
}

export function idValue(text: string, key: string): string {
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(text)) throw invalid(`a value of ${named(key)} is not an id`);
  return text;
}

export function booleanValue(text: string, key: string): boolean {
  if (text !== 'true' && text !== 'false') throw invalid(`${named(key)} is either true or false`);
  return text === 'true';
}
