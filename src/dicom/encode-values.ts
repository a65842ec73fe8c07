import { entryOf } from './dictionary.ts';

/** Characters a value of this VR may have at most; longer text is cut. PS3.5 table 6.2-1. */
const CUT_AT: Readonly<Record<string, number>> = {
  SH: 16,
  LO: 64,
  ST: 1024,
  LT: 10240,
  UC: 0x3fffffff,
  UT: 0x3fffffff,
};
/** Text where a backslash is a letter and line breaks are allowed. */
const FREE_TEXT: ReadonlySet<string> = new Set(['ST', 'LT', 'UT']);

/** What a value must look like; a value that does not is a defect of the builder. PS3.5 table 6.2-1. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  AE: /^[\x20-\x5b\x5d-\x7e]{1,16}$/,
  AS: /^\d{3}[DWMY]$/,
  CS: /^[A-Z0-9_ ]{1,16}$/,
  DA: /^\d{8}$/,
  DS: /^(?=.{1,16}$) *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$/,
  DT: /^\d{4}(\d{2}){0,5}(\.\d{1,6})?([+-]\d{4})?$/,
  IS: /^(?=.{1,12}$) *[+-]?\d+ *$/,
  TM: /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/,
  UI: /^(?=.{1,64}$)\d+(\.\d+)*$/,
  UR: /^[\x21-\x5b\x5d-\x7e]+$/,
};

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  US: [0, 0xffff],
  SS: [-0x8000, 0x7fff],
  UL: [0, 0xffffffff],
  SL: [-0x80000000, 0x7fffffff],
  IS: [-0x80000000, 0x7fffffff],
};

/**
 * A number as Decimal String: at most 16 characters (PS3.5 6.2), with as many digits as fit, never "-0".
 * Not a finite number: a plain Error.
 */
export function formatDecimalString(value: number): string {
  if (!Number.isFinite(value)) throw new Error('a Decimal String must be a finite number');
  const exact = String(value === 0 ? 0 : value);
  if (exact.length <= 16) return exact;
  for (let digits = 16; digits > 0; digits--) {
    const rounded = Number(value.toPrecision(digits));
    const plain = String(rounded);
    if (plain.length <= 16) return plain;
    const exponential = rounded.toExponential(digits - 1).replace('e+', 'e');
    if (exponential.length <= 16) return exponential;
  }
  throw new Error('a Decimal String does not fit in 16 characters');
}

/** Control characters become spaces; in short text a backslash would separate values and becomes a slash. */
function cleanText(vr: string, text: string): string {
  let clean = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const lineBreak = code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) clean += FREE_TEXT.has(vr) && lineBreak ? character : ' ';
    else if (character === '\\' && !FREE_TEXT.has(vr)) clean += '/';
    else clean += character;
  }
  return clean;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : [...text].slice(0, length).join('').trimEnd();
}

/** Text in the form its VR asks for: SH, LO, ST, LT, UC, UT and each component group of PN are cut at their limit. */
function formatText(vr: string, text: string): string {
  const clean = cleanText(vr, text.isWellFormed() ? text : text.toWellFormed());
  if (vr !== 'PN') return cut(clean, CUT_AT[vr]!);
  // A cut may fall between two components; the carets before it stay where they are (PS3.5 6.2.1).
  const groups = clean.split('=').slice(0, 3);
  return groups.map((group) => cut(group.split('^').slice(0, 5).join('^'), 64)).join('=');
}

function formatInteger(vr: string, value: unknown): number {
  const [least, most] = RANGES[vr]!;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new Error(`not a whole number that fits ${vr}`);
  }
  return value === 0 ? 0 : value;
}

/** A tag as number, as eight hex digits, or as the keyword of the attribute pointed at. */
function formatAttributeTag(value: unknown): number {
  if (typeof value === 'number') return formatInteger('UL', value);
  if (typeof value !== 'string') throw new Error('not a tag');
  return /^[0-9A-Fa-f]{8}$/.test(value) ? Number.parseInt(value, 16) : entryOf(value).tag;
}

function formatChecked(vr: string, value: unknown): string {
  let text = value;
  if (vr === 'DS' && typeof value === 'number') text = formatDecimalString(value);
  if (vr === 'IS' && typeof value === 'number') text = String(formatInteger(vr, value));
  if (typeof text !== 'string' || !PATTERNS[vr]!.test(text)) throw new Error(`not in the form of ${vr}`);
  return text;
}

/** One value in the form dcmjs writes for this VR. The message of an Error names the VR, never the value. */
export function formatValue(vr: string, value: unknown): string | number | bigint {
  if (vr in CUT_AT || vr === 'PN') {
    if (typeof value !== 'string') throw new Error(`not text for ${vr}`);
    return formatText(vr, value);
  }
  if (vr in PATTERNS) return formatChecked(vr, value);
  if (vr in RANGES) return formatInteger(vr, value);
  if (vr === 'AT') return formatAttributeTag(value);
  if (vr === 'UV' && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if ((vr === 'FL' || vr === 'FD') && typeof value === 'number' && Number.isFinite(value)) {
    if (vr === 'FD' || Number.isFinite(Math.fround(value))) return value;
  }
  throw new Error(`no value of ${vr}`);
}
