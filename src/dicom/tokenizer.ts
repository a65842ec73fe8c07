import { NeuroInsightError } from '../domain/errors.ts';
import { hexOfTag, vrOfTag } from './dictionary.ts';
import { SQ, UN, type Vr, vrOfLetters, vrOfName } from './vr.ts';

/** A stretch of bytes, from `start`, `length` long. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** One data element, found but not decoded. Offsets count from the first byte of the tokenized bytes. */
export interface RawElement extends Span {
  /** 0xGGGGEEEE. */
  readonly tag: number;
  readonly vr: Vr;
  /** Items of a sequence, in file order. */
  readonly items: readonly RawItem[] | undefined;
  /** Fragments of encapsulated pixel data; the first is the basic offset table (PS3.5 A.4). */
  readonly fragments: readonly Span[] | undefined;
}

/** One dataset: the file's, or that of a sequence item. */
export interface RawItem {
  /** In ascending order of their tags, no tag twice. */
  readonly elements: readonly RawElement[];
}

export interface Limits {
  /** Sequences inside sequences. */
  readonly depth: number;
  /** Elements, items and fragments of the whole file. */
  readonly elements: number;
}

/** The caps of untrusted bytes; an enhanced object of 1 000 frames has about 40 000 elements. */
export const DEFAULT_LIMITS: Limits = { depth: 64, elements: 100_000 };

export interface Encoding {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

export const PIXEL_DATA = 0x7fe00010;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const UNDEFINED_LENGTH = 0xffffffff;

/** What is open at a moment: a dataset being filled, or a sequence collecting items. */
interface Level {
  /** Undefined while a sequence collects items. */
  readonly elements: RawElement[] | undefined;
  readonly items: RawItem[] | undefined;
  /** The level may not pass this offset. */
  readonly end: number;
  /** Ends with a delimiter instead of at `end`. */
  readonly delimited: boolean;
  readonly explicit: boolean;
  lastTag: number;
  sorted: boolean;
}

const tooMuch = (message: string) => new NeuroInsightError('limit-exceeded', message);
const malformed = (message: string) => new NeuroInsightError('malformed-dicom', message);

/**
 * Finds every data element of a dataset without decoding any. Iterative: no input can exhaust the stack; nothing is
 * allocated by a declared length. PS3.5 chapter 7.
 *
 * @param end where the dataset stops; reading starts at `start`.
 * @param stopAfterPixelData leaves what follows (7FE0,0010) unread.
 * @throws truncated: a declared length passes the end of the bytes, a delimiter is missing;
 *   malformed-dicom: what cannot be a data element, an element that passes the item around it, a tag twice;
 *   limit-exceeded: deeper or more than `limits`.
 */
export function tokenize(
  bytes: Uint8Array,
  start: number,
  encoding: Encoding,
  stopAfterPixelData: boolean,
  limits: Limits = DEFAULT_LIMITS,
): RawItem {
  return new Tokenizer(bytes, start, encoding, stopAfterPixelData, limits).run(encoding.explicit);
}

class Tokenizer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #stopAfterPixelData: boolean;
  readonly #limits: Limits;
  readonly #levels: Level[] = [];
  #position: number;
  #count = 0;
  #stopped = false;

  constructor(bytes: Uint8Array, start: number, encoding: Encoding, stopAfterPixelData: boolean, limits: Limits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = encoding.littleEndian;
    this.#stopAfterPixelData = stopAfterPixelData;
    this.#limits = limits;
    this.#position = start;
  }

  run(explicit: boolean): RawItem {
    const root: RawElement[] = [];
    this.#open(root, undefined, this.#bytes.length, false, explicit);
    while (this.#levels.length > 0) {
      const level = this.#levels[this.#levels.length - 1]!;
      if (this.#position === level.end) {
        if (level.delimited) throw this.#overrun(level, 'a delimiter is missing');
        this.#close(level);
      } else if (level.elements) {
        this.#readElement(level, level.elements);
        if (this.#stopped) {
          this.#close(level);
          break;
        }
      } else this.#readItem(level, level.items!);
    }
    return { elements: root };
  }

  #open(
    elements: RawElement[] | undefined,
    items: RawItem[] | undefined,
    end: number,
    delimited: boolean,
    explicit: boolean,
  ): void {
    // Sequence and item alternate on the stack: two levels are one step of depth.
    if (this.#levels.length > 2 * this.#limits.depth)
      throw tooMuch(`sequences nested deeper than ${this.#limits.depth}`);
    this.#levels.push({ elements, items, end, delimited, explicit, lastTag: -1, sorted: true });
  }

  #close(level: Level): void {
    this.#levels.pop();
    if (level.sorted || !level.elements) return;
    // PS3.5 7.1 asks for ascending tags; what breaks that is read all the same, but no tag may come twice.
    level.elements.sort((a, b) => a.tag - b.tag);
    for (let i = 1; i < level.elements.length; i++) {
      if (level.elements[i]!.tag === level.elements[i - 1]!.tag)
        throw malformed(`element ${hexOfTag(level.elements[i]!.tag)} comes twice`);
    }
  }

  #readElement(level: Level, elements: RawElement[]): void {
    const at = this.#position;
    if (level.end - at < 8) throw this.#overrun(level, 'an element header is cut');
    const tag = this.#tagAt(at);
    if (tag === ITEM_END && level.delimited) {
      this.#position = at + 8;
      this.#close(level);
      return;
    }
    if (tag >>> 16 === 0xfffe) throw malformed('an item or delimiter where an element should be');
    this.#countOne();
    if (tag <= level.lastTag) {
      if (tag === level.lastTag) throw malformed(`element ${hexOfTag(tag)} comes twice`);
      level.sorted = false;
    } else level.lastTag = tag;
    this.#readValue(level, elements, tag, at);
  }

  #readValue(level: Level, elements: RawElement[], tag: number, at: number): void {
    let vr: Vr;
    let start = at + 8;
    let length: number;
    if (level.explicit) {
      const known = vrOfLetters(this.#bytes[at + 4]!, this.#bytes[at + 5]!);
      if (!known) throw malformed(`element ${hexOfTag(tag)} has no value representation`);
      vr = known;
      if (vr.long) {
        start = at + 12;
        if (start > level.end) throw this.#overrun(level, 'an element header is cut');
        length = this.#view.getUint32(at + 8, this.#little);
      } else length = this.#view.getUint16(at + 6, this.#little);
    } else {
      vr = vrOfName(vrOfTag(tag));
      length = this.#view.getUint32(at + 4, this.#little);
    }
    if (length === UNDEFINED_LENGTH) this.#readUndefinedLength(level, elements, tag, vr, start);
    else if (length > level.end - start)
      throw this.#overrun(level, `element ${hexOfTag(tag)} is longer than what is left`, start + length);
    else if (length > 0 && (vr === SQ || this.#hidesSequence(tag, vr, start, length))) {
      this.#openSequence(level, elements, tag, start, length, level.explicit && vr === SQ);
    } else {
      elements.push({ tag, vr, start, length, items: undefined, fragments: undefined });
      this.#position = start + length;
      this.#stopped = tag === PIXEL_DATA && this.#stopAfterPixelData && this.#levels.length === 1;
    }
  }

  /** PS3.5 6.2.2 note 2: a sequence that passed a system not knowing it is UN, its content implicit little endian. */
  #hidesSequence(tag: number, vr: Vr, start: number, length: number): boolean {
    return vr === UN && length >= 8 && this.#little && this.#tagAt(start) === ITEM && vrOfTag(tag) === 'SQ';
  }

  #readUndefinedLength(level: Level, elements: RawElement[], tag: number, vr: Vr, start: number): void {
    const implicitUnknown = vr === UN && tag !== PIXEL_DATA;
    if (vr === SQ || implicitUnknown) {
      if (implicitUnknown && level.explicit && !this.#little) throw malformed(`element ${hexOfTag(tag)} has no length`);
      this.#openSequence(level, elements, tag, start, UNDEFINED_LENGTH, level.explicit && vr === SQ);
      return;
    }
    if (tag !== PIXEL_DATA) throw malformed(`element ${hexOfTag(tag)} has no length`);
    this.#position = start;
    const fragments = this.#readFragments(level);
    elements.push({ tag, vr, start, length: this.#position - start, items: undefined, fragments });
    this.#stopped = this.#stopAfterPixelData && this.#levels.length === 1;
  }

  #openSequence(
    level: Level,
    elements: RawElement[],
    tag: number,
    start: number,
    length: number,
    explicit: boolean,
  ): void {
    const items: RawItem[] = [];
    elements.push({ tag, vr: SQ, start, length, items, fragments: undefined });
    this.#position = start;
    const delimited = length === UNDEFINED_LENGTH;
    this.#open(undefined, items, delimited ? level.end : start + length, delimited, explicit);
  }

  #readItem(level: Level, items: RawItem[]): void {
    const at = this.#position;
    if (level.end - at < 8) throw this.#overrun(level, 'an item header is cut');
    const tag = this.#tagAt(at);
    const length = this.#view.getUint32(at + 4, this.#little);
    const start = at + 8;
    this.#position = start;
    if (tag === SEQUENCE_END && level.delimited) {
      this.#close(level);
      return;
    }
    if (tag !== ITEM) throw malformed('a sequence holds something that is no item');
    this.#countOne();
    const delimited = length === UNDEFINED_LENGTH;
    if (!delimited && length > level.end - start)
      throw this.#overrun(level, 'an item is longer than what is left', start + length);
    const elements: RawElement[] = [];
    items.push({ elements });
    const explicit = level.explicit && this.#looksExplicit(start, level.end);
    this.#open(elements, undefined, delimited ? level.end : start + length, delimited, explicit);
  }

  /** Some old scanners wrote implicit items into explicit files; no two capital letters after the tag give it away. */
  #looksExplicit(start: number, end: number): boolean {
    if (end - start < 8 || this.#tagAt(start) >>> 16 === 0xfffe) return true;
    return vrOfLetters(this.#bytes[start + 4]!, this.#bytes[start + 5]!) !== undefined;
  }

  #readFragments(level: Level): Span[] {
    const fragments: Span[] = [];
    for (;;) {
      const at = this.#position;
      if (level.end - at < 8) throw this.#overrun(level, 'a pixel data fragment is cut');
      const tag = this.#tagAt(at);
      const length = this.#view.getUint32(at + 4, this.#little);
      const start = at + 8;
      if (tag === SEQUENCE_END) {
        this.#position = start;
        return fragments;
      }
      if (tag !== ITEM) throw malformed('pixel data holds something that is no fragment');
      if (length > level.end - start) throw this.#overrun(level, 'a pixel data fragment is cut', start + length);
      this.#countOne();
      fragments.push({ start, length });
      this.#position = start + length;
    }
  }

  #tagAt(offset: number): number {
    return this.#view.getUint16(offset, this.#little) * 0x10000 + this.#view.getUint16(offset + 2, this.#little);
  }

  #countOne(): void {
    if (++this.#count > this.#limits.elements) throw tooMuch(`more than ${this.#limits.elements} data elements`);
  }

  /** Past the end of the bytes it is the file that is cut; inside an item it is the item that lies. */
  #overrun(level: Level, message: string, end: number = level.end + 1): NeuroInsightError {
    const cut = level.end === this.#bytes.length || end > this.#bytes.length;
    return cut ? new NeuroInsightError('truncated', message) : malformed(message);
  }
}
