import { toNumber, withoutPadding } from './dataset.ts';

type NumberReader = readonly [size: number, read: (view: DataView, at: number, little: boolean) => number | string];

/** PS3.18 F.2.3: what JSON has no number for is a string. */
const finite = (value: number): number | string => {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
};
const safe = (value: bigint): number | string => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

const NUMBERS: ReadonlyMap<string, NumberReader> = new Map<string, NumberReader>([
  ['US', [2, (view, at, little) => view.getUint16(at, little)]],
  ['SS', [2, (view, at, little) => view.getInt16(at, little)]],
  ['UL', [4, (view, at, little) => view.getUint32(at, little)]],
  ['SL', [4, (view, at, little) => view.getInt32(at, little)]],
  ['FL', [4, (view, at, little) => finite(view.getFloat32(at, little))]],
  ['FD', [8, (view, at, little) => finite(view.getFloat64(at, little))]],
  ['UV', [8, (view, at, little) => safe(view.getBigUint64(at, little))]],
  ['SV', [8, (view, at, little) => safe(view.getBigInt64(at, little))]],
  ['AT', [4, attributeTag]],
]);

function attributeTag(view: DataView, at: number, little: boolean): string {
  const tag = view.getUint16(at, little) * 0x10000 + view.getUint16(at + 2, little);
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

/** Values of a binary VR of fixed size (US, FD, AT, ...); undefined for any other VR. A cut last value is left out. */
export function binaryValues(
  vr: string,
  view: DataView,
  start: number,
  length: number,
  little: boolean,
): (number | string)[] | undefined {
  const reader = NUMBERS.get(vr);
  if (!reader) return undefined;
  const [size, read] = reader;
  const values: (number | string)[] = [];
  for (let at = start; at + size <= start + length; at += size) values.push(read(view, at, little));
  return values;
}

/** PN of the DICOM JSON Model, PS3.18 F.2.2: component groups by name, empty ones left out. */
export interface JsonPersonName {
  readonly Alphabetic?: string;
  readonly Ideographic?: string;
  readonly Phonetic?: string;
}

const GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

function personName(text: string): JsonPersonName | null {
  if (!text.includes('=')) return text === '' ? null : { Alphabetic: text };
  const name: { Alphabetic?: string; Ideographic?: string; Phonetic?: string } = {};
  for (const [i, group] of text.split('=', GROUPS.length).entries()) {
    const trimmed = withoutPadding(group, true);
    if (trimmed !== '') name[GROUPS[i]!] = trimmed;
  }
  return Object.keys(name).length > 0 ? name : null;
}

/** DS and IS: a number where it is one, else the text as it was received (PS3.18 F.2.3). */
function decimal(text: string): number | string {
  const value = toNumber(text);
  return Number.isFinite(value) ? value : text;
}

function integer(text: string): number | string {
  const value = toNumber(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** Text that is one value, backslash or not. PS3.5 6.2. */
const SINGLE: ReadonlySet<string> = new Set(['LT', 'ST', 'UR', 'UT']);

/**
 * Values of a VR that is text, already decoded. An empty value among others is null; nothing but padding is no value.
 */
export function textValues(vr: string, text: string): unknown[] {
  if (SINGLE.has(vr)) {
    const single = withoutPadding(text, false);
    return single === '' ? [] : [single];
  }
  const value = valueReader(vr);
  if (!text.includes('\\')) {
    const only = value(withoutPadding(text, vr !== 'UC'));
    return only === null ? [] : [only];
  }
  return text.split('\\').map((part) => value(withoutPadding(part, vr !== 'UC')));
}

function valueReader(vr: string): (text: string) => unknown {
  if (vr === 'PN') return personName;
  const read = vr === 'DS' ? decimal : vr === 'IS' ? integer : undefined;
  return (text) => (text === '' ? null : read ? read(text) : text);
}
