import { foldText } from '../domain/fold-text.ts';
import type { IndexEntry } from '../ports/index.ts';
import { BEGINNING_OF_TIME, END_OF_TIME, type Span, spanOfDateTime } from './search-dates.ts';
import type { Place, SearchParameter } from './search-parameters.ts';
import { readReference } from './search-references.ts';

type Values = Readonly<Record<string, unknown>>;
type Found<Kind extends IndexEntry['kind']> = Omit<Extract<IndexEntry, { kind: Kind }>, 'kind' | 'param'>;

/** Longer text is indexed by its beginning. Keys of a B-tree are not for essays. */
const LONGEST_TEXT = 1000;
/** An absent bound of a range; finite, so that every store and JSON can hold it. */
const LEAST = -Number.MAX_VALUE;
const GREATEST = Number.MAX_VALUE;

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null;
const textIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? (value.length > LONGEST_TEXT ? cut(value) : value) : undefined;
const cut = (text: string): string => text.slice(0, LONGEST_TEXT).toWellFormed();
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

/** Absent properties stay absent. */
function tokenOf(system: unknown, code: unknown): Found<'token'> | undefined {
  const [ofSystem, ofCode] = [textIn(system), textIn(code)];
  if (ofSystem === undefined && ofCode === undefined) return undefined;
  return {
    ...(ofSystem === undefined ? undefined : { system: ofSystem }),
    ...(ofCode === undefined ? undefined : { code: ofCode }),
  };
}

function tokensOf(dataType: string, value: unknown): readonly (Found<'token'> | undefined)[] {
  if (!isObject(value)) return [tokenOf(undefined, typeof value === 'boolean' ? String(value) : value)];
  if (dataType === 'CodeableConcept') {
    const codings = listOf(value.coding).filter(isObject);
    // A concept in words alone is a value for :missing and :not, but no code finds it.
    return codings.length > 0 ? codings.map(({ system, code }) => tokenOf(system, code)) : [{}];
  }
  if (dataType === 'Coding') return [tokenOf(value.system, value.code)];
  if (dataType === 'Identifier') return [tokenOf(value.system, value.value)];
  return dataType === 'ContactPoint' ? [tokenOf(undefined, value.value)] : [];
}

const NAME_PARTS = ['family', 'given', 'prefix', 'suffix', 'text'];
const ADDRESS_PARTS = ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'];

function textsOf(dataType: string, value: unknown): readonly string[] {
  if (!isObject(value)) return listOf(textIn(value)) as string[];
  const parts = dataType === 'HumanName' ? NAME_PARTS : dataType === 'Address' ? ADDRESS_PARTS : [];
  return parts.flatMap((part) => listOf(value[part]).flatMap((one) => textIn(one) ?? []));
}

const spanIn = (value: unknown): Span | undefined => (typeof value === 'string' ? spanOfDateTime(value) : undefined);

function spanOfPeriod({ start, end }: Values): Span | undefined {
  const [first, last] = [spanIn(start), spanIn(end)];
  if (first === undefined && last === undefined) return undefined;
  return { low: first?.low ?? BEGINNING_OF_TIME, high: last?.high ?? END_OF_TIME };
}

/** The outer limits of a schedule (R4 3.1.1.4.3); one without event and bounds can be at any time. */
function spanOfTiming({ event, repeat }: Values): Span | undefined {
  const spans = listOf(event).flatMap((one) => spanIn(one) ?? []);
  const bounds = isObject(repeat) && isObject(repeat.boundsPeriod) ? spanOfPeriod(repeat.boundsPeriod) : undefined;
  if (bounds) spans.push(bounds);
  if (spans.length === 0) return isObject(repeat) ? { low: BEGINNING_OF_TIME, high: END_OF_TIME } : undefined;
  return {
    low: spans.reduce((least, { low }) => Math.min(least, low), END_OF_TIME),
    high: spans.reduce((greatest, { high }) => Math.max(greatest, high), BEGINNING_OF_TIME),
  };
}

function spanOf(dataType: string, value: unknown): Span | undefined {
  if (!isObject(value)) return spanIn(value);
  return dataType === 'Period' ? spanOfPeriod(value) : dataType === 'Timing' ? spanOfTiming(value) : undefined;
}

/** What a value stands for: a point, or a half-line when it says "less than" or "more than". */
function rangeOf({ value, comparator }: Values): { low: number; high: number } | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  if (comparator === '<' || comparator === '<=') return { low: LEAST, high: value };
  if (comparator === '>' || comparator === '>=') return { low: value, high: GREATEST };
  return { low: value, high: value };
}

/** By its code, and by the unit that people read where that is another (R4 3.1.1.4.9). */
function quantitiesOf(dataType: string, value: unknown): readonly Found<'quantity'>[] {
  if (!isObject(value)) return [];
  const [low, high] =
    dataType === 'Range' ? [value.low, value.high].map((end) => (isObject(end) ? end : undefined)) : [];
  const [from, to] = [low && rangeOf(low), high && rangeOf(high)];
  const range =
    dataType !== 'Range'
      ? rangeOf(value)
      : from || to
        ? { low: from?.low ?? LEAST, high: to?.high ?? GREATEST }
        : undefined;
  if (range === undefined) return [];
  const { system, code, unit } = low ?? high ?? value;
  const coded = { ...range, ...tokenOf(system, code) };
  const inWords = textIn(unit);
  return inWords === undefined || inWords === code ? [coded] : [coded, { ...range, code: inWords }];
}

/** A canonical is found with its version and without. */
function urisOf(dataType: string, value: unknown): readonly string[] {
  const uri = textIn(value);
  if (uri === undefined) return [];
  const bar = dataType === 'canonical' ? uri.indexOf('|') : -1;
  return bar > 0 ? [uri, uri.slice(0, bar)] : [uri];
}

function referencesOf(dataType: string, value: unknown, publicUrl: string | undefined): readonly Found<'reference'>[] {
  if (!isObject(value)) return urisOf(dataType, value).map((url) => ({ url }));
  const address = textIn(value.reference);
  const target = address === undefined ? undefined : readReference(address, publicUrl);
  const named = isObject(value.identifier) ? tokenOf(value.identifier.system, value.identifier.value) : undefined;
  // Without an address we know it is still a value for :missing.
  return [{ ...target, ...named }];
}

/** Adds the entries of one value; nothing for a value that is not of the datatype. */
export function entriesOf(
  { name: param, type }: SearchParameter,
  { dataType }: Place,
  value: unknown,
  publicUrl: string | undefined,
  entries: IndexEntry[],
): void {
  if (type === 'token') {
    for (const token of tokensOf(dataType, value)) if (token) entries.push({ kind: 'token', param, ...token });
  } else if (type === 'string') {
    for (const text of textsOf(dataType, value)) {
      entries.push({ kind: 'string', param, value: text, folded: foldText(text) });
    }
  } else if (type === 'date') {
    const span = spanOf(dataType, value);
    if (span) entries.push({ kind: 'date', param, ...span });
  } else if (type === 'reference') {
    for (const reference of referencesOf(dataType, value, publicUrl))
      entries.push({ kind: 'reference', param, ...reference });
  } else if (type === 'quantity') {
    for (const quantity of quantitiesOf(dataType, value)) entries.push({ kind: 'quantity', param, ...quantity });
  } else {
    for (const uri of urisOf(dataType, value)) entries.push({ kind: 'uri', param, value: uri });
  }
}
