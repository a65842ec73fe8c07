import { NeuroInsightError } from '../domain/errors.ts';
import { type CharacterSet, characterSetOf } from './charset.ts';
import { latin1 } from './charset-single.ts';
import { entryOf, tagOf } from './dictionary.ts';
import type { RawElement, RawItem } from './tokenizer.ts';

/** VRs whose text follows Specific Character Set (PS3.5 6.1.2.2). */
export const EXTENDED_TEXT: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
/** Text that is one value, backslash or not. */
const SINGLE_TEXT: ReadonlySet<string> = new Set(['LT', 'ST', 'UR', 'UT']);
const SPECIFIC_CHARACTER_SET = 0x00080005;

type NumberReader = readonly [size: number, read: (view: DataView, at: number, little: boolean) => number];
const BINARY_NUMBERS: Readonly<Record<string, NumberReader>> = {
  US: [2, (view, at, little) => view.getUint16(at, little)],
  SS: [2, (view, at, little) => view.getInt16(at, little)],
  UL: [4, (view, at, little) => view.getUint32(at, little)],
  SL: [4, (view, at, little) => view.getInt32(at, little)],
  FL: [4, (view, at, little) => view.getFloat32(at, little)],
  FD: [8, (view, at, little) => view.getFloat64(at, little)],
  OF: [4, (view, at, little) => view.getFloat32(at, little)],
  OD: [8, (view, at, little) => view.getFloat64(at, little)],
};

/**
 * Typed access to one dataset by the keywords of PS3.6. Absent and empty are both `undefined` (a list: empty).
 * Values are decoded when asked for. An unknown keyword is a defect: a plain Error.
 */
export class Dataset {
  readonly #bytes: Uint8Array;
  readonly #elements: readonly RawElement[];
  readonly #littleEndian: boolean;
  readonly #inherited: CharacterSet;
  #characterSet: CharacterSet | undefined;

  /** @param inherited character set of the dataset around this item; an own (0008,0005) overrides it. */
  constructor(bytes: Uint8Array, item: RawItem, littleEndian: boolean, inherited: CharacterSet) {
    this.#bytes = bytes;
    this.#elements = item.elements;
    this.#littleEndian = littleEndian;
    this.#inherited = inherited;
  }

  get elements(): readonly RawElement[] {
    return this.#elements;
  }

  /** Order of bytes in words of more than one byte; false only in explicit big endian. */
  get littleEndian(): boolean {
    return this.#littleEndian;
  }

  /** The raw element of a keyword or tag (0xGGGGEEEE), also when it is empty. */
  element(keyword: string | number): RawElement | undefined {
    const tag = typeof keyword === 'number' ? keyword : tagOf(keyword);
    let low = 0;
    let high = this.#elements.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const element = this.#elements[middle]!;
      if (element.tag === tag) return element;
      if (element.tag < tag) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** The bytes of the value as they lie in the file; a view, not a copy. */
  rawBytes(element: RawElement): Uint8Array {
    return this.#bytes.subarray(element.start, element.start + element.length);
  }

  /** All values as text, padding removed (leading spaces too, but for free text); an empty value stays ''. */
  strings(keyword: string | number): readonly string[] {
    const element = this.element(keyword);
    if (!element || element.length === 0 || element.items || element.fragments) return [];
    const vr = vrOf(element, keyword);
    const bytes = this.rawBytes(element);
    const text = EXTENDED_TEXT.has(vr) ? this.characterSet.decode(bytes, vr === 'PN') : latin1(bytes);
    if (SINGLE_TEXT.has(vr)) {
      const single = withoutPadding(text, false);
      return single === '' ? [] : [single];
    }
    const values = text.split('\\').map((value) => withoutPadding(value, true));
    return values.some((value) => value !== '') ? values : [];
  }

  /** First value as text. */
  string(keyword: string | number): string | undefined {
    return this.strings(keyword)[0] || undefined;
  }

  /**
   * A person name (PN) with its carets, empty trailing components and groups removed: "Doe^Jane^^^" -> "Doe^Jane".
   * PS3.5 6.2.1.
   */
  personName(keyword: string | number): string | undefined {
    const groups = this.string(keyword)
      ?.split('=')
      .map((group) => group.trim().replace(/[\^ ]+$/, ''));
    return groups?.join('=').replace(/=+$/, '') || undefined;
  }

  /** First value when it is a UID (PS3.5 9.1); throws malformed-dicom when it is something else. */
  uid(keyword: string): string | undefined {
    const value = this.string(keyword);
    if (value !== undefined && !isUid(value)) throw new NeuroInsightError('malformed-dicom', `${keyword} is not a UID`);
    return value;
  }

  /** All values as numbers: DS, IS and the binary VRs; undefined when one of them is no finite number, or none is there. */
  numbers(keyword: string | number): readonly number[] | undefined {
    const element = this.element(keyword);
    if (!element || element.length === 0) return undefined;
    const reader = BINARY_NUMBERS[vrOf(element, keyword, this)];
    const values = reader ? this.#binaryNumbers(element, reader) : this.strings(keyword).map(toNumber);
    return values.length > 0 && values.every(Number.isFinite) ? values : undefined;
  }

  /** First value as a number. */
  number(keyword: string | number): number | undefined {
    return this.numbers(keyword)?.[0];
  }

  /** First value as a number, when it is a whole one. */
  integer(keyword: string | number): number | undefined {
    const value = this.number(keyword);
    return Number.isInteger(value) ? value : undefined;
  }

  /** Items of a sequence; empty when it is absent. */
  sequence(keyword: string | number): readonly Dataset[] {
    const items = this.element(keyword)?.items;
    if (!items) return [];
    return items.map((item) => new Dataset(this.#bytes, item, this.#littleEndian, this.characterSet));
  }

  /** First item of a sequence. */
  item(keyword: string | number): Dataset | undefined {
    const first = this.element(keyword)?.items?.[0];
    return first && new Dataset(this.#bytes, first, this.#littleEndian, this.characterSet);
  }

  get characterSet(): CharacterSet {
    this.#characterSet ??= this.#ownCharacterSet();
    return this.#characterSet;
  }

  #ownCharacterSet(): CharacterSet {
    const element = this.element(SPECIFIC_CHARACTER_SET);
    if (!element || element.items || element.fragments) return this.#inherited;
    const terms = latin1(this.rawBytes(element))
      .split('\\')
      .map((term) => withoutPadding(term, true));
    return characterSetOf(terms.length === 1 && terms[0] === '' ? [] : terms);
  }

  #binaryNumbers(element: RawElement, [size, read]: NumberReader): number[] {
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + element.start, element.length);
    return Array.from({ length: Math.floor(element.length / size) }, (_, i) =>
      read(view, i * size, this.#littleEndian),
    );
  }
}

/** Digits and dots, no empty component, at most 64 characters. Leading zeros are let through: real devices write them. */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)*$/.test(text);
}

/** VR as written; for UN and in implicit VR that of the dictionary. */
function vrOf(element: RawElement, keyword: string | number, dataset?: Dataset): string {
  if (element.vr.name !== 'UN' || typeof keyword === 'number') return element.vr.name;
  const { vr } = entryOf(keyword);
  if (vr === 'xs') return dataset?.integer('PixelRepresentation') === 1 ? 'SS' : 'US';
  return vr === 'up' ? 'UL' : vr;
}

/** A number of DS or IS, else NaN; the decimal comma of some devices is not guessed at. PS3.5 6.2. */
export function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** Text without the spaces and NULs that pad it (PS3.5 6.2), those before it too where `leading` says so. */
export function withoutPadding(text: string, leading: boolean): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end--;
  let start = 0;
  if (leading) while (start < end && text.charCodeAt(start) === 0x20) start++;
  return text.slice(start, end);
}
