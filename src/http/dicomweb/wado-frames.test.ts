import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compressFrame } from '../../../test/harness/compressed-frame.ts';
import { element, file, STUDY_AND_SERIES, UIDS, uint16 } from '../../../test/harness/dicom-bytes.ts';
import { mrSlice } from '../../../test/harness/mr-slice.ts';
import {
  NO_STORE,
  PUBLIC_URL,
  partsOf,
  principalWith,
  type RunningRouter,
  serveRouter,
  smallArchive,
} from '../../../test/harness/small-archive.ts';
import { createArchive } from '../../archive/queries.ts';
import { encodeDicom, type NaturalDataset } from '../../dicom/encode.ts';
import { dicomwebRoutes } from './routes.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const RLE = '1.2.840.10008.1.2.5';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const OCTETS = 'multipart/related; type="application/octet-stream"';

/** Three frames of 4 x 6, told apart by their pixels. */
const frameBytes = [1, 2, 3].map((n) => new Uint8Array(new Uint16Array(24).map((_, i) => 100 * n + i).buffer));
const threeFrames = (slice: number, pixels: NaturalDataset[string]): NaturalDataset => ({
  ...mrSlice({ rows: 4, columns: 6, slice }),
  NumberOfFrames: 3,
  PixelData: pixels,
});
const bits: NaturalDataset = {
  ...mrSlice({ rows: 3, columns: 3, slice: 4 }),
  BitsAllocated: 1,
  BitsStored: 1,
  HighBit: 0,
  NumberOfFrames: 2,
  SmallestImagePixelValue: undefined,
  LargestImagePixelValue: undefined,
  // Frame 1: 101010101, frame 2: 011100011, least significant bit first.
  PixelData: Uint8Array.of(0b01010101, 0b10001110 | 0b1, 0b00000011, 0),
};

let server: RunningRouter;
let compressed: Uint8Array[];
const path = (slice: number, rest: string): string =>
  `/dicomweb/studies/2.25.1002001/series/2.25.1002002/instances/2.25.1002003${slice}/${rest}`;
const ask = (slice: number, rest: string, accept?: string) =>
  server.ask(path(slice, rest), accept === undefined ? {} : { headers: { accept } });

beforeAll(async () => {
  compressed = await Promise.all(
    frameBytes.map((samples) =>
      compressFrame({ rows: 4, columns: 6, bitsAllocated: 16, bitsStored: 12, samples }, { codec: 'jpeg-ls' }),
    ),
  );
  const { archive } = await openArchive();
  server = await serveRouter(dicomwebRoutes({ ...NO_STORE, archive }), principalWith('system/ImagingStudy.r'));
});
afterAll(() => server.close());

async function openArchive() {
  const joined = Buffer.concat(frameBytes);
  const colour = {
    ...mrSlice({ rows: 4, columns: 6, slice: 5 }),
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PlanarConfiguration: 0,
    SmallestImagePixelValue: undefined,
    LargestImagePixelValue: undefined,
    PixelData: [new Uint8Array(72)],
  };
  const small = smallArchive([
    encodeDicom(threeFrames(0, joined)),
    encodeDicom(threeFrames(1, compressed), JPEG_LS),
    encodeDicom(threeFrames(2, joined), '1.2.840.10008.1.2.1.99'),
    encodeDicom(bits),
    encodeDicom(colour, RLE),
    encodeDicom({ ...mrSlice({ rows: 4, columns: 6, slice: 6 }), PixelData: undefined, Rows: undefined }),
    bigEndian(),
  ]);
  return { archive: createArchive({ ...small, publicUrl: PUBLIC_URL }) };
}

/** One 16-bit frame of 1 x 2 in explicit big endian, as instance 1.2.3. */
function bigEndian(): Buffer {
  const swapped = (bytes: Buffer): Buffer => {
    const out = Buffer.from(bytes);
    for (let at = 0; at + 8 <= out.length; ) {
      const length = out.readUInt16LE(at + 6);
      const vr = out.toString('latin1', at + 4, at + 6);
      out.subarray(at, at + 4).swap16();
      const long = vr === 'OW';
      const size = long ? out.readUInt32LE(at + 8) : length;
      if (long) out.writeUInt32BE(size, at + 8);
      else out.writeUInt16BE(length, at + 6);
      const start = at + (long ? 12 : 8);
      if (vr === 'US' || long) out.subarray(start, start + size).swap16();
      at = start + size;
    }
    return out;
  };
  const image = [
    [0x00280002, 1],
    [0x00280010, 1],
    [0x00280011, 2],
    [0x00280100, 16],
    [0x00280101, 16],
    [0x00280102, 15],
    [0x00280103, 0],
  ].map(([tag, value]) => element(tag!, 'US', uint16(value!)));
  const photometric = element(0x00280004, 'CS', 'MONOCHROME2');
  const pixels = element(0x7fe00010, 'OW', uint16(0x0102, 0x0304));
  const [samples, ...others] = image;
  const dataset = Buffer.concat([UIDS, STUDY_AND_SERIES, samples!, photometric, ...others, pixels]);
  return file(swapped(dataset), '1.2.840.10008.1.2.2');
}

describe('frames', () => {
  it('come in the order asked for, one part each, native samples in little endian', async () => {
    const answer = await ask(0, 'frames/3,1', OCTETS);
    expect(answer.headers['content-type']).toMatch(/^multipart\/related; type="application\/octet-stream"; boundary=/);
    const parts = partsOf(answer);
    expect(parts.map(({ body }) => new Uint8Array(body))).toEqual([frameBytes[2], frameBytes[0]]);
    expect(parts[0]!.headers).toEqual({
      'content-type': `application/octet-stream; transfer-syntax=${EXPLICIT}`,
      'content-location': `${PUBLIC_URL}${path(0, 'frames/3')}`,
    });
  });

  it('come alone only to who asks for that, and only one', async () => {
    const answer = await ask(0, 'frames/2', 'application/octet-stream');
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(new Uint8Array(answer.body)).toEqual(frameBytes[1]);
    expect((await ask(0, 'frames/1,2', 'application/octet-stream')).status).toBe(406);
  });

  it.each([
    ['*/*', 'image/jls'],
    ['multipart/related; type="image/jls"', 'image/jls'],
    ['multipart/related; type=application/octet-stream; transfer-syntax=*', 'application/octet-stream'],
    [`multipart/related; type="application/octet-stream"; transfer-syntax=${JPEG_LS}`, 'application/octet-stream'],
  ])('stay compressed for Accept: %s, as %s', async (accept, type) => {
    const parts = partsOf(await ask(1, 'frames/1,2,3', accept));
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual(
      Array(3).fill(`${type}; transfer-syntax=${JPEG_LS}`),
    );
    for (const [i, { body }] of parts.entries()) {
      // The encoder of files pads to an even length.
      expect(body.subarray(0, compressed[i]!.length).equals(compressed[i]!)).toBe(true);
    }
  });

  it.each([
    ['compressed', 1],
    ['deflated', 2],
  ])('are decoded where plain octets are asked for and the file is %s', async (_, slice) => {
    const parts = partsOf(await ask(slice, 'frames/2,3', OCTETS));
    expect(parts.map(({ body }) => new Uint8Array(body))).toEqual([frameBytes[1], frameBytes[2]]);
    expect(parts[0]!.headers['content-type']).toBe(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
  });

  it('of single bits begin at a byte, though they lie between bytes', async () => {
    const [first, second] = partsOf(await ask(4, 'frames/1,2', OCTETS));
    expect([...first!.body]).toEqual([0b01010101, 0b1]);
    expect([...second!.body]).toEqual([0b11000111, 0b1]);
  });

  it('and bulk data of big endian files are turned to little endian', async () => {
    const base = '/dicomweb/studies/1.2.4/series/1.2.5/instances/1.2.3';
    const frame = partsOf(await server.ask(`${base}/frames/1`))[0]!;
    expect([...frame.body]).toEqual([0x02, 0x01, 0x04, 0x03]);
    const bulk = partsOf(await server.ask(`${base}/bulkdata/7FE00010`))[0]!;
    expect([...bulk.body]).toEqual([0x02, 0x01, 0x04, 0x03]);
  });

  it('that cannot be decoded are refused by type, not by fault', async () => {
    expect((await ask(5, 'frames/1', OCTETS)).status).toBe(406);
    expect((await ask(5, 'frames/1', 'multipart/related; type="image/dicom-rle"')).status).toBe(200);
  });

  it.each([
    [0, 'frames/4', 404],
    [0, 'frames/1,4', 404],
    [2, 'frames/4', 404],
    [6, 'frames/1', 406],
    [0, 'frames/0', 400],
    [0, 'frames/a', 400],
    [0, 'frames/1,', 400],
    [0, 'frames/1-3', 400],
    [0, 'frames/-1', 400],
    [0, 'frames/1e1', 400],
    [0, 'frames/9999999999', 400],
    [0, 'frames', 404],
  ])('of instance %i at %s are answered with %i', async (slice, rest, status) => {
    expect((await ask(slice, rest, OCTETS)).status).toBe(status);
  });
});

describe('bulk data', () => {
  it('is what the metadata leave out', async () => {
    const [metadata] = JSON.parse((await ask(0, 'metadata')).body.toString());
    const uri = new URL(metadata['7FE00010'].BulkDataURI).pathname;
    const answer = await server.ask(uri);
    const [part] = partsOf(answer);
    expect(part!.body.equals(Buffer.concat(frameBytes))).toBe(true);
    const alone = await server.ask(uri, { headers: { accept: 'application/octet-stream' } });
    expect(alone.body.equals(part!.body)).toBe(true);
  });

  it('reaches into items of sequences', async () => {
    const answer = await ask(0, 'bulkdata/00400275/1/00400009', 'application/octet-stream');
    expect(answer.body.toString().trim()).toBe('1');
  });

  it('of fragments is all of them', async () => {
    const answer = await ask(1, 'bulkdata/7FE00010', 'application/octet-stream');
    expect(answer.body.subarray(0, compressed[0]!.length).equals(compressed[0]!)).toBe(true);
  });

  it.each([
    ['bulkdata/7FE00011', 404],
    ['bulkdata/00400275', 404],
    ['bulkdata/00400275/9/00400009', 404],
    ['bulkdata/00100010/1/00400009', 404],
    ['bulkdata/PixelData', 400],
    ['bulkdata/00400275/1', 400],
    ['bulkdata/00400275/0/00400009', 400],
    ['bulkdata/..%2F..%2Fx', 400],
    [`bulkdata/${'00400275/1/'.repeat(64)}00400009`, 400],
    ['bulkdata/', 404],
  ])('at %s is answered with %i', async (rest, status) => {
    expect((await ask(0, rest)).status).toBe(status);
  });
});
