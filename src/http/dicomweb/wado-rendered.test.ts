import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { mrSlice } from '../../../test/harness/mr-slice.ts';
import {
  NO_STORE,
  PUBLIC_URL,
  principalWith,
  type RunningRouter,
  serveRouter,
  smallArchive,
} from '../../../test/harness/small-archive.ts';
import { createArchive } from '../../archive/queries.ts';
import { encodeDicom } from '../../dicom/encode.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { SharpPictureEncoder } from '../../render/sharp-picture-encoder.ts';
import { dicomwebRoutes } from './routes.ts';

const RLE = '1.2.840.10008.1.2.5';
const STUDY_PATH = '/dicomweb/studies/2.25.1002001';
const SERIES_PATH = `${STUDY_PATH}/series/2.25.1002002`;
const instancePath = (slice: number): string => `${SERIES_PATH}/instances/2.25.1002003${slice}`;
const COMPRESSED_PATH = `${STUDY_PATH}/series/2.25.10/instances/2.25.10020036`;

const values = Uint16Array.from({ length: 24 }, (_, i) => i * 100);
const image = (slice: number) => ({
  ...mrSlice({ rows: 4, columns: 6, slice }),
  PixelData: new Uint8Array(values.buffer),
});
/** Grey of 24 values through a linear window, PS3.3 C.11.2.1.2.1 written out. */
const linear = (center: number, width: number): number[] =>
  [...values].map((x) => {
    if (x <= center - 0.5 - (width - 1) / 2) return 0;
    if (x > center - 0.5 + (width - 1) / 2) return 255;
    return Math.round(((x - (center - 0.5)) / (width - 1) + 0.5) * 255);
  });

const small = smallArchive([
  encodeDicom(image(0)),
  encodeDicom({ ...image(1), WindowCenter: undefined, WindowWidth: undefined }),
  encodeDicom({ ...image(2), PhotometricInterpretation: 'MONOCHROME1' }),
  encodeDicom({ ...image(3), VOILUTFunction: 'SIGMOID' }),
  encodeDicom({ ...image(4), NumberOfFrames: 2, PixelData: new Uint8Array(96).fill(1, 48) }),
  encodeDicom({ ...mrSlice({ rows: 4, columns: 6, slice: 5 }), SeriesInstanceUID: '2.25.9', PixelData: undefined }),
  encodeDicom({ ...image(6), SeriesInstanceUID: '2.25.10', PixelData: [Uint8Array.of(1, 2)] }, RLE),
]);
const archive = createArchive({ ...small, publicUrl: PUBLIC_URL });

let server: RunningRouter;
const ask = (path: string, accept = 'image/png') => server.ask(path, { headers: { accept } });
async function greys(path: string): Promise<number[]> {
  const { body } = await ask(path);
  const { data, info } = await sharp(body).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([6, 4]);
  return [...data].filter((_, i) => i % info.channels === 0);
}

beforeAll(async () => {
  const routes = dicomwebRoutes({ ...NO_STORE, archive, pictures: new SharpPictureEncoder() });
  server = await serveRouter(routes, principalWith('system/ImagingStudy.r'));
});
afterAll(() => server.close());

describe('a rendered instance', () => {
  it('shows the window of its header', async () => {
    expect(await greys(`${instancePath(0)}/rendered`)).toEqual(linear(600, 1200));
  });

  it('shows the window that is asked for, in any of three shapes', async () => {
    expect(await greys(`${instancePath(0)}/rendered?window=1000,500`)).toEqual(linear(1000, 500));
    const exact = [...values].map((x) => Math.round(Math.min(255, Math.max(0, ((x - 1010) / 490 + 0.5) * 255))));
    expect(await greys(`${instancePath(0)}/rendered?window=1010,490,linear-exact`)).toEqual(exact);
    const sigmoid = [...values].map((x) => Math.round(255 / (1 + Math.exp((-4 * (x - 1000)) / 500))));
    expect(await greys(`${instancePath(0)}/rendered?window=1000,500,sigmoid`)).toEqual(sigmoid);
    const header = [...values].map((x) => Math.round(255 / (1 + Math.exp((-4 * (x - 600)) / 1200))));
    expect(await greys(`${instancePath(3)}/rendered`)).toEqual(header);
  });

  it('shows all of its range where the header has no window, and turns MONOCHROME1 over', async () => {
    const range = [...values].map((x) => Math.round((x / 2300) * 255));
    expect(await greys(`${instancePath(1)}/rendered`)).toEqual(range);
    expect((await greys(`${instancePath(2)}/rendered`)).at(0)).toBe(255);
  });

  it('shows the frame that is asked for', async () => {
    expect(await greys(`${instancePath(4)}/frames/1/rendered?window=100,200`)).toEqual(Array(24).fill(0));
    expect(await greys(`${instancePath(4)}/frames/2/rendered?window=100,200`)).toEqual(Array(24).fill(255));
  });

  it.each([
    ['*/*', 'image/jpeg'],
    ['image/jpeg', 'image/jpeg'],
    ['image/png', 'image/png'],
    ['image/webp, image/*;q=0.5', 'image/jpeg'],
  ])('is for Accept: %s of type %s', async (accept, type) => {
    const answer = await ask(`${instancePath(0)}/rendered`, accept);
    expect(answer.headers['content-type']).toBe(type);
    expect(`image/${(await sharp(answer.body).metadata()).format}`).toBe(type);
  });

  it('fits into the viewport', async () => {
    const { width, height } = await sharp((await ask(`${instancePath(0)}/rendered?viewport=12,100`)).body).metadata();
    expect([width, height]).toEqual([12, 8]);
  });

  it.each([
    ['rendered', 'image/gif', 406],
    ['rendered?window=1,2,3', 'image/png', 400],
    ['rendered?window=1', 'image/png', 400],
    ['rendered?window=1,0', 'image/png', 400],
    ['rendered?window=a,b', 'image/png', 400],
    ['rendered?window=1,2&window=3,4', 'image/png', 400],
    ['rendered?viewport=0,10', 'image/png', 400],
    ['rendered?viewport=99999,10', 'image/png', 400],
    ['rendered?viewport=10,10,0,0,5,5', 'image/png', 400],
    ['rendered?quality=0', 'image/png', 400],
    ['rendered?quality=high', 'image/png', 400],
    ['rendered?annotation=patient', 'image/png', 400],
    ['frames/1,2/rendered', 'image/png', 400],
    ['frames/9/rendered', 'image/png', 404],
  ])('answers %s for %s with %i', async (rest, accept, status) => {
    expect((await ask(`${instancePath(0)}/${rest}`, accept)).status).toBe(status);
  });

  it('is no picture where there is none', async () => {
    const answer = await ask(`${STUDY_PATH}/series/2.25.9/instances/2.25.10020035/rendered`);
    expect(answer.status).toBe(406);
  });
});

describe('a compressed frame that cannot be decoded', () => {
  const overloaded = new NeuroInsightError('overloaded', 'too many frames wait to be decoded');
  const tooSlow = new NeuroInsightError('limit-exceeded', 'a frame takes too long to decode');

  it.each([
    ['the decoder has too much to do', overloaded, 503],
    ['it takes too long', tooSlow, 406],
  ])('is refused when %s, and plain frames are not', async (_, error, status) => {
    const decoder = { decode: () => Promise.reject(error) };
    const refusing = createArchive({ ...small, decoder, publicUrl: PUBLIC_URL });
    const routes = dicomwebRoutes({ ...NO_STORE, archive: refusing, pictures: new SharpPictureEncoder() });
    const other = await serveRouter(routes, principalWith('system/ImagingStudy.r'));
    const statusOf = async (path: string, accept: string) => (await other.ask(path, { headers: { accept } })).status;
    const octets = 'multipart/related; type="application/octet-stream"';
    const statuses = [
      await statusOf(`${COMPRESSED_PATH}/rendered`, 'image/png'),
      await statusOf(`${COMPRESSED_PATH}/frames/1`, octets),
      await statusOf(`${instancePath(0)}/rendered`, 'image/png'),
      await statusOf(`${instancePath(0)}/frames/1`, octets),
    ];
    await other.close();
    expect(statuses).toEqual([status, status, 200, 200]);
  });
});

describe('a thumbnail', () => {
  it.each([STUDY_PATH, SERIES_PATH, instancePath(0), `${instancePath(0)}/frames/1`])('of %s is small', async (path) => {
    const { width, height } = await sharp((await ask(`${path}/thumbnail`)).body).metadata();
    expect([width, height]).toEqual([128, 85]);
  });

  it('is as large as asked for, cached by its tag, and written down', async () => {
    const answer = await ask(`${SERIES_PATH}/thumbnail?viewport=64,64`, 'image/jpeg');
    expect((await sharp(answer.body).metadata()).width).toBe(64);
    expect(small.accesses.at(-1)).toMatchObject({ action: 'R', interaction: 'dicomweb/wado' });
    const headers = { accept: 'image/jpeg', 'if-none-match': answer.headers.etag! };
    expect((await server.ask(`${SERIES_PATH}/thumbnail?viewport=64,64`, { headers })).status).toBe(304);
    expect((await server.ask(`${SERIES_PATH}/thumbnail`, { method: 'HEAD' })).headers['content-type']).toBe(
      'image/jpeg',
    );
  });

  it('has no address where there is no encoder', async () => {
    const bare = await serveRouter(dicomwebRoutes({ ...NO_STORE, archive }), principalWith('system/*.r'));
    expect((await bare.ask(`${STUDY_PATH}/thumbnail`)).status).toBe(404);
    await bare.close();
  });
});
