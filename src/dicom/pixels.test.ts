import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { type Compression, compressFrame } from '../../test/harness/compressed-frame.ts';
import {
  element,
  file,
  item,
  SEQUENCE_END,
  STUDY_AND_SERIES,
  UIDS,
  UNDEFINED_LENGTH,
  uint16,
  uint32,
} from '../../test/harness/dicom-bytes.ts';
import { encodeDicom, type NaturalDataset } from './encode.ts';
import { decodeFrame, openPixels } from './pixels.ts';

const ROWS = 6;
const COLUMNS = 10;
const COUNT = ROWS * COLUMNS;
const IMAGE: NaturalDataset = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
  SOPInstanceUID: '1.2.3',
  StudyInstanceUID: '1.2.4',
  SeriesInstanceUID: '1.2.5',
  SamplesPerPixel: 1,
  PhotometricInterpretation: 'MONOCHROME2',
  Rows: ROWS,
  Columns: COLUMNS,
  BitsAllocated: 16,
  BitsStored: 12,
  HighBit: 11,
  PixelRepresentation: 0,
};
const RAMP = Uint16Array.from({ length: COUNT }, (_, i) => (i * 67) % 4096);
const bytesOf = (samples: { buffer: ArrayBufferLike }) => new Uint8Array(samples.buffer as ArrayBuffer);
const plain = (values: ArrayLike<number>) => Float32Array.from(values);
const malformed = expect.objectContaining({ kind: 'malformed-pixels' });

const decode = (extra: NaturalDataset, frame = 1, syntax?: string) =>
  decodeFrame(encodeDicom({ ...IMAGE, ...extra }, syntax), frame);

describe('decodeFrame of native pixels', () => {
  it.each(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99'])(
    'reads transfer syntax %s',
    async (syntax) => {
      expect(await decode({ PixelData: bytesOf(RAMP) }, 1, syntax)).toEqual(plain(RAMP));
    },
  );

  it('reads the right bytes whatever their offset in the file', async () => {
    const bytes = encodeDicom({ ...IMAGE, PixelData: bytesOf(RAMP) });
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(await decodeFrame(shifted.subarray(1), 1)).toEqual(plain(RAMP));
  });

  it('reads 8, 16 and 32 bits, unsigned and signed', async () => {
    const depth = (bits: number, signed: number, data: Uint8Array) =>
      decode({
        BitsAllocated: bits,
        BitsStored: bits,
        HighBit: bits - 1,
        PixelRepresentation: signed,
        PixelData: data,
      });
    const bytes = Uint8Array.from({ length: COUNT }, (_, i) => i * 4);
    expect(await depth(8, 0, bytes)).toEqual(plain(bytes));
    expect(await depth(8, 1, bytes)).toEqual(plain(new Int8Array(bytes.buffer)));
    const words = Int16Array.from({ length: COUNT }, (_, i) => i * 1000 - 30_000);
    expect(await depth(16, 1, bytesOf(words))).toEqual(plain(words));
    expect(await depth(16, 0, bytesOf(words))).toEqual(plain(new Uint16Array(words.buffer)));
    const longs = Int32Array.from({ length: COUNT }, (_, i) => i * 70_000_000 - 2 ** 31);
    expect(await depth(32, 1, bytesOf(longs))).toEqual(plain(longs));
    expect(await depth(32, 0, bytesOf(longs))).toEqual(plain(new Uint32Array(longs.buffer)));
  });

  it('masks what is not stored and extends the sign of what is', async () => {
    const dirty = Uint16Array.from(RAMP, (value) => value | 0xf000);
    expect(await decode({ PixelData: bytesOf(dirty) })).toEqual(plain(RAMP));
    const signed = await decode({ PixelRepresentation: 1, PixelData: bytesOf(dirty) });
    expect(signed).toEqual(plain(RAMP).map((value) => (value >= 2048 ? value - 4096 : value)));
    const high = Uint16Array.from(RAMP, (value) => (value << 4) | 0x000f);
    expect(await decode({ HighBit: 15, PixelData: bytesOf(high) })).toEqual(plain(RAMP));
  });

  it('rescales, and turns MONOCHROME1 over before', async () => {
    const rescale = { RescaleSlope: 0.5, RescaleIntercept: -10, PixelData: bytesOf(RAMP) };
    expect(await decode(rescale)).toEqual(plain(RAMP).map((value) => value * 0.5 - 10));
    const turned = await decode({ ...rescale, PhotometricInterpretation: 'MONOCHROME1' });
    expect(turned).toEqual(plain(RAMP).map((value) => (4095 - value) * 0.5 - 10));
    const signed = {
      PhotometricInterpretation: 'MONOCHROME1',
      PixelRepresentation: 1,
      PixelData: bytesOf(new Uint16Array(COUNT)),
    };
    expect((await decode(signed))[0]).toBe(-1);
  });

  it('rescales each frame of an enhanced instance by its own slope', async () => {
    const groups = [1, 10].map((slope) => ({
      PixelValueTransformationSequence: [{ RescaleSlope: slope, RescaleIntercept: slope }],
    }));
    const bytes = encodeDicom({
      ...IMAGE,
      NumberOfFrames: 2,
      PerFrameFunctionalGroupsSequence: groups,
      PixelData: new Uint8Array([...bytesOf(RAMP), ...bytesOf(RAMP)]),
    });
    const reader = await openPixels(bytes);
    expect(await reader.readFrame(1)).toEqual(plain(RAMP).map((value) => value + 1));
    expect(await reader.readFrame(2)).toEqual(plain(RAMP).map((value) => value * 10 + 10));
    await expect(reader.readFrame(3)).rejects.toThrow(expect.objectContaining({ kind: 'not-found' }));
    await expect(reader.readFrame(0)).rejects.toThrow(expect.objectContaining({ kind: 'not-found' }));
  });

  it('reads frames of single bits that do not start at a byte', async () => {
    const bits = {
      BitsAllocated: 1,
      BitsStored: 1,
      HighBit: 0,
      Rows: 1,
      Columns: 3,
      NumberOfFrames: 2,
      PixelData: new Uint8Array([0b110_101, 0]),
    };
    expect(await decode(bits, 1)).toEqual(plain([1, 0, 1]));
    expect(await decode(bits, 2)).toEqual(plain([0, 1, 1]));
  });

  it('reads big endian words, and bytes swapped in words', async () => {
    const big = (tag: number, vr: string, value: Buffer) => {
      const bytes = element(tag, vr, value);
      bytes.subarray(0, 4).swap16();
      if (vr === 'OW' || vr === 'OB') bytes.subarray(8, 12).swap32();
      else bytes.subarray(6, 8).swap16();
      return bytes;
    };
    const image = (bits: number, vr: string, data: Buffer) => {
      const uid = (tag: number, value: string) => big(tag, 'UI', Buffer.from(value));
      const number = (tag: number, value: number) => big(tag, 'US', uint16(value).swap16());
      const uids = [
        uid(0x00080016, '1.2.840.10008.5.1.4.1.1.4\0'),
        uid(0x00080018, '1.2.3\0'),
        uid(0x0020000d, '1.2.4\0'),
        uid(0x0020000e, '1.2.5\0'),
      ];
      const size = [number(0x00280010, 1), number(0x00280011, 3), number(0x00280100, bits), number(0x00280101, bits)];
      return file(Buffer.concat([...uids, ...size, big(0x7fe00010, vr, data)]), '1.2.840.10008.1.2.2');
    };
    expect(await decodeFrame(image(16, 'OW', Buffer.from('010203040506', 'hex')), 1)).toEqual(
      plain([0x0102, 0x0304, 0x0506]),
    );
    expect(await decodeFrame(image(32, 'OW', Buffer.from('000000010000000200000003', 'hex')), 1)).toEqual(
      plain([1, 2, 3]),
    );
    expect(await decodeFrame(image(8, 'OW', Buffer.from('02010003', 'hex')), 1)).toEqual(plain([1, 2, 3]));
    expect(await decodeFrame(image(8, 'OB', Buffer.from('01020300', 'hex')), 1)).toEqual(plain([1, 2, 3]));
  });
});

describe('decodeFrame of compressed pixels', () => {
  const frame = { rows: ROWS, columns: COLUMNS, bitsAllocated: 16 as const, bitsStored: 12, samples: bytesOf(RAMP) };
  const lossless: [string, string, Compression][] = [
    ['RLE', '1.2.840.10008.1.2.5', { codec: 'rle' }],
    ['JPEG lossless', '1.2.840.10008.1.2.4.57', { codec: 'jpeg-lossless', predictor: 6 }],
    ['JPEG lossless, first-order', '1.2.840.10008.1.2.4.70', { codec: 'jpeg-lossless', predictor: 1 }],
    ['JPEG-LS', '1.2.840.10008.1.2.4.80', { codec: 'jpeg-ls' }],
    ['JPEG 2000', '1.2.840.10008.1.2.4.90', { codec: 'jpeg-2000' }],
    ['HTJ2K', '1.2.840.10008.1.2.4.201', { codec: 'htj2k' }],
  ];

  it.each(lossless)('gives back %s exactly, %s', async (_, syntax, compression) => {
    const compressed = await compressFrame(frame, compression);
    expect(await decode({ PixelData: [compressed] }, 1, syntax)).toEqual(plain(RAMP));
  });

  it('gives back 8-bit JPEG within rounding, and 8-bit lossless exactly', async () => {
    const samples = Uint8Array.from({ length: COUNT }, (_, i) => 40 + 3 * i);
    const bytes = { ...frame, bitsAllocated: 8 as const, bitsStored: 8, samples };
    const eight = { BitsAllocated: 8, BitsStored: 8, HighBit: 7 };
    const lossy = await decode(
      { ...eight, PixelData: [await compressFrame(bytes, { codec: 'jpeg' })] },
      1,
      '1.2.840.10008.1.2.4.50',
    );
    expect(Math.max(...lossy.map((value, i) => Math.abs(value - samples[i]!)))).toBeLessThanOrEqual(2);
    const jpeg = await compressFrame(bytes, { codec: 'jpeg-lossless', predictor: 1 });
    expect(await decode({ ...eight, PixelData: [jpeg] }, 1, '1.2.840.10008.1.2.4.70')).toEqual(plain(samples));
  });

  it('reads frames that are deflated each for itself', async () => {
    const frames = [RAMP, RAMP.toReversed()].map((samples) => deflateRawSync(bytesOf(samples)));
    const extra = { NumberOfFrames: 2, PixelData: frames.map((bytes) => new Uint8Array(bytes)) };
    expect(await decode(extra, 2, '1.2.840.10008.1.2.8.1')).toEqual(plain(RAMP.toReversed()));
    const bomb = new Uint8Array(deflateRawSync(Buffer.alloc(10_000)));
    await expect(decode({ PixelData: [bomb] }, 1, '1.2.840.10008.1.2.8.1')).rejects.toThrow(malformed);
  });

  /** An RLE or JPEG-LS instance of two frames whose fragments and offset table are given. */
  const fragmented = (syntax: string, table: Buffer, ...fragments: Uint8Array[]) => {
    const even = fragments.map((bytes) =>
      item(bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)])),
    );
    const pixels = element(0x7fe00010, 'OB', Buffer.concat([item(table), ...even, SEQUENCE_END]), UNDEFINED_LENGTH);
    const number = (tag: number, value: number) => element(tag, 'US', uint16(value));
    const size = [
      number(0x00280010, ROWS),
      number(0x00280011, COLUMNS),
      number(0x00280100, 16),
      number(0x00280101, 12),
    ];
    return file(Buffer.concat([UIDS, STUDY_AND_SERIES, element(0x00280008, 'IS', '2'), ...size, pixels]), syntax);
  };

  it('finds frames of several fragments by the offset table, or by the start of a JPEG stream', async () => {
    const one = Buffer.from(await compressFrame(frame, { codec: 'jpeg-ls' }));
    const two = Buffer.from(
      await compressFrame({ ...frame, samples: bytesOf(RAMP.toReversed()) }, { codec: 'jpeg-ls' }),
    );
    const parts = [one.subarray(0, 30), one.subarray(30), two.subarray(0, 40), two.subarray(40)];
    const second = 8 + 30 + 8 + ((one.length - 30 + 1) & ~1);
    const table = Buffer.concat([uint32(0), uint32(second)]);
    for (const offsets of [table, Buffer.alloc(0)]) {
      const bytes = fragmented('1.2.840.10008.1.2.4.80', offsets, ...parts);
      expect(await decodeFrame(bytes, 1)).toEqual(plain(RAMP));
      expect(await decodeFrame(bytes, 2)).toEqual(plain(RAMP.toReversed()));
    }
    for (const offsets of [
      Buffer.concat([uint32(0), uint32(second + 2)]),
      Buffer.concat([uint32(0), uint32(0)]),
      uint32(0),
    ]) {
      await expect(decodeFrame(fragmented('1.2.840.10008.1.2.4.80', offsets, ...parts), 1)).rejects.toThrow(malformed);
    }
  });

  it('refuses fragments that cannot be told apart, and none at all', async () => {
    const rle = await compressFrame(frame, { codec: 'rle' });
    const three = fragmented('1.2.840.10008.1.2.5', Buffer.alloc(0), rle, rle, rle);
    await expect(decodeFrame(three, 1)).rejects.toThrow(malformed);
    await expect(decodeFrame(fragmented('1.2.840.10008.1.2.5', Buffer.alloc(0)), 1)).rejects.toThrow(malformed);
  });

  it('refuses broken RLE by name', async () => {
    const rle = Buffer.from(await compressFrame(frame, { codec: 'rle' }));
    const segments = Buffer.from(rle);
    segments.writeUInt32LE(3, 0);
    const outside = Buffer.from(rle);
    outside.writeUInt32LE(60_000, 8);
    for (const bytes of [rle.subarray(0, 40), rle.subarray(0, 80), segments, outside]) {
      await expect(decode({ PixelData: [new Uint8Array(bytes)] }, 1, '1.2.840.10008.1.2.5')).rejects.toThrow(malformed);
    }
  });

  it('refuses streams of another size before a codec sees them, and broken ones after; the next frame decodes', async () => {
    for (const [codec, syntax] of [
      ['jpeg-ls', '1.2.840.10008.1.2.4.80'],
      ['jpeg-2000', '1.2.840.10008.1.2.4.90'],
    ] as const) {
      const good = await compressFrame(frame, { codec });
      const attempt = (data: Uint8Array, extra: NaturalDataset = {}) =>
        decode({ ...extra, PixelData: [data] }, 1, syntax);
      await expect(attempt(good, { Rows: 5 })).rejects.toThrow(malformed);
      await expect(attempt(new Uint8Array(good.length))).rejects.toThrow(malformed);
      await expect(attempt(good.slice(0, 60))).rejects.toThrow(malformed);
      expect(await attempt(good)).toEqual(plain(RAMP));
    }
  });

  it('refuses a large frame from next to nothing before memory is asked for', async () => {
    const hostile = { Rows: 8192, Columns: 8192, PixelData: [new Uint8Array(100)] };
    for (const syntax of ['1.2.840.10008.1.2.5', '1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.201']) {
      await expect(decode(hostile, 1, syntax)).rejects.toThrow(expect.objectContaining({ kind: 'limit-exceeded' }));
    }
  });

  it('names a transfer syntax that it does not decode', async () => {
    const video = decode({ PixelData: [new Uint8Array(10)] }, 1, '1.2.840.10008.1.2.4.102');
    await expect(video).rejects.toThrow(expect.objectContaining({ kind: 'unsupported-transfer-syntax' }));
  });
});

describe('decodeFrame of what is no grey image', () => {
  it.each<[string, NaturalDataset, string]>([
    ['no pixel data', {}, 'no-pixel-data'],
    ['too few pixels', { PixelData: bytesOf(RAMP).subarray(2) }, 'malformed-pixels'],
    ['too few pixels for its frames', { NumberOfFrames: 2, PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['colour', { SamplesPerPixel: 3, PhotometricInterpretation: 'RGB', PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['a palette', { PhotometricInterpretation: 'PALETTE COLOR', PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['12 bits allocated', { BitsAllocated: 12, PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['more bits stored than allocated', { BitsStored: 17, HighBit: 16, PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['a high bit below its bits', { HighBit: 3, PixelData: bytesOf(RAMP) }, 'malformed-pixels'],
    ['a frame of 4 gigapixels', { Rows: 65535, Columns: 65535, PixelData: bytesOf(RAMP) }, 'limit-exceeded'],
    [
      'frames of a terapixel',
      { Rows: 8192, Columns: 8192, NumberOfFrames: 16384, PixelData: bytesOf(RAMP) },
      'limit-exceeded',
    ],
  ])('refuses %s by name', async (_, extra, kind) => {
    await expect(decode(extra)).rejects.toThrow(expect.objectContaining({ kind }));
  });

  it('refuses fragments in a plain syntax and plain pixels in a compressed one', async () => {
    const compressed = encodeDicom({ ...IMAGE, PixelData: [bytesOf(RAMP)] }, '1.2.840.10008.1.2.5');
    const asPlain = Buffer.from(compressed);
    asPlain.write('1.2.840.10008.1.2\0\0', asPlain.indexOf('1.2.840.10008.1.2.5'), 'latin1');
    asPlain.write('1.2.840.10008.1.2.1', asPlain.indexOf('1.2.840.10008.1.2\0\0'), 'latin1');
    await expect(decodeFrame(asPlain, 1)).rejects.toThrow(malformed);
    const asCompressed = Buffer.from(encodeDicom({ ...IMAGE, PixelData: bytesOf(RAMP) }));
    asCompressed.write('1.2.840.10008.1.2.5', asCompressed.indexOf('1.2.840.10008.1.2.1'), 'latin1');
    await expect(decodeFrame(asCompressed, 1)).rejects.toThrow(malformed);
  });
});
