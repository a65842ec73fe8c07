import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { createInflations } from './inflations.ts';
import { type PreparedInstance, prepareInstance } from './prepare-instance.ts';

const fileOf = (changes: NaturalDataset = {}) =>
  encodeDicom({ ...mrSlice({ rows: 4, columns: 4, slice: 0 }), ...changes });

async function prepared(bytes: Uint8Array): Promise<PreparedInstance> {
  const instance = await prepareInstance(bytes, () => false, createInflations());
  if (!('row' in instance)) throw new Error(instance.message);
  return instance;
}

describe('preparing an instance', () => {
  it('digests large files whole and writes long metadata', async () => {
    const rows = 2048;
    const bytes = fileOf({
      Rows: rows,
      Columns: rows,
      NumberOfFrames: 2,
      PixelData: new Uint8Array(4 * rows * rows).fill(7),
      ImageComments: 'c'.repeat(10_000),
      ReferencedImageSequence: Array.from({ length: 2000 }, (_, i) => ({ ReferencedSOPInstanceUID: `2.25.${i}` })),
    });
    const { row, metadata } = await prepared(bytes);
    expect(row.receivedSha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(row.frames.map(([span]) => span?.length)).toEqual([2 * rows * rows, 2 * rows * rows]);
    expect(JSON.parse(gunzipSync(metadata).toString('utf8'))['00081140'].Value).toHaveLength(2000);
  });

  it('names no frames in a deflated file, whose offsets would mean nothing', async () => {
    const deflated = encodeDicom(mrSlice({ rows: 4, columns: 4, slice: 0 }), '1.2.840.10008.1.2.1.99');
    const { row } = await prepared(deflated);
    expect(row.frames).toEqual([]);
    expect(row.attributes.instance['00280010']?.Value).toEqual([4]);
  });

  it('ends with an instance or a reason, whatever the bytes are', async () => {
    const original = fileOf({ PersonName: 'A^B=C', RequestAttributesSequence: [{ ScheduledProcedureStepID: '1' }] });
    const change = fc.tuple(
      fc.integer({ min: 0, max: original.length - 1 }),
      fc.constantFrom(0, 1, 0x1b, 0x3d, 0x5c, 0xff),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 6 }), fc.nat(original.length), async (changes, length) => {
        const bytes = new Uint8Array(original);
        for (const [at, value] of changes) bytes[at] = value;
        for (const input of [bytes, bytes.slice(0, length)]) {
          const answer = await prepareInstance(input, () => false, createInflations());
          expect('row' in answer ? answer.bytes.length : answer.failureReason).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
