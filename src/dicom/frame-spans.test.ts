import { describe, expect, it } from '@jest/globals';
import { element, file, item, SEQUENCE_END, text, UNDEFINED_LENGTH, uint16 } from '../../test/harness/dicom-bytes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { readDicom } from './file.ts';
import { frameSpansOf } from './frame-spans.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const MPEG_4 = '1.2.840.10008.1.2.4.102';

interface Shape {
  readonly frames?: string;
  readonly rows?: number;
  readonly columns?: number;
  readonly bits?: number;
  readonly samples?: number;
  readonly photometric?: string;
}

function header({ frames, rows = 2, columns = 4, bits = 16, samples = 1, photometric = 'MONOCHROME2' }: Shape): Buffer {
  return Buffer.concat([
    element(0x00280002, 'US', uint16(samples)),
    element(0x00280004, 'CS', photometric),
    ...(frames === undefined ? [] : [element(0x00280008, 'IS', frames)]),
    element(0x00280010, 'US', uint16(rows)),
    element(0x00280011, 'US', uint16(columns)),
    element(0x00280100, 'US', uint16(bits)),
  ]);
}

const fileOf = (shape: Shape, pixels: Buffer, transferSyntaxUid = EXPLICIT) =>
  file(Buffer.concat([header(shape), pixels]), transferSyntaxUid);
const native = (shape: Shape, length: number) => fileOf(shape, element(0x7fe00010, 'OW', Buffer.alloc(length, 7)));
const encapsulated = (...fragments: Buffer[]) =>
  element(0x7fe00010, 'OB', Buffer.concat([...fragments.map((one) => item(one)), SEQUENCE_END]), UNDEFINED_LENGTH);

const spansOf = (bytes: Uint8Array) => frameSpansOf(readDicom(bytes));
/** The bytes that the spans of each frame name. */
const contents = (bytes: Buffer) =>
  spansOf(bytes).map((frame) =>
    Buffer.concat(frame.map(({ offset, length }) => bytes.subarray(offset, offset + length))).toString('latin1'),
  );

function refusal(bytes: Uint8Array): string {
  try {
    frameSpansOf(readDicom(bytes));
  } catch (error) {
    if (error instanceof NeuroInsightError) return error.kind;
    throw error;
  }
  return 'nothing refused';
}

describe('where frames lie in the file', () => {
  it('names nothing in an instance without pixels', () => {
    expect(spansOf(file(header({})))).toEqual([]);
  });

  it('cuts native pixels by the size of a frame', () => {
    const pixels = element(0x7fe00010, 'OW', Buffer.from('frame number 1!!frame number 2!!'));
    expect(contents(fileOf({ frames: '2' }, pixels))).toEqual(['frame number 1!!', 'frame number 2!!']);
  });

  it('counts the samples of colour, and fewer where chroma is subsampled', () => {
    const length = (shape: Shape, bytes: number) => spansOf(native(shape, bytes))[0]?.[0]?.length;
    expect(length({ samples: 3, bits: 8, photometric: 'RGB' }, 24)).toBe(24);
    expect(length({ samples: 3, bits: 8, photometric: 'YBR_FULL_422' }, 16)).toBe(16);
    expect(length({ samples: 3, bits: 8, photometric: 'YBR_PARTIAL_420' }, 12)).toBe(12);
  });

  it('finds float pixels, whose bits need not be said', () => {
    const float = fileOf({ frames: '2', bits: 32 }, element(0x7fe00008, 'OF', Buffer.alloc(64)));
    expect(spansOf(float).map(([span]) => span?.length)).toEqual([32, 32]);
  });

  it('cuts frames of single bits where they begin at a byte, and names none where they do not', () => {
    expect(spansOf(native({ frames: '3', bits: 1 }, 4)).map(([span]) => span?.length)).toEqual([1, 1, 1]);
    expect(spansOf(native({ frames: '3', bits: 1, columns: 3 }, 4))).toEqual([]);
  });

  it('takes one fragment a frame, several by the basic offset table, and all for a single frame', () => {
    const one = Buffer.from('one ');
    const two = Buffer.from('two ');
    const six = Buffer.from('six ');
    const table = Buffer.alloc(8);
    table.writeUInt32LE(24, 4);
    const none = Buffer.alloc(0);
    expect(contents(fileOf({ frames: '2' }, encapsulated(none, one, two), JPEG_LS))).toEqual(['one ', 'two ']);
    expect(contents(fileOf({ frames: '2' }, encapsulated(table, one, two, six), JPEG_LS))).toEqual([
      'one two ',
      'six ',
    ]);
    expect(contents(fileOf({}, encapsulated(none, one, two, six), JPEG_LS))).toEqual(['one two six ']);
  });

  it('tells frames without a table apart by the beginning of their JPEG streams', () => {
    const start = (letters: string) => Buffer.from(`\xff\xd8${letters}`, 'latin1');
    const pixels = encapsulated(Buffer.alloc(0), start('ab'), text('cd'), start('ef'));
    expect(contents(fileOf({ frames: '2' }, pixels, JPEG_LS))).toEqual(['\xff\xd8abcd', '\xff\xd8ef']);
  });

  it('names none of a video stream', () => {
    const pixels = encapsulated(Buffer.alloc(0), text('stream'));
    expect(spansOf(fileOf({ frames: '300' }, pixels, MPEG_4))).toEqual([]);
  });

  it.each([
    ['pixels shorter than the header says', native({ frames: '2' }, 30)],
    ['no rows', native({ rows: 0 }, 16)],
    ['no samples', native({ samples: 0 }, 16)],
    ['a frame count that is none', native({ frames: 'many' }, 16)],
    ['plain pixels in a compressed transfer syntax', fileOf({}, element(0x7fe00010, 'OW', Buffer.alloc(16)), JPEG_LS)],
    ['fragments in a plain transfer syntax', fileOf({}, encapsulated(Buffer.alloc(0), text('x')))],
    ['no fragment but the table', fileOf({}, encapsulated(Buffer.alloc(0)), JPEG_LS)],
    ['compressed pixels without a size', fileOf({ rows: 0 }, encapsulated(Buffer.alloc(0), text('x')), JPEG_LS)],
    ['frames that cannot be told apart', fileOf({ frames: '3' }, encapsulated(Buffer.alloc(0), text('x')), JPEG_LS)],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(bytes)).toBe('malformed-pixels');
  });

  it('refuses more frames than any object has before it makes room for them', () => {
    expect(refusal(native({ frames: '999999999' }, 16))).toBe('limit-exceeded');
  });
});
