import { deflateRawSync } from 'node:zlib';
import dcmjs, { type WrittenDataset, type WrittenElement } from 'dcmjs';
import { type DictionaryEntry, entryOf, hexOfTag } from './dictionary.ts';
import { formatValue } from './encode-values.ts';
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  isEncapsulated,
  isWritable,
} from './transfer-syntax.ts';

/** One value of a natural dataset. `''` and `[]` write an empty element, `undefined` writes none. */
export type NaturalValue =
  | string
  | number
  | readonly string[]
  | readonly number[]
  | Uint8Array
  | readonly Uint8Array[]
  | NaturalDataset
  | readonly NaturalDataset[]
  | undefined;

/** A dataset by the keywords of PS3.6. A list of byte arrays is encapsulated pixel data, one entry a frame. */
export interface NaturalDataset {
  readonly [keyword: string]: NaturalValue;
}

/** Ours, from a random 128-bit number: PS3.7 D.3.3.2, PS3.5 B.2. */
export const IMPLEMENTATION_CLASS_UID = '2.25.330126894412447808626636721499062019925';
export const IMPLEMENTATION_VERSION_NAME = 'NEUROINSIGHT_01';

const UTF_8 = 'ISO_IR 192';
/** VRs whose explicit length has 32 bits (PS3.5 7.1.2); all others end at 65534 bytes. */
const LONG_VRS: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT', 'UV']);
const BINARY_VRS: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OW', 'UN']);

/** What the VR of pixel-dependent attributes is decided by; an item inherits it from the dataset around it. */
interface PixelContext {
  readonly bitsAllocated: number;
  readonly signed: boolean;
  readonly encapsulated: boolean;
}

/**
 * Writes a DICOM file (PS3.10): zeroed preamble, complete file meta information, dataset in tag order, text in UTF-8.
 * The same dataset gives the same bytes. SH, LO, ST, LT, UC, UT and component groups of PN longer than PS3.5 table
 * 6.2-1 allows are cut; control characters in them become spaces, a backslash in SH, LO, PN a slash.
 *
 * @param dataset needs SOPClassUID and SOPInstanceUID; SpecificCharacterSet is always written as ISO_IR 192.
 * @param transferSyntaxUid implicit, explicit or deflated little endian, or an encapsulated one.
 * @throws plain Error, a defect of the caller: unknown keyword, value that its VR does not allow, file meta keyword.
 */
export function encodeDicom(dataset: NaturalDataset, transferSyntaxUid: string = EXPLICIT_LITTLE_ENDIAN): Uint8Array {
  if (!isWritable(transferSyntaxUid)) throw new Error(`cannot write transfer syntax ${transferSyntaxUid}`);
  const context = { bitsAllocated: 16, signed: false, encapsulated: isEncapsulated(transferSyntaxUid) };
  const file = new dcmjs.data.DicomDict(fileMeta(dataset, transferSyntaxUid));
  file.dict = writtenDataset({ ...dataset, SpecificCharacterSet: UTF_8 }, context);
  const bytes = new Uint8Array(file.write({ fragmentMultiframe: false, allowInvalidVRLength: true }));
  return transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN ? deflateDataset(bytes) : bytes;
}

/** PS3.10 table 7.1-1; dcmjs adds the group length only. */
function fileMeta({ SOPClassUID, SOPInstanceUID }: NaturalDataset, transferSyntaxUid: string): WrittenDataset {
  return {
    '00020001': { vr: 'OB', Value: [new Uint8Array([0, 1]).buffer] },
    '00020002': { vr: 'UI', Value: [formatValue('UI', SOPClassUID)] },
    '00020003': { vr: 'UI', Value: [formatValue('UI', SOPInstanceUID)] },
    '00020010': { vr: 'UI', Value: [transferSyntaxUid] },
    '00020012': { vr: 'UI', Value: [IMPLEMENTATION_CLASS_UID] },
    '00020013': { vr: 'SH', Value: [IMPLEMENTATION_VERSION_NAME] },
  };
}

/** PS3.5 A.5: everything after the file meta information is one raw deflate stream of even length. */
function deflateDataset(bytes: Uint8Array): Uint8Array {
  const start = 144 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(140, true);
  const deflated = deflateRawSync(bytes.subarray(start));
  const file = new Uint8Array(start + deflated.length + (deflated.length & 1));
  file.set(bytes.subarray(0, start));
  file.set(deflated, start);
  return file;
}

function writtenDataset(dataset: NaturalDataset, around: PixelContext): WrittenDataset {
  const { BitsAllocated, PixelRepresentation } = dataset;
  const context = {
    ...around,
    bitsAllocated: typeof BitsAllocated === 'number' ? BitsAllocated : around.bitsAllocated,
    signed: PixelRepresentation === undefined ? around.signed : PixelRepresentation === 1,
  };
  const written: WrittenDataset = {};
  for (const [keyword, value] of Object.entries(dataset)) {
    if (value === undefined) continue;
    const entry = entryOf(keyword);
    if (entry.tag < 0x00080000) throw new Error(`${keyword} belongs to the file meta information or to a command`);
    try {
      written[hexOfTag(entry.tag)] = writtenElement(entry, value, context);
    } catch (error) {
      throw new Error(`${keyword}: ${error instanceof Error ? error.message : 'cannot be written'}`, { cause: error });
    }
  }
  return written;
}

function writtenElement(entry: DictionaryEntry, value: NaturalValue, context: PixelContext): WrittenElement {
  const vr = decidedVr(entry, value, context);
  const values: readonly unknown[] = Array.isArray(value) ? value : value === '' ? [] : [value];
  if (vr === 'SQ') return { vr, Value: values.map((item) => writtenItem(item, context)) };
  if (BINARY_VRS.has(vr)) return { vr, Value: binaryValues(entry, values, context) };
  if (values.length > 1 && entry.vm === '1') throw new Error('has one value only');
  const formatted = values.map((one) => (one === '' ? '' : formatValue(vr, one)));
  if (!LONG_VRS.has(vr)) checkLength(formatted);
  return { vr, Value: formatted };
}

function checkLength(values: readonly (string | number | bigint)[]): void {
  let length = values.length;
  for (const value of values) length += typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : 7;
  if (length > 0xfffe) throw new Error('is longer than 65534 bytes');
}

function writtenItem(item: unknown, context: PixelContext): WrittenDataset {
  if (typeof item !== 'object' || item === null || ArrayBuffer.isView(item))
    throw new Error('an item must be a dataset');
  return writtenDataset(item as NaturalDataset, { ...context, encapsulated: false });
}

/** PS3.5 A.2 and 8.2: encapsulated and up to 8 bits OB, else OW; US or SS follows Pixel Representation. */
function decidedVr({ vr, tag }: DictionaryEntry, value: NaturalValue, context: PixelContext): string {
  if (vr === 'up') return 'UL';
  if (vr === 'xs') return context.signed ? 'SS' : 'US';
  if (vr === 'lt') return value instanceof Uint8Array ? 'OW' : 'US';
  if (vr !== 'ox') return vr;
  return tag === 0x7fe00010 && (context.encapsulated || context.bitsAllocated <= 8) ? 'OB' : 'OW';
}

/** dcmjs takes ArrayBuffers; the copy also keeps it from writing into the caller's bytes. */
function binaryValues({ tag }: DictionaryEntry, values: readonly unknown[], context: PixelContext): ArrayBuffer[] {
  const frames = tag === 0x7fe00010 && context.encapsulated;
  if (values.length > 1 && !frames) throw new Error('has one value only');
  if (values.length === 0) return [new ArrayBuffer(0)];
  return values.map((value) => {
    if (!(value instanceof Uint8Array)) throw new Error('needs bytes');
    return new Uint8Array(value).buffer;
  });
}
