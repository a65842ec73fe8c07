import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from '../../src/cli/server-client.ts';
import { freePort } from '../harness/orthanc.ts';
import { clientOf, makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { eventually, itemsOf, stow } from '../harness/server-walk.ts';
import { smallStudy } from '../harness/small-study.ts';

const FAILED = '00081198';
const study = smallStudy('Zzyzx');
/** Half a stack, a path of the server, a name of the patient: nothing that an answer may hold. */
const NEVER = /\bat .*:\d+:\d+|node:internal|\/work\/|\/tmp\/|node_modules|\.ts\b|Zzyzx|Phantom/;

let folder: string;
let server: ServerProcess;
let full: string;
let reader: string;

const optionsOf = async (environment: Record<string, string> = {}) => ({
  dataDir: join(folder, 'data'),
  port: await freePort(),
  environment: { NEUROINSIGHT_LOG_LEVEL: 'warn', ...environment },
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-refusals-'));
  const options = await optionsOf({
    NEUROINSIGHT_FHIR_MIB: '1',
    NEUROINSIGHT_INSTANCE_MIB: '1',
    NEUROINSIGHT_UPLOAD_MIB: '2',
    NEUROINSIGHT_STORES_AT_ONCE: '1',
  });
  full = makeKey(options);
  reader = makeKey(options, 'system/Patient.rs', 'reader');
  server = await startServerProcess(options);
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Ask {
  readonly method?: string;
  readonly key?: string | undefined;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

async function ask(path: string, { method = 'GET', key, type, body }: Ask = {}) {
  const headers = new Headers();
  if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
  if (type !== undefined) headers.set('content-type', type);
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = typeof body === 'string' ? body : Buffer.from(body);
  const response = await fetch(`${server.url}${path}`, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The kind that the answer names, after it was seen to be of the form of its door and to say nothing it must not. */
function kindOf(path: string, { status, headers, text }: Awaited<ReturnType<typeof ask>>): string {
  expect(text).not.toMatch(NEVER);
  const trace = headers.get('x-trace-id');
  expect(trace).toMatch(/^[0-9a-f]{32}$/);
  const answer = JSON.parse(text);
  if (path.startsWith('/fhir')) {
    expect(headers.get('content-type')).toContain('application/fhir+json');
    expect(answer).toMatchObject({ resourceType: 'OperationOutcome', id: trace });
    return answer.issue[0].details.text;
  }
  expect(headers.get('content-type')).toContain('application/problem+json');
  expect(answer).toMatchObject({ status, traceId: trace });
  return answer.type.replace('urn:neuroinsight:problem:', '');
}

type Refusal = readonly [
  path: string,
  request: Ask & { readonly as?: 'full' | 'reader' | 'wrong' },
  status: number,
  kind: string,
];

const titleOf = ([path, { method = 'GET', as }, status, kind]: Refusal): string =>
  `is told ${status} ${kind}: ${method} ${path.slice(0, 60)} with ${as === undefined ? 'no key' : `the ${as} key`}`;

const DICOM = 'multipart/related; type="application/dicom"; boundary=b';
const multipart = (...parts: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
      part,
      Buffer.from('\r\n'),
    ]),
    Buffer.from('--b--\r\n'),
  ]);

describe('a request that is refused', () => {
  const table: readonly Refusal[] = [
    ['/dicomweb/studies', {}, 401, 'unauthenticated'],
    ['/fhir/R4/Patient', { as: 'wrong' }, 401, 'unauthenticated'],
    ['/api/v1/runs', {}, 401, 'unauthenticated'],
    ['/metrics', {}, 401, 'unauthenticated'],
    ['/fhir/R4/DiagnosticReport', { as: 'reader' }, 403, 'forbidden'],
    ['/dicomweb/studies', { as: 'reader' }, 403, 'forbidden'],
    [
      '/dicomweb/studies',
      { as: 'reader', method: 'POST', type: DICOM, body: multipart(study.files[0]!) },
      403,
      'forbidden',
    ],
    ['/api/v1/runs', { as: 'reader' }, 403, 'forbidden'],
    ['/api/v1/destinations', { as: 'reader' }, 403, 'forbidden'],
    ['/metrics', { as: 'reader' }, 403, 'forbidden'],
    ['/no/such/place', { as: 'full' }, 404, 'not-found'],
    ['/fhir/R4/Patient/none', { as: 'full' }, 404, 'not-found'],
    ['/dicomweb/studies/1.2.3', { as: 'full' }, 404, 'not-found'],
    ['/api/v1/runs/6fb6e76d-0314-4b04-ae9d-1af37f2682f4', { as: 'full' }, 404, 'not-found'],
    ['/dicomweb/studies', { as: 'full', method: 'DELETE' }, 405, 'method-not-allowed'],
    ['/fhir/R4/metadata', { as: 'full', method: 'DELETE' }, 405, 'method-not-allowed'],
    ['/api/v1/runs', { as: 'full', method: 'PUT' }, 405, 'method-not-allowed'],
    ['/dicomweb/studies', { as: 'full', method: 'POST', type: 'text/plain', body: 'x' }, 415, 'unsupported-media-type'],
    ['/fhir/R4/Patient', { as: 'full', method: 'POST', type: 'text/plain', body: 'x' }, 415, 'unsupported-media-type'],
    ['/api/v1/runs', { as: 'full', method: 'POST', type: 'text/plain', body: 'x' }, 415, 'unsupported-media-type'],
    [
      '/fhir/R4/Patient',
      { as: 'full', method: 'POST', type: 'application/fhir+json', body: 'x'.repeat(2 ** 21) },
      413,
      'limit-exceeded',
    ],
    [
      '/dicomweb/studies',
      { as: 'full', method: 'POST', type: DICOM, body: Buffer.alloc(3 * 2 ** 20) },
      413,
      'limit-exceeded',
    ],
    [
      '/fhir/R4/Patient',
      { as: 'full', method: 'POST', type: 'application/fhir+json', body: '{"resourceType":' },
      400,
      'malformed-json',
    ],
    [
      '/api/v1/runs',
      { as: 'full', method: 'POST', type: 'application/json', body: '{"studyInstanceUid":"Zzyzx"}' },
      400,
      'invalid-request',
    ],
    ['/dicomweb/studies?StudyDate=Zzyzx', { as: 'full' }, 400, 'invalid-request'],
    ['/dicomweb/studies/%ZZ', { as: 'full' }, 400, 'invalid-request'],
    [`/fhir/R4/Patient?name=${'x'.repeat(9000)}`, { as: 'full' }, 414, 'uri-too-long'],
  ];
  it.each(table.map((row) => [titleOf(row), row] as const))(
    '%s',
    async (_, [path, { as, ...request }, status, kind]) => {
      const key =
        as === undefined ? undefined : { full, reader, wrong: 'ni_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }[as];
      const answer = await ask(path, { ...request, key });
      expect({ status: answer.status, kind: kindOf(path, answer) }).toEqual({ status, kind });
      expect(answer.headers.has('www-authenticate')).toBe(status === 401);
      expect(answer.headers.has('allow')).toBe(status === 405);
    },
  );

  it('has a reason for each instance that is refused, and the rest is stored', async () => {
    const [first, second, third] = study.files as [Uint8Array, Uint8Array, Uint8Array];
    const torn = second.subarray(0, 700);
    const body = multipart(first, torn, Buffer.from('no DICOM'), third);
    const answer = await ask('/dicomweb/studies', { method: 'POST', key: full, type: DICOM, body });
    expect(answer.status).toBe(202);
    expect(answer.text).not.toMatch(NEVER);
    const module = JSON.parse(answer.text) as Json;
    expect(itemsOf(module, '00081199')).toHaveLength(2);
    const none = await ask('/dicomweb/studies', { method: 'POST', key: full, type: DICOM, body: multipart(torn) });
    expect(none.status).toBe(409);
    const foreign = await ask('/dicomweb/studies/1.2.3', {
      method: 'POST',
      key: full,
      type: DICOM,
      body: multipart(first),
    });
    expect(foreign.status).toBe(409);
    expect(itemsOf(JSON.parse(foreign.text), FAILED)[0]).toMatchObject({ '00081197': { Value: [0xa901] } });
  });

  it('finds health and discovery open, and nothing of the store in them', async () => {
    for (const path of ['/health/live', '/health/ready', '/fhir/R4/metadata', '/api/v1/openapi.json']) {
      const { status, text } = await ask(path);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toMatch(/Zzyzx|Phantom/);
    }
  });
});

describe('a server with more to do than it can', () => {
  it('says when to come again, and takes the study then', async () => {
    const release = Promise.withResolvers<void>();
    const slow = clientOf(server, full).stow(
      (async function* () {
        yield study.files[3]!;
        await release.promise;
        yield study.files[4]!;
      })(),
    );
    const one = multipart(study.files[5]!);
    const busy = await eventually('an answer 503', async () => {
      const answer = await ask('/dicomweb/studies', { method: 'POST', key: full, type: DICOM, body: one });
      return answer.status === 503 ? answer : undefined;
    });
    expect(kindOf('/dicomweb/studies', busy)).toBe('overloaded');
    expect(Number(busy.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask('/dicomweb/studies', { key: full })).status).toBe(200);
    release.resolve();
    expect(itemsOf(await slow, '00081199')).toHaveLength(2);
    expect((await ask('/dicomweb/studies', { method: 'POST', key: full, type: DICOM, body: one })).status).toBe(200);
  });
});

describe('a server whose disk is full', () => {
  it('refuses studies and resources with 507 and goes on to read', async () => {
    await server.kill('SIGTERM');
    server = await startServerProcess(await optionsOf({ NEUROINSIGHT_MINIMUM_FREE_MIB: String(2 ** 30) }));
    const client = clientOf(server, full);
    const stored = await ask('/dicomweb/studies', {
      method: 'POST',
      key: full,
      type: DICOM,
      body: multipart(...study.files),
    });
    expect([stored.status, kindOf('/dicomweb', stored)]).toEqual([507, 'storage-full']);
    const patient = JSON.stringify({ resourceType: 'Patient' });
    const created = await ask('/fhir/R4/Patient', {
      method: 'POST',
      key: full,
      type: 'application/fhir+json',
      body: patient,
    });
    expect([created.status, kindOf('/fhir', created)]).toEqual([507, 'storage-full']);
    const series = `/dicomweb/studies/${study.studyInstanceUid}`;
    expect((await client.json<Json[]>(`${series}/instances`)).length).toBeGreaterThan(3);
    expect((await client.bytes(series)).length).toBeGreaterThan(study.files[0]!.length);
    await expect(stow(client, study)).rejects.toThrow('507');
    expect((await ask('/fhir/R4/AuditEvent', { key: full })).status).toBe(200);
    expect(await server.kill('SIGTERM')).toBe(0);
  });
});
