import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, OperationOutcome, Patient } from '@medplum/fhirtypes';
import {
  EVERYTHING,
  FHIR_BASE,
  keyWith,
  openRecordsWorld,
  PUBLIC_URL,
  patient,
} from '../../../test/harness/records-world.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { capabilityStatement } from '../../fhir/capability-statement.ts';
import type { Log, Metrics, Tracing } from '../../ports/index.ts';
import { createHttpServer, type HttpServer } from '../server.ts';
import { fhirRoutes } from './routes.ts';

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceparent: '' };
const tracing: Tracing = { current: () => TRACE, run: (_, work) => work() };
const log: Log = { info: () => {}, warn: () => {}, error: () => {} };
const metrics: Metrics = {
  httpRequest: () => {},
  runStep: () => {},
  runFinished: () => {},
  delivery: () => {},
  pulled: () => {},
  commit: () => {},
  damage: () => {},
  gauge: () => {},
  text: async () => '',
};
const KEYS: Readonly<Record<string, typeof EVERYTHING>> = {
  'Bearer all': EVERYTHING,
  'Bearer clerk': keyWith('system/Patient.rs'),
};

let server: HttpServer;
let base: string;

beforeAll(async () => {
  const { records } = await openRecordsWorld();
  const description = { publicUrl: PUBLIC_URL, softwareVersion: '1.2.3', date: '2026-11-24' };
  server = createHttpServer({
    config: { host: '127.0.0.1', port: 0, limits: { requestsAtOnce: 16 } },
    apiKeys: {
      authenticate: async (authorization) => {
        const principal = KEYS[authorization ?? ''];
        if (!principal) throw new NeuroInsightError('unauthenticated', 'a key is needed');
        return principal;
      },
    },
    audit: { record: async () => {} },
    log,
    tracing,
    metrics,
    health: { report: async () => ({ ready: true, checks: {}, at: '' }) },
    routers: {
      fhir: fhirRoutes({
        records,
        publicUrl: PUBLIC_URL,
        capabilityStatement: capabilityStatement(description),
        maxBodyBytes: 100_000,
      }),
    },
  });
  const { port } = await server.listen();
  base = `http://127.0.0.1:${port}/fhir/R4`;
});

afterAll(async () => {
  await server.close(0);
});

type Headers = Record<string, string>;
const ask = (method: string, path: string, body?: unknown, headers: Headers = {}): Promise<Response> =>
  fetch(base + path, {
    method,
    headers: {
      authorization: 'Bearer all',
      ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;
const put = (id: string, family = 'Rossi', headers: Headers = {}) =>
  ask('PUT', `/Patient/${id}`, { ...patient(id, family), id }, headers);

describe('writing', () => {
  it('answers 201 with the resource, where it is, its version and its date', async () => {
    const response = await ask('POST', '/Patient', patient('h1'), { host: 'evil.example' });
    const created = await json<Patient>(response);
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(response.headers.get('etag')).toBe('W/"1"');
    expect(response.headers.get('last-modified')).toBe(new Date(created.meta!.lastUpdated!).toUTCString());
    expect(response.headers.get('location')).toBe(`${FHIR_BASE}/Patient/${created.id}/_history/1`);
  });

  it('answers what Prefer asks for', async () => {
    const minimal = await ask('POST', '/Patient', patient('h2'), { prefer: 'return=minimal' });
    expect([minimal.status, await minimal.text(), minimal.headers.get('content-type')]).toEqual([201, '', null]);
    expect(minimal.headers.get('location')).toContain('/Patient/');
    const outcome = await ask('POST', '/Patient', patient('h2b'), { prefer: 'return=OperationOutcome' });
    expect(await json<OperationOutcome>(outcome)).toMatchObject({ issue: [{ severity: 'information' }] });
  });

  it('creates under a condition once: 201, then 200, then 412', async () => {
    const when = { 'if-none-exist': 'identifier=urn:mrn|h3' };
    expect((await ask('POST', '/Patient', patient('h3'), when)).status).toBe(201);
    const found = await ask('POST', '/Patient', patient('h3'), when);
    expect([found.status, found.headers.get('etag')]).toEqual([200, 'W/"1"']);
    await ask('POST', '/Patient', patient('h3'));
    expect((await ask('POST', '/Patient', patient('h3'), when)).status).toBe(412);
  });

  it('updates: 201, 200, and 412 when If-Match is outdated', async () => {
    expect((await put('u1')).status).toBe(201);
    const second = await put('u1', 'Verdi', { 'if-match': 'W/"1"' });
    expect([second.status, second.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect((await put('u1', 'Neri', { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await put('u1', 'Neri', { 'if-match': 'x' })).status).toBe(400);
  });

  it('deletes: 204 twice, then 410', async () => {
    await put('d1');
    const first = await ask('DELETE', '/Patient/d1');
    expect([first.status, await first.text(), first.headers.get('etag')]).toEqual([204, '', 'W/"2"']);
    expect((await ask('DELETE', '/Patient/d1')).status).toBe(204);
    expect((await ask('DELETE', '/Patient/never')).status).toBe(204);
    const gone = await ask('GET', '/Patient/d1');
    expect(gone.status).toBe(410);
    expect(await json<OperationOutcome>(gone)).toMatchObject({ issue: [{ code: 'deleted' }] });
  });

  it('updates and deletes by criteria, and refuses to without any', async () => {
    const by = '?identifier=urn:mrn|c1';
    expect((await ask('PUT', `/Patient${by}`, patient('c1'))).status).toBe(201);
    expect((await ask('PUT', `/Patient${by}`, patient('c1', 'Verdi'))).status).toBe(200);
    expect((await ask('DELETE', `/Patient${by}`)).status).toBe(204);
    expect((await ask('DELETE', '/Patient')).status).toBe(400);
    expect((await ask('PUT', '/Patient', patient('c1'))).status).toBe(400);
  });

  it('processes a Bundle at the base, with and without a slash', async () => {
    const entry = [{ resource: patient('b1'), request: { method: 'POST', url: 'Patient' } }];
    for (const path of ['', '/']) {
      const response = await ask('POST', path, { resourceType: 'Bundle', type: 'transaction', entry });
      expect(response.status).toBe(200);
      expect(await json<Bundle>(response)).toMatchObject({ type: 'transaction-response', entry: [{ response: {} }] });
    }
  });
});

describe('reading', () => {
  beforeAll(async () => {
    await put('r1');
    await put('r1', 'Verdi');
  });

  it('answers the stored version, and 304 to who has it', async () => {
    const response = await ask('GET', '/Patient/r1');
    expect([response.status, response.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(await json<Patient>(response)).toMatchObject({ id: 'r1', name: [{ family: 'Verdi' }] });
    const known = await ask('GET', '/Patient/r1', undefined, { 'if-none-match': 'W/"2"' });
    expect([known.status, await known.text(), known.headers.get('etag')]).toEqual([304, '', 'W/"2"']);
    expect((await ask('GET', '/Patient/r1', undefined, { 'if-none-match': 'W/"1"' })).status).toBe(200);
    const since = { 'if-modified-since': response.headers.get('last-modified')! };
    expect((await ask('GET', '/Patient/r1', undefined, since)).status).toBe(304);
  });

  it('answers HEAD with the headers alone', async () => {
    const response = await ask('HEAD', '/Patient/r1');
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(50);
  });

  it('answers versions and histories', async () => {
    expect(await json<Patient>(await ask('GET', '/Patient/r1/_history/1'))).toMatchObject({ meta: { versionId: '1' } });
    expect((await json<Bundle>(await ask('GET', '/Patient/r1/_history'))).entry!.length).toBe(2);
    expect((await json<Bundle>(await ask('GET', '/Patient/_history?_count=1'))).entry!.length).toBe(1);
  });

  it('searches by query and by form', async () => {
    const byQuery = await json<Bundle>(await ask('GET', '/Patient?identifier=urn:mrn%7Cr1'));
    expect(byQuery.entry!.map(({ fullUrl }) => fullUrl)).toEqual([`${FHIR_BASE}/Patient/r1`]);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const byForm = await json<Bundle>(await ask('POST', '/Patient/_search?_count=5', 'identifier=urn:mrn%7Cr1', form));
    expect(byForm.entry!.length).toBe(1);
    expect((await ask('POST', '/Patient/_search', '{}')).status).toBe(415);
  });

  it('prints for people who ask for it', async () => {
    const pretty = await (await ask('GET', '/Patient/r1?_pretty=true&_format=json')).text();
    expect(pretty.split('\n').length).toBeGreaterThan(5);
  });

  it('says what it can without a key', async () => {
    const response = await fetch(`${base}/metadata`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  });
});

describe('refusing', () => {
  it.each([
    ['GET', '/Patient/never', undefined, {}, 404, 'not-found'],
    ['GET', '/Martian/1', undefined, {}, 404, 'not-found'],
    ['GET', '/Patient/a/b/c/d', undefined, {}, 404, 'not-found'],
    ['GET', '/Patient?shoe-size=44', undefined, {}, 400, 'invalid'],
    ['GET', '/Patient/r1', undefined, { accept: 'application/fhir+xml' }, 406, 'not-supported'],
    ['GET', '/Patient?_format=xml', undefined, {}, 406, 'not-supported'],
    ['GET', '/Patient', undefined, { authorization: 'Bearer wrong' }, 401, 'login'],
    ['POST', '/Patient', patient('x'), { authorization: 'Bearer clerk' }, 403, 'forbidden'],
    ['POST', '/Patient', '{"resourceType":', {}, 400, 'structure'],
    ['POST', '/Patient', '[]', {}, 400, 'invalid'],
    ['POST', '/Patient', { resourceType: 'Observation' }, {}, 400, 'invalid'],
    ['POST', '/Patient', { resourceType: 'Patient', name: [] }, {}, 422, 'invariant'],
    ['POST', '/Patient', '<Patient/>', { 'content-type': 'application/fhir+xml' }, 415, 'not-supported'],
    ['POST', '/Patient', { ...patient('x'), language: 'x'.repeat(200_000) }, {}, 413, 'too-costly'],
    ['POST', '/AuditEvent', { resourceType: 'AuditEvent' }, {}, 405, 'not-supported'],
    ['POST', '', patient('x'), {}, 400, 'invalid'],
  ] as [string, string, unknown, Headers, number, string][])(
    'answers %s %s %j %j with %i and an OperationOutcome',
    async (method, path, body, headers, status, code) => {
      const response = await ask(method, path, body, headers);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
      expect(await json<OperationOutcome>(response)).toMatchObject({
        resourceType: 'OperationOutcome',
        id: TRACE.traceId,
        issue: [{ severity: 'error', code }],
      });
    },
  );

  it.each([
    ['PATCH', '/Patient/r1', 'GET, HEAD, PUT, DELETE'],
    ['POST', '/Patient/r1', 'GET, HEAD, PUT, DELETE'],
    ['DELETE', '/Patient/r1/_history', 'GET, HEAD'],
    ['GET', '/Patient/_search', 'POST'],
    ['GET', '/', 'POST'],
    ['DELETE', '/metadata', 'GET, HEAD'],
  ])('answers %s %s with 405 and what is allowed', async (method, path, allowed) => {
    const response = await ask(method, path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
  });
});
