import { NeuroInsightError } from '../domain/errors.ts';
import type { FrameSpan } from '../ports/dicom-index.ts';
import type { DicomFile } from './file.ts';
import { fragmentsOfFrames } from './fragments.ts';
import type { RawElement } from './tokenizer.ts';
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, isEncapsulated } from './transfer-syntax.ts';

/** Pixel Data, Float Pixel Data, Double Float Pixel Data with the bits of a sample where the dataset need not say. */
const PIXELS: readonly (readonly [tag: number, bits: number | undefined])[] = [
  [0x7fe00010, undefined],
  [0x7fe00008, 32],
  [0x7fe00009, 64],
];
/** As in `frameGroupsOf`: a hostile Number of Frames fills no memory. */
const MOST_FRAMES = 100_000;
/** MPEG-2, MPEG-4 and HEVC (PS3.5 A.4.5 to A.4.11): one stream, its frames are not fragments. */
const VIDEO = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/;

const malformed = (message: string) => new NeuroInsightError('malformed-pixels', message);

/**
 * Where each frame of an instance lies in its file, in order: one span a native frame, all fragments of an
 * encapsulated one, without their item headers (PS3.5 A.4).
 *
 * Empty where nothing can be read by frames: no pixel data, a deflated dataset, a video stream, frames of single bits
 * that do not begin at a byte.
 *
 * @throws malformed-pixels: pixel data shorter than Rows, Columns and Number of Frames say, no such attributes,
 *   fragments in a native transfer syntax or none in an encapsulated one, frames that cannot be told apart;
 *   limit-exceeded for more frames than any object has.
 */
export function frameSpansOf(file: DicomFile): readonly (readonly FrameSpan[])[] {
  const { dataset, transferSyntaxUid } = file;
  for (const [tag, bits] of PIXELS) {
    const element = dataset.element(tag);
    if (!element) continue;
    const frames = numberOfFrames(file);
    const encapsulated = isEncapsulated(transferSyntaxUid) && bits === undefined;
    const spans = encapsulated ? encapsulatedSpans(file, element, frames) : nativeSpans(file, element, frames, bits);
    return transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN ? [] : spans;
  }
  return [];
}

function numberOfFrames({ dataset }: DicomFile): number {
  if (!dataset.string('NumberOfFrames')) return 1;
  const count = dataset.integer('NumberOfFrames');
  if (count === undefined || count < 1) throw malformed('Number of Frames is no count');
  if (count > MOST_FRAMES) throw new NeuroInsightError('limit-exceeded', `more than ${MOST_FRAMES} frames`);
  return count;
}

function nativeSpans(
  file: DicomFile,
  element: RawElement,
  frames: number,
  bits: number | undefined,
): readonly (readonly FrameSpan[])[] {
  if (element.fragments) throw malformed('fragments in a plain transfer syntax');
  const bitsAFrame = bitsOfFrame(file, bits);
  const needed = Math.ceil((bitsAFrame * frames) / 8);
  if (element.length < needed) throw malformed(`pixel data of ${element.length} bytes where ${needed} are needed`);
  if (frames > 1 && bitsAFrame % 8 !== 0) return [];
  const length = Math.ceil(bitsAFrame / 8);
  return Array.from({ length: frames }, (_, i) => [{ offset: element.start + i * length, length }]);
}

function bitsOfFrame({ dataset }: DicomFile, bits: number | undefined): number {
  const required = (keyword: string): number => {
    const value = dataset.integer(keyword);
    if (value === undefined || value < 1) throw malformed(`pixel data without ${keyword}`);
    return value;
  };
  const samples = samplesAPixel(dataset.integer('SamplesPerPixel') ?? 1, dataset.string('PhotometricInterpretation'));
  return Math.ceil(required('Rows') * required('Columns') * samples) * (bits ?? required('BitsAllocated'));
}

/** Native pixels with subsampled colour hold fewer samples than Samples per Pixel says. PS3.3 C.7.6.3.1.2. */
function samplesAPixel(samples: number, photometricInterpretation: string | undefined): number {
  if (samples < 1) throw malformed('Samples per Pixel is no count');
  if (photometricInterpretation === 'YBR_FULL_422' || photometricInterpretation === 'YBR_PARTIAL_422') return 2;
  return photometricInterpretation === 'YBR_PARTIAL_420' ? 1.5 : samples;
}

function encapsulatedSpans(
  file: DicomFile,
  { fragments }: RawElement,
  frames: number,
): readonly (readonly FrameSpan[])[] {
  const { bytes, transferSyntaxUid } = file;
  // Compressed frames have a size too: without it no reader can use them.
  bitsOfFrame(file, undefined);
  if (!fragments) throw malformed('a compressed transfer syntax with plain pixels');
  if (fragments.length < 2) throw malformed('encapsulated pixel data without a fragment');
  if (VIDEO.test(transferSyntaxUid)) return [];
  return fragmentsOfFrames(bytes, fragments, frames).map((frame) =>
    frame.map(({ start, length }) => ({ offset: start, length })),
  );
}
