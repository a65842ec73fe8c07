import { NeuroInsightError } from '../domain/errors.ts';
import { DEFAULT_CHARACTER_SET } from './charset.ts';
import { Dataset } from './dataset.ts';
import { inflate, inflateAside } from './inflate.ts';
import { DEFAULT_LIMITS, type Encoding, type Limits, type RawItem, tokenize } from './tokenizer.ts';
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, encodingOf } from './transfer-syntax.ts';
import { vrOfLetters } from './vr.ts';

/** A DICOM file, tokenized. */
export interface DicomFile {
  readonly transferSyntaxUid: string;
  /** Group 0002. */
  readonly meta: Dataset;
  readonly dataset: Dataset;
  /** What the offsets of the dataset count in: the file, or its inflated dataset. */
  readonly bytes: Uint8Array;
}

export interface ReadOptions {
  /** Leaves what follows the pixel data unread. */
  readonly stopAfterPixelData?: boolean;
  readonly limits?: Limits;
}

const EXPLICIT: Encoding = { explicit: true, littleEndian: true };
const PREFIX_AT = 128;

/**
 * Tokenizes a DICOM file (PS3.10): preamble, file meta information, dataset in any transfer syntax of PS3.5 annex A.
 *
 * A file without preamble, "DICM" and file meta information is not read: what its bytes mean would be a guess.
 *
 * @throws not-dicom, truncated, malformed-dicom, limit-exceeded, unsupported-transfer-syntax.
 */
export function readDicom(bytes: Uint8Array, options: ReadOptions = {}): DicomFile {
  const opening = openingOf(bytes);
  return fileOf(opening, opening.deflated ? inflate(opening.deflated) : bytes, options);
}

/** A file whose file meta information is read and whose dataset is not. */
export interface UnreadDicom {
  readonly transferSyntaxUid: string;
  /** As `readDicom`; a deflated dataset is inflated off the event loop. */
  read(options?: ReadOptions): Promise<DicomFile>;
}

/** Looks at the file meta information only: how to read the rest can be decided by it. Throws like `readDicom`. */
export function openDicom(bytes: Uint8Array): UnreadDicom {
  const opening = openingOf(bytes);
  const { transferSyntaxUid, deflated } = opening;
  return {
    transferSyntaxUid,
    read: async (options = {}) => fileOf(opening, deflated ? await inflateAside(deflated) : bytes, options),
  };
}

interface Opening {
  readonly transferSyntaxUid: string;
  readonly meta: Dataset;
  readonly metaEnd: number;
  readonly encoding: Encoding;
  /** The dataset of a deflated file. */
  readonly deflated: Uint8Array | undefined;
}

function openingOf(bytes: Uint8Array): Opening {
  if (!hasPrefix(bytes)) throw new NeuroInsightError('not-dicom', 'no DICM prefix after 128 bytes');
  const metaEnd = endOfMeta(bytes);
  const metaBytes = bytes.subarray(0, metaEnd);
  const meta = datasetOf(metaBytes, tokenize(metaBytes, PREFIX_AT + 4, EXPLICIT, false), EXPLICIT);
  const transferSyntaxUid = meta.uid('TransferSyntaxUID');
  if (!transferSyntaxUid) throw new NeuroInsightError('malformed-dicom', 'no Transfer Syntax UID');
  const encoding = encodingOf(transferSyntaxUid);
  if (!encoding)
    throw new NeuroInsightError('unsupported-transfer-syntax', `transfer syntax ${transferSyntaxUid} is not known`);
  const deflated = transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN ? bytes.subarray(metaEnd) : undefined;
  return { transferSyntaxUid, meta, metaEnd, encoding, deflated };
}

/** @param content the file, or its inflated dataset. */
function fileOf(
  { transferSyntaxUid, meta, metaEnd, encoding, deflated }: Opening,
  content: Uint8Array,
  { stopAfterPixelData = false, limits = DEFAULT_LIMITS }: ReadOptions,
): DicomFile {
  const root = tokenize(content, deflated ? 0 : metaEnd, encoding, stopAfterPixelData, limits);
  return { transferSyntaxUid, meta, dataset: datasetOf(content, root, encoding), bytes: content };
}

function datasetOf(bytes: Uint8Array, root: RawItem, { littleEndian }: Encoding): Dataset {
  return new Dataset(bytes, root, littleEndian, DEFAULT_CHARACTER_SET);
}

/** True where the bytes have the prefix of a DICOM file; the 128 bytes before it may be anything. PS3.10 7.1. */
export function hasPrefix(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 132 && bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d
  );
}

/** The first element outside group 0002. The group length is not trusted: it is often wrong, sometimes absent. */
function endOfMeta(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = PREFIX_AT + 4;
  while (at + 8 <= bytes.length && view.getUint16(at, true) === 0x0002) {
    const long = vrOfLetters(bytes[at + 4]!, bytes[at + 5]!)?.long;
    if (long && at + 12 > bytes.length) break;
    const length = long ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    at += (long ? 12 : 8) + length;
  }
  const none = at === PREFIX_AT + 4;
  const cut = none && (bytes.length < at + 8 || view.getUint16(at, true) === 0x0002);
  if (at > bytes.length || cut) throw new NeuroInsightError('truncated', 'the file meta information is cut');
  if (none) throw new NeuroInsightError('malformed-dicom', 'no file meta information');
  return at;
}
