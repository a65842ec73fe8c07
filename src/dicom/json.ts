import { NeuroInsightError } from '../domain/errors.ts';
import type { JsonAttribute, JsonDataset } from '../ports/dicom-index.ts';
import { Dataset, EXTENDED_TEXT } from './dataset.ts';
import { hexOfTag } from './dictionary.ts';
import type { DicomFile } from './file.ts';
import { binaryValues, textValues } from './json-values.ts';
import { dictionaryVrOf, jsonVrOf } from './json-vr.ts';
import { PIXEL_DATA, type RawElement } from './tokenizer.ts';

export interface JsonOptions {
  /**
   * The URI of a value that is too large to stand in line, by its place: "7FE00010", in a sequence
   * "54000100/1/54001010" with items counted from 1. Without it everything stands in line.
   */
  readonly bulkDataUri?: (tagPath: string) => string;
}

/** Bytes above which a binary value, and any other, is bulk data. */
const INLINE_BINARY = 1024;
const INLINE_VALUES = 64 * 1024;
/** An attribute whose VR PS3.6 gives as text or number is refused above; an implicit contour or table is smaller. */
const MOST_BYTES_A_VALUE = 4 * 2 ** 20;
/**
 * All values of one instance in line; an enhanced object of 1 000 frames has less than 1 MB. Above it whatever may be
 * bulk data is: contours of radiotherapy, hostile tables.
 */
const MOST_BYTES_IN_LINE = 2 * 2 ** 20;
const INLINE_WHEN_FULL = 64;
/** All values in line that may not be bulk data. */
const MOST_BYTES_OF_SHORT_TEXT = 2 * 2 ** 20;

const BINARY: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
const WORD_BYTES: Readonly<Record<string, number>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8 };
/** VRs that may be bulk data, PS3.18 table F.2.2-1 note; the others are short by nature. */
const MAY_BE_BULK: ReadonlySet<string> = new Set(
  'DS FL FD IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV'.split(' '),
);
const LARGE_BY_NATURE: ReadonlySet<string> = new Set([...BINARY, 'LT', 'SQ', 'ST', 'UC', 'UR', 'UT']);
const FLOAT_PIXEL_DATA = 0x7fe00008;
const DOUBLE_FLOAT_PIXEL_DATA = 0x7fe00009;
const SPECIFIC_CHARACTER_SET = 0x00080005;
const UTF_8: JsonAttribute = { vr: 'CS', Value: ['ISO_IR 192'] };

/**
 * The DICOM JSON Model of an instance, PS3.18 annex F: every attribute but file meta information and group lengths,
 * private ones too, text as Unicode and (0008,0005) as ISO_IR 192 where it is filled.
 *
 * DS, IS, SV and UV are numbers where a number holds them, else strings; FL and FD that are none are "NaN", "inf",
 * "-inf". Binary values above 1 KiB, every other above 64 KiB and pixel data are `BulkDataURI`, in an instance of more
 * than 2 MiB of values shorter ones too. The VR of implicit
 * encodings, and of UN where PS3.6 knows the attribute, is that of PS3.6.
 *
 * @throws limit-exceeded for an instance whose text and numbers are larger than any that is meant to be read.
 */
export function jsonOf(file: DicomFile, options: JsonOptions = {}): JsonDataset {
  return new JsonWriter(file, options).write(file.dataset, '', false);
}

class JsonWriter {
  readonly #file: DicomFile;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #bulkDataUri: JsonOptions['bulkDataUri'];
  #inLine = 0;
  #shortText = 0;

  constructor(file: DicomFile, options: JsonOptions) {
    const { buffer, byteOffset, byteLength } = file.bytes;
    this.#file = file;
    this.#buffer = Buffer.from(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#little = file.dataset.littleEndian;
    this.#bulkDataUri = options.bulkDataUri;
  }

  /** One dataset; recursion ends where the tokenizer's limit of depth does. */
  write(dataset: Dataset, path: string, inheritedSign: boolean): JsonDataset {
    const attributes: Record<string, JsonAttribute> = {};
    const pixelRepresentation = dataset.element(0x00280103);
    const signed = pixelRepresentation?.length === 2 ? this.#isSigned(pixelRepresentation) : inheritedSign;
    for (const element of dataset.elements) {
      if ((element.tag & 0xffff) === 0) continue;
      attributes[hexOfTag(element.tag)] = this.#attribute(dataset, element, path, signed);
    }
    return attributes;
  }

  #isSigned({ start }: RawElement): boolean {
    return this.#view.getUint16(start, this.#little) === 1;
  }

  #attribute(dataset: Dataset, element: RawElement, path: string, signed: boolean): JsonAttribute {
    const { tag, start, length, items } = element;
    if (items) return this.#sequence(dataset, element, path, signed);
    const vr = jsonVrOf(element, signed);
    if (length === 0) return { vr };
    if (tag === SPECIFIC_CHARACTER_SET) return UTF_8;
    if (length > INLINE_WHEN_FULL || tag === PIXEL_DATA) {
      const bulk = this.#bulk(element, vr, path, signed);
      if (bulk) return bulk;
    }
    this.#count(length, vr);
    if (BINARY.has(vr)) return { vr, InlineBinary: this.#base64(element, vr) };
    const numbers = binaryValues(vr, this.#view, start, length, this.#little);
    const values = numbers ?? textValues(vr, this.#text(dataset, element, vr));
    return values.length > 0 ? { vr, Value: values } : { vr };
  }

  #sequence(dataset: Dataset, { tag, items }: RawElement, path: string, signed: boolean): JsonAttribute {
    if (!items || items.length === 0) return { vr: 'SQ' };
    const values = items.map((item, i) => {
      const nested = new Dataset(this.#file.bytes, item, this.#little, dataset.characterSet);
      return this.write(nested, `${path}${hexOfTag(tag)}/${i + 1}/`, signed);
    });
    return { vr: 'SQ', Value: values };
  }

  #count(length: number, vr: string): void {
    this.#inLine += length;
    if (!MAY_BE_BULK.has(vr)) this.#shortText += length;
    if (this.#bulkDataUri && this.#shortText > MOST_BYTES_OF_SHORT_TEXT) {
      throw new NeuroInsightError('limit-exceeded', `more than ${MOST_BYTES_OF_SHORT_TEXT} bytes of short attributes`);
    }
  }

  /** The reference to a value that is too large to stand in line; undefined where it may. */
  #bulk({ tag, length, fragments }: RawElement, vr: string, path: string, signed: boolean): JsonAttribute | undefined {
    if (!this.#bulkDataUri) return undefined;
    if (length > MOST_BYTES_A_VALUE && !LARGE_BY_NATURE.has(dictionaryVrOf(tag, signed))) {
      throw new NeuroInsightError('limit-exceeded', `attribute ${hexOfTag(tag)} of ${length} bytes`);
    }
    const pixels =
      fragments !== undefined ||
      (path === '' && (tag === PIXEL_DATA || tag === FLOAT_PIXEL_DATA || tag === DOUBLE_FLOAT_PIXEL_DATA));
    const full = this.#inLine > MOST_BYTES_IN_LINE && MAY_BE_BULK.has(vr);
    const most = full ? INLINE_WHEN_FULL : BINARY.has(vr) ? INLINE_BINARY : INLINE_VALUES;
    if (!pixels && length <= most) return undefined;
    if (!MAY_BE_BULK.has(vr)) {
      throw new NeuroInsightError('limit-exceeded', `attribute ${hexOfTag(tag)} of ${length} bytes`);
    }
    return { vr, BulkDataURI: this.#bulkDataUri(`${path}${hexOfTag(tag)}`) };
  }

  #text(dataset: Dataset, { start, length }: RawElement, vr: string): string {
    if (!EXTENDED_TEXT.has(vr)) return this.#buffer.toString('latin1', start, start + length);
    return dataset.characterSet.decode(this.#file.bytes.subarray(start, start + length), vr === 'PN');
  }

  /** PS3.18 F.2.7: little endian, whatever the file is. */
  #base64({ start, length }: RawElement, vr: string): string {
    const size = WORD_BYTES[vr];
    if (this.#little || !size || length % size !== 0) return this.#buffer.toString('base64', start, start + length);
    const swapped = Buffer.from(this.#buffer.subarray(start, start + length));
    if (size === 2) swapped.swap16();
    else if (size === 4) swapped.swap32();
    else swapped.swap64();
    return swapped.toString('base64');
  }
}
