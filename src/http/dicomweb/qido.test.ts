import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
import { dicomwebRoutes } from './routes.ts';

const STUDY = '2.25.1002001';
const SERIES = '2.25.1002002';
const files = [0, 1, 2].map((slice) => encodeDicom(mrSlice({ rows: 4, columns: 6, slice })));
const small = smallArchive(files);
const routes = dicomwebRoutes({ ...NO_STORE, archive: createArchive({ ...small, publicUrl: PUBLIC_URL }) });

type Json = Record<string, { vr: string; Value?: unknown[] }>;
let server: RunningRouter;
const opened: RunningRouter[] = [];
const serveTo = async (scopes: string, site?: string): Promise<RunningRouter> => {
  const running = await serveRouter(routes, principalWith(scopes, site));
  opened.push(running);
  return running;
};
const list = async (path: string, from = server): Promise<Json[]> => JSON.parse((await from.ask(path)).body.toString());

beforeAll(async () => {
  server = await serveTo('system/ImagingStudy.rs');
});
afterAll(async () => {
  for (const running of opened) await running.close();
});

describe('QIDO-RS', () => {
  it('answers studies with the attributes that every client may rely on', async () => {
    const [study, ...others] = await list('/dicomweb/studies?PatientID=PH-1');
    expect(others).toEqual([]);
    expect(study).toMatchObject({
      '00080020': { vr: 'DA', Value: ['20240501'] },
      '00080050': { vr: 'SH', Value: ['A-1'] },
      '00080056': { vr: 'CS', Value: ['ONLINE'] },
      '00080061': { vr: 'CS', Value: ['MR'] },
      '00080090': { vr: 'PN', Value: [{ Alphabetic: 'Weiß^Anna' }] },
      '00081190': { vr: 'UR', Value: [`${PUBLIC_URL}/dicomweb/studies/${STUDY}`] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Phantom^One' }] },
      '0020000D': { vr: 'UI', Value: [STUDY] },
      '00201206': { vr: 'IS', Value: [1] },
      '00201208': { vr: 'IS', Value: [3] },
    });
    expect(Object.keys(study!)).toEqual(Object.keys(study!).sort());
    expect(study).not.toHaveProperty('00101010');
    expect(study).not.toHaveProperty('00080060');
  });

  it('adds what is asked for by includefield', async () => {
    expect((await list('/dicomweb/studies?includefield=00101010'))[0]).toHaveProperty('00101010');
    const all = (await list('/dicomweb/studies?includefield=all'))[0];
    expect(all).toHaveProperty('00101010');
    expect(all).toHaveProperty('00080080');
  });

  it('answers series below a study without repeating the study, and relational ones with it', async () => {
    const below = (await list(`/dicomweb/studies/${STUDY}/series`))[0]!;
    expect(below).toMatchObject({
      '00080060': { vr: 'CS', Value: ['MR'] },
      '0020000E': { vr: 'UI', Value: [SERIES] },
      '00201209': { vr: 'IS', Value: [3] },
      '00081190': { vr: 'UR', Value: [`${PUBLIC_URL}/dicomweb/studies/${STUDY}/series/${SERIES}`] },
    });
    expect(below).not.toHaveProperty('00100010');
    expect(below).not.toHaveProperty('00201206');
    const relational = (await list('/dicomweb/series?Modality=MR'))[0]!;
    expect(relational).toHaveProperty('00100010');
    expect(relational).toHaveProperty('00201206');
  });

  it('answers instances at all three addresses', async () => {
    const below = await list(`/dicomweb/studies/${STUDY}/series/${SERIES}/instances`);
    expect(below).toHaveLength(3);
    expect(below[0]).toMatchObject({ '00280010': { Value: [4] }, '00280011': { Value: [6] } });
    expect(below[0]).not.toHaveProperty('00201209');
    expect((await list(`/dicomweb/studies/${STUDY}/instances`))[0]).toHaveProperty('00080060');
    const relational = (await list('/dicomweb/instances?SOPInstanceUID=2.25.10020031'))[0];
    expect(relational).toHaveProperty('00100010');
    expect(relational).toHaveProperty('00201209');
  });

  it('answers an empty list when nothing matches, and on another site', async () => {
    const answer = await server.ask('/dicomweb/studies?StudyInstanceUID=1.2.3');
    expect([answer.status, answer.body.toString()]).toEqual([200, '[]']);
    expect(await list('/dicomweb/studies', await serveTo('system/*.rs', 'other'))).toEqual([]);
  });

  it('says that there is more, and asks the index for one more than it sends', async () => {
    const page = await server.ask('/dicomweb/instances?limit=2&offset=0');
    expect(JSON.parse(page.body.toString())).toHaveLength(2);
    expect(page.headers.warning).toBe(
      `299 ${PUBLIC_URL}/dicomweb "There are additional results that can be requested."`,
    );
    expect(small.queries.at(-1)).toMatchObject({ limit: 3, offset: 0 });
    expect((await server.ask('/dicomweb/instances?limit=3')).headers.warning).toBeUndefined();
    expect(await list('/dicomweb/instances?limit=0')).toEqual([]);
  });

  it.each([
    ['application/dicom+json', 200, 'application/dicom+json'],
    ['application/json', 200, 'application/json; charset=utf-8'],
    ['*/*', 200, 'application/dicom+json'],
    ['multipart/related; type="application/dicom+xml"', 406, undefined],
    ['multipart/related; type="application/dicom+xml", application/dicom+json;q=0.1', 200, 'application/dicom+json'],
  ])('answers Accept: %s with %i', async (accept, status, type) => {
    const answer = await server.ask('/dicomweb/studies', { headers: { accept } });
    expect(answer.status).toBe(status);
    if (type) expect(answer.headers['content-type']).toBe(type);
  });

  it('names an attribute that is none instead of answering everything', async () => {
    const answer = await server.ask('/dicomweb/studies?PatientNames=Smith');
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toContain('a parameter that is no attribute of DICOM');
  });

  it('writes down what was asked, by whom, and what was refused', async () => {
    await server.ask(`/dicomweb/studies/${STUDY}/series?SeriesDescription=T1*`);
    expect(small.accesses.at(-1)).toMatchObject({
      action: 'E',
      interaction: 'dicomweb/qido',
      entities: [`urn:oid:${STUDY}`],
      query: 'SeriesDescription=T1*',
    });
    expect(small.accesses.at(-1)).not.toHaveProperty('outcome');
    await server.ask('/dicomweb/studies?Nothing=1');
    expect(small.accesses.at(-1)).toMatchObject({ outcome: '4', outcomeDesc: 'invalid-request' });
    const reader = await serveTo('system/ImagingStudy.r');
    small.queries.length = 0;
    expect((await reader.ask('/dicomweb/studies')).status).toBe(403);
    expect(small.queries).toEqual([]);
  });

  it('answers HEAD like GET without a body', async () => {
    const { status, headers, body } = await server.ask('/dicomweb/studies', { method: 'HEAD' });
    expect([status, headers['content-type'], body.length]).toEqual([200, 'application/dicom+json', 0]);
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('refuses %s and says what there is', async (method) => {
    const answer = await server.ask(`/dicomweb/studies/${STUDY}/series`, { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  it('says to OPTIONS what there is', async () => {
    const answer = await server.ask('/dicomweb/series', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it.each(['/dicomweb', '/dicomweb/patients', `/dicomweb/studies/${STUDY}/nothing`, '/dicomweb/Studies'])(
    'knows no %s',
    async (path) => {
      expect((await server.ask(path)).status).toBe(404);
    },
  );
});

it('answers nothing that cannot be written down', async () => {
  const audit = { ...small.audit, record: async () => Promise.reject(new Error('disk')) };
  const archive = createArchive({ ...small, audit, publicUrl: PUBLIC_URL });
  const running = await serveRouter(dicomwebRoutes({ ...NO_STORE, archive }), principalWith('system/*.rs'));
  opened.push(running);
  for (const path of ['studies', `studies/${STUDY}`, `studies/${STUDY}/metadata`]) {
    const answer = await running.ask(`/dicomweb/${path}`);
    expect([answer.status, answer.body.toString()]).toEqual([500, 'defect']);
  }
});
