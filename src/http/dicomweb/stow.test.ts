import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { mrSlice } from '../../../test/harness/mr-slice.ts';
import {
  type Answer,
  PUBLIC_URL,
  principalWith,
  type RunningRouter,
  serveRouter,
} from '../../../test/harness/small-archive.ts';
import { type StoringOptions, type StoringWorld, storingWorld } from '../../../test/harness/storing-world.ts';
import { DEFAULT_STORE_LIMITS } from '../../archive/store-limits.ts';
import { encodeDicom, type NaturalDataset } from '../../dicom/encode.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { createRouter } from '../context.ts';
import { stowHandler } from './stow.ts';
import { storeResponse, storeStatus } from './stow-response.ts';

const STUDY = '2.25.1002001';
const SERIES_URL = `${PUBLIC_URL}/dicomweb/studies/${STUDY}/series/2.25.1002002`;
const MULTIPART = 'multipart/related; type="application/dicom"; boundary=b';
const sliceFile = (slice: number, changes: NaturalDataset = {}): Uint8Array =>
  encodeDicom({ ...mrSlice({ rows: 4, columns: 4, slice }), ...changes });

const opened: RunningRouter[] = [];
afterEach(async () => {
  for (const running of opened.splice(0)) await running.close();
});

async function serve(
  options: StoringOptions = {},
  scopes = 'system/ImagingStudy.c',
): Promise<{ readonly world: StoringWorld; readonly server: RunningRouter }> {
  const world = storingWorld(options);
  const limits = { ...DEFAULT_STORE_LIMITS, ...options.limits };
  const handler = stowHandler({ store: world.service, publicUrl: `${PUBLIC_URL}/`, limits });
  const router = createRouter('/dicomweb');
  router.post('/studies', handler);
  router.post('/studies/:study', handler);
  const server = await serveRouter(router, principalWith(scopes));
  opened.push(server);
  return { world, server };
}

function multipart(files: readonly Uint8Array[], type = 'application/dicom'): Buffer {
  const parts = files.flatMap((bytes) => [
    Buffer.from(`--b\r\nContent-Type: ${type}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from('--b--\r\n')]);
}

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function post(
  { port }: RunningRouter,
  body: Uint8Array,
  { path = '/dicomweb/studies', headers = {} }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { port, path, method: 'POST', agent: false, headers: { 'content-type': MULTIPART, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const jsonOf = ({ body }: Answer) => JSON.parse(body.toString('utf8'));

describe('STOW-RS', () => {
  it('answers 200 and where everything can be retrieved, by the configured address and never by Host', async () => {
    const { server, world } = await serve();
    const headers = { host: 'evil.example', accept: 'application/dicom+json' };
    const answer = await post(server, multipart([sliceFile(0)]), { path: `/dicomweb/studies/${STUDY}`, headers });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/dicom+json');
    expect(jsonOf(answer)).toEqual({
      '00081190': { vr: 'UR', Value: [`${PUBLIC_URL}/dicomweb/studies/${STUDY}`] },
      '00081199': {
        vr: 'SQ',
        Value: [
          {
            '00081150': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.4'] },
            '00081155': { vr: 'UI', Value: ['2.25.10020030'] },
            '00081190': { vr: 'UR', Value: [`${SERIES_URL}/instances/2.25.10020030`] },
          },
        ],
      },
    });
    expect(world.bytesOf('2.25.10020030')).toEqual(Buffer.from(sliceFile(0)));
  });

  it('names no address of a study when there are several', async () => {
    const { server } = await serve();
    const answer = await post(server, multipart([sliceFile(0), sliceFile(1, { StudyInstanceUID: '2.25.9' })]));
    expect(jsonOf(answer)['00081190']).toEqual({ vr: 'UR' });
    expect(jsonOf(answer)['00081199'].Value).toHaveLength(2);
  });

  it('answers 202 and one reason each when some are refused', async () => {
    const { server, world } = await serve();
    const other = sliceFile(1, { StudyInstanceUID: '2.25.9' });
    const body = multipart([sliceFile(0), other, Buffer.from('no DICOM')]);
    const answer = await post(server, body, { path: `/dicomweb/studies/${STUDY}` });
    expect(answer.status).toBe(202);
    const { '00081198': failed, '0008119A': others } = jsonOf(answer);
    expect(failed.Value).toEqual([
      {
        '00081150': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.4'] },
        '00081155': { vr: 'UI', Value: ['2.25.10020031'] },
        '00081197': { vr: 'US', Value: [0xa901] },
        '00741048': {
          vr: 'SQ',
          Value: [{ '00000902': { vr: 'LO', Value: ['the instance belongs to another study than the address'] } }],
        },
      },
    ]);
    expect(others.Value).toEqual([expect.objectContaining({ '00081197': { vr: 'US', Value: [0xc000] } })]);
    expect(world.instances.size).toBe(1);
  });

  it('answers 409 when none is stored', async () => {
    const { server } = await serve();
    const answer = await post(server, multipart([sliceFile(0)], 'image/jpeg'));
    expect(answer.status).toBe(409);
    expect(jsonOf(answer)['0008119A'].Value).toHaveLength(1);
    expect(jsonOf(answer)['00081199']).toBeUndefined();
  });

  it('refuses the last part of a body that ends without its boundary, and stores those before it', async () => {
    const { server, world } = await serve();
    const answer = await post(server, multipart([sliceFile(0), sliceFile(1)]).subarray(0, -40));
    expect(answer.status).toBe(202);
    expect([...world.instances.keys()]).toEqual(['2.25.10020030']);
  });

  it('takes one instance alone, a type without quotes and parts without a type', async () => {
    const { server, world } = await serve();
    const alone = { headers: { 'content-type': 'application/dicom', accept: '*/*' } };
    const plain = { headers: { 'content-type': 'multipart/related; boundary=b; type=application/dicom' } };
    expect((await post(server, sliceFile(0), alone)).status).toBe(200);
    expect((await post(server, multipart([sliceFile(1)]), plain)).status).toBe(200);
    const bare = Buffer.concat([Buffer.from('--b\r\n\r\n'), sliceFile(2), Buffer.from('\r\n--b--')]);
    expect((await post(server, bare)).status).toBe(200);
    expect(world.instances.size).toBe(3);
  });

  it('answers the second time as the first, and stores once', async () => {
    const { server, world } = await serve();
    const body = multipart([sliceFile(0), sliceFile(1)]);
    const answers = [await post(server, body), await post(server, body)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(jsonOf(answers[1]!)).toEqual(jsonOf(answers[0]!));
    expect(world.packs.size).toBe(1);
  });

  it.each([
    ['a body that is no multipart', 400, Buffer.from('anything'), {}],
    ['a body without a part', 400, Buffer.from('--b--\r\n'), {}],
    ['an empty instance', 400, Buffer.alloc(0), { headers: { 'content-type': 'application/dicom' } }],
    ['no boundary', 400, multipart([]), { headers: { 'content-type': 'multipart/related; type="application/dicom"' } }],
    ['a study that is no UID', 400, multipart([]), { path: '/dicomweb/studies/..%2f' }],
    [
      'another type of parts',
      415,
      multipart([]),
      { headers: { 'content-type': 'multipart/related; type="application/dicom+json"; boundary=b' } },
    ],
    ['no type of parts', 415, multipart([]), { headers: { 'content-type': 'multipart/related; boundary=b' } }],
    ['a form', 415, multipart([]), { headers: { 'content-type': 'multipart/form-data; boundary=b' } }],
    ['a content coding', 415, multipart([]), { headers: { 'content-encoding': 'gzip' } }],
    ['an answer in XML', 406, multipart([]), { headers: { accept: 'application/dicom+xml' } }],
    ['a request that is too large', 413, multipart([new Uint8Array(4000)]), {}],
    [
      'an instance alone that is too large',
      413,
      new Uint8Array(2500),
      { headers: { 'content-type': 'application/dicom' } },
    ],
  ] as const)('refuses %s with %d', async (_, status, body, sent) => {
    const { server, world } = await serve({ limits: { maxRequestBytes: 3000, maxInstanceBytes: 2000 } });
    expect((await post(server, body, sent)).status).toBe(status);
    expect(world.packs.size).toBe(0);
  });

  it('refuses more parts than the limit, of unannounced length too, and keeps none of them', async () => {
    const { server, world } = await serve({ limits: { maxParts: 2, batchInstances: 1 } });
    const headers = { 'transfer-encoding': 'chunked' };
    expect((await post(server, multipart([0, 1, 2].map((slice) => sliceFile(slice))), { headers })).status).toBe(413);
    expect(world.packs.size).toBe(0);
  });

  it('answers 507 on a full disk and 403 without the scope, with nothing stored', async () => {
    const full = await serve({ diskBytes: 100 });
    expect((await post(full.server, multipart([sliceFile(0)]))).status).toBe(507);
    expect(full.world.packs.size).toBe(0);
    const reader = await serve({}, 'system/ImagingStudy.rs');
    expect((await post(reader.server, multipart([sliceFile(0)]))).status).toBe(403);
  });

  it('answers 503 while too many are being worked on, and takes the next one after them', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reached = (): void => {};
    const inCommit = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const { server } = await serve({
      limits: { maxConcurrentRequests: 1 },
      beforeCommit: () => {
        reached();
        return held;
      },
    });
    const first = post(server, multipart([sliceFile(0)]));
    await inCommit;
    expect((await post(server, multipart([sliceFile(1)]))).status).toBe(503);
    release();
    expect((await first).status).toBe(200);
    expect((await post(server, multipart([sliceFile(1)]))).status).toBe(200);
  });

  it('stores nothing of a request whose sender goes away', async () => {
    const { server, world } = await serve({ limits: { batchInstances: 1 } });
    const body = multipart([sliceFile(0), sliceFile(1)]);
    await new Promise<void>((resolve) => {
      const headers = { 'content-type': MULTIPART, 'content-length': String(body.length) };
      const sent = httpRequest({ port: server.port, path: '/dicomweb/studies', method: 'POST', agent: false, headers });
      sent.on('error', () => resolve());
      sent.write(body.subarray(0, body.length - 30), () => setTimeout(() => sent.destroy(new Error('gone')), 20));
    });
    while (world.audited.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(world.instances.size).toBe(0);
    expect(world.packs.size).toBe(0);
    expect(world.audited).toEqual([expect.objectContaining({ outcome: '4', outcomeDesc: 'invalid-request' })]);
  });

  it('tells a defect of the store by nothing but its status', async () => {
    const { server } = await serve({
      beforeCommit: () => Promise.reject(new Error('secret detail')),
    });
    const answer = await post(server, multipart([sliceFile(0)]));
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain('secret');
  });
});

describe('the answer to a STOW request', () => {
  it('gives warnings their reason and status 202', () => {
    const stored = [
      {
        studyInstanceUid: '1',
        seriesInstanceUid: '2',
        sopClassUid: '3',
        sopInstanceUid: '4',
        duplicate: false,
        warning: 0xb000,
      },
    ];
    expect(storeStatus({ stored, failed: [] })).toBe(202);
    expect(storeResponse({ stored, failed: [] }, 'https://x')['00081199']?.Value).toEqual([
      expect.objectContaining({ '00081196': { vr: 'US', Value: [0xb000] } }),
    ]);
  });

  it('cuts what is said of a failure to what an LO holds', () => {
    const error = new NeuroInsightError('malformed-dicom', 'x'.repeat(100));
    const failed = [{ failureReason: 1, kind: error.kind, message: error.message }];
    const response = JSON.stringify(storeResponse({ stored: [], failed }, 'https://x'));
    expect(response).toContain(`"${'x'.repeat(64)}"`);
  });
});
