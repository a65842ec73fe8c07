import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compressFrame } from '../../test/harness/compressed-frame.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { decodeJpegLossless } from './jpeg-lossless.ts';

/** Waves with steps and noise: every Huffman category gets used. */
function pattern(rows: number, columns: number, bits: number): Uint16Array {
  const most = 2 ** bits - 1;
  let noise = 1;
  return Uint16Array.from({ length: rows * columns }, (_, i) => {
    noise = (noise * 1103515245 + 12345) % 2 ** 31;
    const wave = (Math.sin(i / 9) + 1) / 2;
    return Math.round(i % 37 === 0 ? noise % (most + 1) : wave * most);
  });
}

const compress = (
  samples: Uint16Array,
  rows: number,
  columns: number,
  bitsStored: number,
  predictor: number,
  pointTransform = 0,
) =>
  compressFrame(
    { rows, columns, bitsAllocated: 16, bitsStored, samples: new Uint8Array(samples.buffer) },
    { codec: 'jpeg-lossless', predictor, pointTransform },
  );

describe('decodeJpegLossless', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('gives back every sample with predictor %i', async (predictor) => {
    for (const bits of [9, 12, 16]) {
      const samples = pattern(21, 34, bits);
      expect(decodeJpegLossless(await compress(samples, 21, 34, bits, predictor), 21, 34)).toEqual(samples);
    }
  });

  it('gives back the high bits where a point transform dropped the low ones', async () => {
    const samples = pattern(16, 16, 12);
    const decoded = decodeJpegLossless(await compress(samples, 16, 16, 12, 1, 3), 16, 16);
    expect(decoded).toEqual(samples.map((value) => (value >> 3) << 3));
  });

  it('starts predicting anew behind a restart marker', async () => {
    // One line a restart interval, spliced from images of one line each.
    const lines = [pattern(1, 16, 12), pattern(1, 16, 12).reverse()];
    const jpegs = await Promise.all(lines.map((line) => compress(line, 1, 16, 12, 1)));
    // The tables are the encoder's own for each line: only equal tables can be spliced, so each line comes twice.
    for (const [index, jpeg] of jpegs.entries()) {
      const scan = jpeg.indexOf(0xda) - 1;
      const start = scan + 2 + ((jpeg[scan + 2]! << 8) | jpeg[scan + 3]!);
      const data = jpeg.subarray(start, jpeg.length - 2);
      const head = Buffer.from(jpeg.subarray(0, start));
      const frame = head.indexOf(Buffer.from([0xff, 0xc3]));
      head.writeUInt16BE(2, frame + 5);
      const restart = Buffer.from([0xff, 0xdd, 0, 4, 0, 16]);
      const spliced = Buffer.concat([
        head.subarray(0, scan),
        restart,
        head.subarray(scan),
        data,
        Buffer.from([0xff, 0xd0]),
        data,
        Buffer.from([0xff, 0xd9]),
      ]);
      expect(decodeJpegLossless(spliced, 2, 16)).toEqual(Uint16Array.from([...lines[index]!, ...lines[index]!]));
      const unmarked = Buffer.concat([
        head.subarray(0, scan),
        restart,
        head.subarray(scan),
        data,
        data,
        Buffer.from([0xff, 0xd9]),
      ]);
      expect(() => decodeJpegLossless(unmarked, 2, 16)).toThrow(NeuroInsightError);
    }
  });

  it('refuses another size, another process, colour, and an image that ends early', async () => {
    const jpeg = Buffer.from(await compress(pattern(20, 20, 12), 20, 20, 12, 1));
    const refuses = (bytes: Uint8Array, message: RegExp, rows = 20) =>
      expect(() => decodeJpegLossless(bytes, rows, 20)).toThrow(
        expect.objectContaining({ kind: 'malformed-pixels', message: expect.stringMatching(message) }),
      );
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc3]));
    const changed = (offset: number, value: number) => {
      const copy = Buffer.from(jpeg);
      copy[offset] = value;
      return copy;
    };
    refuses(jpeg, /size/, 21);
    refuses(changed(frame + 1, 0xc0), /process than 14/);
    refuses(changed(frame + 9, 3), /grey/);
    refuses(changed(0, 0), /not a JPEG/);
    refuses(jpeg.subarray(0, jpeg.length - 60), /ends before/);
    refuses(jpeg.subarray(0, frame), /without a scan/);
    const lossy = await compressFrame(
      { rows: 20, columns: 20, bitsAllocated: 8, bitsStored: 8, samples: new Uint8Array(400) },
      { codec: 'jpeg' },
    );
    refuses(lossy, /process than 14/);
  });

  it('answers any damage with an image or a named error', async () => {
    const jpeg = await compress(pattern(12, 12, 12), 12, 12, 12, 4);
    const damage = fc.array(fc.tuple(fc.nat(jpeg.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(damage, fc.nat(jpeg.length), (changes, length) => {
        const copy = Buffer.from(jpeg);
        for (const [offset, value] of changes) copy[offset] = value;
        try {
          expect(decodeJpegLossless(copy.subarray(0, length), 12, 12)).toHaveLength(144);
        } catch (error) {
          expect(error).toBeInstanceOf(NeuroInsightError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
