import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
import { encodeDicom } from '../../dicom/encode.ts';
import { dicomwebRoutes } from './routes.ts';

const STUDY = '2.25.1002001';
const SERIES = '2.25.1002002';
const STUDY_PATH = `/dicomweb/studies/${STUDY}`;
const SERIES_PATH = `${STUDY_PATH}/series/${SERIES}`;
const instancePath = (slice: number): string => `${SERIES_PATH}/instances/2.25.1002003${slice}`;

const EXPLICIT = '1.2.840.10008.1.2.1';
const files = [0, 1, 2, 3].map((slice) => encodeDicom(mrSlice({ rows: 4, columns: 6, slice })));
const implicit = encodeDicom(
  { ...mrSlice({ rows: 4, columns: 6, slice: 4 }), SeriesInstanceUID: '2.25.5' },
  '1.2.840.10008.1.2',
);
const large = encodeDicom({
  ...mrSlice({ rows: 1024, columns: 1024, slice: 5 }),
  StudyInstanceUID: '2.25.6',
  NumberOfFrames: 8,
  PixelData: new Uint8Array(1024 * 1024 * 2 * 8).map((_, i) => i),
});
const small = smallArchive([...files, implicit, large]);
const routes = dicomwebRoutes({ ...NO_STORE, archive: createArchive({ ...small, publicUrl: PUBLIC_URL }) });

let server: RunningRouter;
const opened: RunningRouter[] = [];
const serveTo = async (scopes: string, site?: string): Promise<RunningRouter> => {
  const running = await serveRouter(routes, principalWith(scopes, site));
  opened.push(running);
  return running;
};

beforeAll(async () => {
  server = await serveTo('system/ImagingStudy.r');
});
afterAll(async () => {
  for (const running of opened) await running.close();
});

describe('WADO-RS', () => {
  it.each([
    ['a study', STUDY_PATH, [...files, implicit]],
    ['a series', SERIES_PATH, files],
    ['an instance', instancePath(2), [files[2]!]],
    ['an instance larger than a read', `/dicomweb/studies/2.25.6/series/${SERIES}/instances/2.25.10020035`, [large]],
  ])('sends %s byte for byte as it was stored', async (_, path, expected) => {
    const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
    const answer = await server.ask(path, { headers: { accept } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^multipart\/related; type="application\/dicom"; boundary=\S{24}$/);
    const parts = partsOf(answer);
    expect(parts.map(({ body }) => body.length)).toEqual(expected.map(({ length }) => length));
    expect(parts.every(({ body }, i) => body.equals(expected[i]!))).toBe(true);
  });

  it('keeps replies apart that are sent at the same time from memory that is used again', async () => {
    const largePath = `/dicomweb/studies/2.25.6/series/${SERIES}/instances/2.25.10020035`;
    for (let round = 0; round < 2; round++) {
      const paths = [largePath, STUDY_PATH, largePath, instancePath(1), largePath, `${instancePath(2)}/frames/1`];
      const answers = await Promise.all(paths.map((path) => server.ask(path)));
      const bodies = answers.map((answer) => partsOf(answer).map(({ body }) => body));
      for (const n of [0, 2, 4]) expect(bodies[n]![0]!.equals(large)).toBe(true);
      expect(bodies[1]!.map((body, i) => body.equals([...files, implicit][i]!))).toEqual(Array(5).fill(true));
      expect(bodies[3]![0]!.equals(files[1]!)).toBe(true);
      expect(files[2]!.length - bodies[5]![0]!.length).toBeGreaterThan(0);
    }
  });

  it('tells of each part what it is and where it lives', async () => {
    const parts = partsOf(await server.ask(STUDY_PATH));
    expect(parts[1]!.headers).toEqual({
      'content-type': `application/dicom; transfer-syntax=${EXPLICIT}`,
      'content-location': `${PUBLIC_URL}${instancePath(1)}`,
    });
    expect(parts[4]!.headers['content-type']).toBe('application/dicom; transfer-syntax=1.2.840.10008.1.2');
  });

  it('sends an instance alone to who asks for that', async () => {
    const answer = await server.ask(instancePath(0), { headers: { accept: 'application/dicom' } });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/dicom',
      'content-length': `${files[0]!.length}`,
    });
    expect(answer.body.equals(files[0]!)).toBe(true);
  });

  it.each([
    [SERIES_PATH, `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`, 200],
    [SERIES_PATH, 'multipart/related; type=application/dicom', 200],
    [SERIES_PATH, 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90', 406],
    [STUDY_PATH, `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`, 406],
    [STUDY_PATH, 'application/dicom', 406],
    [STUDY_PATH, 'application/zip', 406],
    [`${STUDY_PATH}/metadata`, 'multipart/related; type="application/dicom+xml"', 406],
  ])('answers %s to %s with %i', async (path, accept, status) => {
    expect((await server.ask(path, { headers: { accept } })).status).toBe(status);
  });

  it('sends metadata as one list, bulk data by URL', async () => {
    const answer = await server.ask(`${STUDY_PATH}/metadata`, { headers: { accept: 'application/dicom+json' } });
    expect(answer.headers['content-type']).toBe('application/dicom+json');
    const metadata = JSON.parse(answer.body.toString());
    expect(metadata.map((one: Record<string, { Value: string[] }>) => one['00080018']!.Value[0])).toEqual(
      [0, 1, 2, 3, 4].map((slice) => `2.25.1002003${slice}`),
    );
    expect(metadata[3]['7FE00010']).toEqual({
      vr: 'OW',
      BulkDataURI: `${PUBLIC_URL}${instancePath(3)}/bulkdata/7FE00010`,
    });
    const one = await server.ask(`${instancePath(3)}/metadata`);
    expect(JSON.parse(one.body.toString())).toEqual([metadata[3]]);
  });

  it.each([
    ['gzip', 'gzip'],
    ['deflate, gzip;q=0.5', 'gzip'],
    ['*', 'gzip'],
    ['gzip;q=0', undefined],
    ['br', undefined],
    ['', undefined],
  ])('compresses metadata for Accept-Encoding: %s as %s', async (encoding, expected) => {
    const plain = await server.ask(`${STUDY_PATH}/metadata`);
    const answer = await server.ask(`${STUDY_PATH}/metadata`, { headers: { 'accept-encoding': encoding } });
    expect(answer.headers['content-encoding']).toBe(expected);
    expect(answer.headers.vary).toContain('Accept-Encoding');
    expect(expected ? gunzipSync(answer.body) : answer.body).toEqual(plain.body);
  });

  it.each([STUDY_PATH, instancePath(0), `${SERIES_PATH}/metadata`, `${instancePath(0)}/frames/1`])(
    'answers 304 for %s to who has it, without reading it again',
    async (path) => {
      const { etag } = (await server.ask(path)).headers;
      small.reads.length = 0;
      const again = await server.ask(path, { headers: { 'if-none-match': `"other", ${etag}` } });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
      expect(small.reads).toEqual([]);
      expect((await server.ask(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    },
  );

  it.each([STUDY_PATH, instancePath(0), `${STUDY_PATH}/metadata`, `${instancePath(0)}/frames/1`])(
    'answers HEAD of %s without reading it',
    async (path) => {
      small.reads.length = 0;
      const answer = await server.ask(path, { method: 'HEAD' });
      expect([answer.status, answer.body.length]).toEqual([200, 0]);
      expect(answer.headers.etag).toBeDefined();
      expect(small.reads).toEqual([]);
    },
  );

  it.each([
    ['/dicomweb/studies/1.2.3', 404],
    [`${STUDY_PATH}/series/1.2.3/metadata`, 404],
    [`${SERIES_PATH}/instances/1.2.3/frames/1`, 404],
    ['/dicomweb/studies/..%2F..%2Fetc', 400],
    [`/dicomweb/studies/1.${'2'.repeat(64)}/metadata`, 400],
  ])('answers %s with %i and writes it down', async (path, status) => {
    expect((await server.ask(path)).status).toBe(status);
    expect(small.accesses.at(-1)).toMatchObject({ interaction: 'dicomweb/wado', outcome: '4' });
  });

  it('does not find a study of another site', async () => {
    const other = await serveTo('system/*.rs', 'other');
    for (const path of [STUDY_PATH, `${STUDY_PATH}/metadata`, `${instancePath(0)}/frames/1`]) {
      expect((await other.ask(path)).status).toBe(404);
    }
  });

  it('writes down each access with its study, and refuses who may only search', async () => {
    await server.ask(`${instancePath(0)}/metadata`);
    expect(small.accesses.at(-1)).toMatchObject({ action: 'R', entities: [`urn:oid:${STUDY}`] });
    const searcher = await serveTo('system/ImagingStudy.s');
    expect((await searcher.ask(STUDY_PATH)).status).toBe(403);
    expect((await searcher.ask('/dicomweb/studies/1.2.3')).status).toBe(403);
  });

  it('stops reading when the client leaves', async () => {
    small.reads.length = 0;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write('GET /dicomweb/studies/2.25.6 HTTP/1.1\r\nHost: localhost\r\n\r\n');
        socket.once('data', () => socket.destroy());
      });
      socket.on('close', () => resolve());
      socket.on('error', reject);
    });
    // The server sees the closed socket at its next write; 17 reads would be the whole.
    await server.ask('/dicomweb/studies/1.2.3');
    await server.ask('/dicomweb/studies/1.2.3');
    expect(small.reads.length).toBeLessThan(16);
    expect((await server.ask(instancePath(0))).status).toBe(200);
  });

  it('cuts the connection instead of ending a body that could not be read to its end', async () => {
    let reads = 0;
    const read: typeof small.blobs.read = async (location) => {
      reads++;
      if (reads > 2) throw new Error('a bad disk');
      return small.blobs.read(location);
    };
    const archive = createArchive({ ...small, blobs: { read }, publicUrl: PUBLIC_URL });
    const running = await serveRouter(dicomwebRoutes({ ...NO_STORE, archive }), principalWith('system/*.r'));
    opened.push(running);
    await expect(running.ask('/dicomweb/studies/2.25.6')).rejects.toThrow(/aborted|hang up|reset/);
  });
});
