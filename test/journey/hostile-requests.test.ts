import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchange } from '../harness/http-world.ts';
import { freePort } from '../harness/orthanc.ts';
import { makeKey, type ServerProcess, startServerProcess } from '../harness/server-process.ts';
import { smallStudy } from '../harness/small-study.ts';

/** A name that no log line, no number and no error may hold, however it is sent. */
const CANARY = 'Canary^Zzyzx';
const NEVER = /Zzyzx|Canary|\bat .*:\d+:\d+|node:internal|node_modules|\.ts\b/;
const study = smallStudy(CANARY);
const STUDY = study.studyInstanceUid;

let folder: string;
let server: ServerProcess;
let full: string;
let patients: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-hostile-'));
  const options = { dataDir: join(folder, 'data'), port: await freePort() };
  full = makeKey(options);
  patients = makeKey(options, 'system/Patient.rs', 'patients');
  server = await startServerProcess(options);
  await stow(multipart(...study.files));
  await send('/fhir/R4/Observation/o', { method: 'PUT', body: { ...OBSERVATION, id: 'o' } });
});
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const OBSERVATION = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, valueString: CANARY };
const FHIR = 'application/fhir+json';
const DICOM = 'multipart/related; type="application/dicom"; boundary=b';
const PART = Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n');
const multipart = (...files: readonly Uint8Array[]): Buffer =>
  Buffer.concat([...files.flatMap((file) => [PART, file, Buffer.from('\r\n')]), Buffer.from('--b--\r\n')]);

interface Ask {
  readonly method?: string;
  readonly key?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | object;
}

async function send(path: string, { method = 'GET', key = full, type = FHIR, headers = {}, body }: Ask = {}) {
  const init: RequestInit = { method, headers: { authorization: `Bearer ${key}`, ...headers } };
  if (body !== undefined) {
    init.headers = { ...init.headers, 'content-type': type };
    init.body = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  }
  const response = await fetch(server.url + path, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const stow = (body: Buffer, type = DICOM, path = '/dicomweb/studies') => send(path, { method: 'POST', type, body });

/** An error of the form of its door, which gives nothing away. */
function expectRefusal({ text }: { readonly text: string }, status: number): void {
  expect(text).not.toMatch(NEVER);
  const answer = JSON.parse(text);
  if (answer.resourceType === undefined) expect(answer).toMatchObject({ status, traceId: expect.any(String) });
  else expect(answer).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
}

describe('a key for patients alone', () => {
  const run = '/api/v1/runs/6fb6e76d-0314-4b04-ae9d-1af37f2682f4';
  const instance = `/dicomweb/studies/${STUDY}/series/1.2/instances/1.3`;
  it.each([
    ...['Observation', 'Observation/o', 'Observation/o/_history', 'Observation/_history', 'AuditEvent', 'Task'].map(
      (path) => `/fhir/R4/${path}`,
    ),
    '/fhir/R4/Patient?_revinclude=Observation:subject',
    '/fhir/R4/Patient?_has:Observation:subject:status=final',
    '/fhir/R4/Patient?organization.name=x',
    '/dicomweb/studies',
    '/dicomweb/instances',
    `/dicomweb/studies/${STUDY}`,
    `/dicomweb/studies/${STUDY}/metadata`,
    `${instance}/frames/1`,
    `${instance}/rendered`,
    `${instance}/bulkdata/7FE00010`,
    '/api/v1/runs',
    run,
    `${run}/log`,
    `${run}/events`,
    `${run}/files/report.pdf`,
    '/api/v1/destinations',
    '/api/v1/sites',
    '/metrics',
  ])('is refused %s', async (path) => {
    const answer = await send(path, { key: patients });
    expect(answer.status).toBe(403);
    expectRefusal(answer, 403);
  });

  it('finds nothing more through the entries of a batch', async () => {
    const urls = ['Observation', 'Observation/o', '/Observation', `${server.url}/fhir/R4/Observation/o`, 'AuditEvent'];
    const entry = [...urls, 'Patient/../Observation/o', 'Patient?_revinclude=Observation:subject'].map((url) => ({
      request: { method: 'GET', url },
    }));
    const body = { resourceType: 'Bundle', type: 'batch', entry };
    const answer = await send('/fhir/R4', { method: 'POST', key: patients, body });
    expect(answer.text).not.toMatch(NEVER);
    const statuses = JSON.parse(answer.text).entry.map((one: { response: { status: string } }) => one.response.status);
    expect(statuses).toEqual(['403', '403', '403', '403', '403', '404', '403']);
  });
});

describe('on the bare line', () => {
  const close = 'Host: x\r\nConnection: close\r\n';
  const post = (headers: string, body: string): string =>
    `POST /fhir/R4/Patient HTTP/1.1\r\n${close}Content-Type: ${FHIR}\r\nAuthorization: Bearer ${full}\r\n${headers}\r\n${body}`;
  const chunked = '1a\r\n{"resourceType":"Patient"}\r\n0\r\n\r\n';
  const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${close}${more}\r\n`;
  it.each<[string, () => string, number]>([
    ['two framings of one body', () => post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', chunked), 400],
    ['two lengths', () => post('Content-Length: 26\r\nContent-Length: 27\r\n', chunked), 400],
    ['a coding over the chunks', () => post('Transfer-Encoding: gzip, chunked\r\n', chunked), 400],
    ['a coding that is none', () => post('Transfer-Encoding: xchunked\r\n', chunked), 400],
    ['a chunk of 2^72 bytes', () => post('Transfer-Encoding: chunked\r\n', `${'F'.repeat(18)}\r\n`), 400],
    ['4 GiB announced', () => post('Content-Length: 4294967296\r\n', '{'), 413],
    ['gzip', () => post('Content-Encoding: gzip\r\nContent-Length: 2\r\n', '{}'), 415],
    ['two hosts', () => get('/health/live', 'Host: y\r\n'), 400],
    ['a folded header', () => get('/health/live', 'X: a\r\n b\r\n'), 400],
    ['headers of 40 kB', () => get('/health/live', `X: ${'a'.repeat(40_000)}\r\n`), 431],
    ['no HTTP at all', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a key twice', () => get('/metrics', `Authorization: Bearer x\r\nAuthorization: Bearer ${full}\r\n`), 401],
    ['a key in the query', () => get(`/metrics?access_token=${full}`), 401],
    ['a way around the key', () => get('/health/live/../../metrics'), 401],
    ['a method that is none', () => `FOO /metrics HTTP/1.1\r\n${close}\r\n`, 400],
    ['TRACE', () => `TRACE /health/live HTTP/1.1\r\n${close}\r\n`, 401],
    ['NUL in a path', () => get('/fhir/R4/Patient%00', `Authorization: Bearer ${full}\r\n`), 400],
  ])('%s is answered and ends', async (_, text, status) => {
    const answer = await exchange(Number(new URL(server.url).port), text());
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expectRefusal({ text: answer.slice(answer.indexOf('\r\n\r\n') + 4) }, status);
  });

  it('no Host and no forwarding header gets into a link', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
      origin: 'http://evil.example',
    };
    const answer = await send('/fhir/R4/Observation', { headers });
    expect(answer.status).toBe(200);
    expect(`${answer.text}${[...answer.headers]}`).not.toContain('evil');
  });

  it('bodies that trickle in under one key leave room for another', async () => {
    const head = `POST /fhir/R4 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${patients}\r\nContent-Type: ${FHIR}\r\n`;
    const port = Number(new URL(server.url).port);
    const lines = Array.from({ length: 270 }, () => {
      const line = connect(port, '127.0.0.1').on('error', () => {});
      line.write(`${head}Content-Length: 100000\r\n\r\n{`);
      return line;
    });
    try {
      // One of those beyond the share is told so, and then all of them have been seen.
      await Promise.race(lines.map((line) => new Promise((resolve) => void line.once('data', resolve))));
      expect((await send('/fhir/R4/Observation/o')).status).toBe(200);
      expect((await send('/fhir/R4/Patient', { key: patients })).status).toBe(503);
    } finally {
      for (const line of lines) line.destroy();
    }
  });
});

describe('instances that are no good', () => {
  const [first] = study.files as [Uint8Array];
  const replaced = (from: string, to: string): Buffer =>
    Buffer.from(Buffer.from(first).toString('latin1').replace(from, to), 'latin1');
  const bomb = (): Buffer => {
    const header = Buffer.from(first).subarray(0, first.length);
    const syntax = header.indexOf('1.2.840.10008.1.2.1\0', 0, 'latin1');
    const meta = header.readUInt32LE(140) + 144;
    const uid = Buffer.from('1.2.840.10008.1.2.1.99', 'latin1');
    const front = Buffer.concat([header.subarray(0, syntax), uid, header.subarray(syntax + 20, meta)]);
    front.writeUInt16LE(uid.length, syntax - 2);
    return Buffer.concat([front, deflateRawSync(Buffer.alloc(64 * 2 ** 20), { level: constants.Z_BEST_SPEED })]);
  };
  const deep = (): Buffer => {
    const meta = Buffer.from(first).readUInt32LE(140) + 144;
    const item = Buffer.from('080040115351' + '0000ffffffff' + 'feff00e0ffffffff', 'hex');
    return Buffer.concat([first.subarray(0, meta), ...Array.from({ length: 20_000 }, () => item)]);
  };
  it.each<[string, () => Buffer, number, RegExp]>([
    ['no part', () => multipart(), 400, /./],
    ['no boundary in it', () => Buffer.alloc(100_000, 'x'), 400, /no boundary/],
    ['ten thousand bytes of one header', () => Buffer.from(`--b\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`), 409, /headers/],
    ['a part without an end', () => Buffer.concat([PART, first]), 409, /not closed/],
    ['a part of another type', () => Buffer.from('--b\r\nContent-Type: text/html\r\n\r\n<b>\r\n--b--'), 409, /not app/],
    ['a boundary in the data', () => multipart(replaced('Small study', '\r\n--b\r\n\r\n123')), 409, /longer|DICM|cut/],
    ['a bomb', () => multipart(bomb()), 409, /inflates too far/],
    ['sequences in sequences', () => multipart(deep()), 409, /nest|deep/],
    ['a path for a UID', () => multipart(replaced(STUDY, '../'.repeat(30).slice(0, STUDY.length))), 409, /not a UID/],
    ['other bytes under a UID', () => multipart(replaced('Small study', 'Other study')), 409, /other content/],
    ['pixels cut short', () => multipart(first.subarray(0, -200)), 409, /./],
  ])('%s: stored is nothing, and why is said', async (_, body, status, why) => {
    const answer = await stow(body());
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(why);
    expect(answer.text).not.toMatch(NEVER);
  });

  it('are not taken for a study of another address', async () => {
    expect((await stow(multipart(first), DICOM, '/dicomweb/studies/1.2.3')).status).toBe(409);
  });

  it('leave the archive as it was', async () => {
    const { text } = await send('/dicomweb/instances?Modality=MR');
    expect(JSON.parse(text)).toHaveLength(study.files.length);
  });
});

describe('resources and searches that are no good', () => {
  const bundle = (count: number) => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: Array.from({ length: count }, () => ({
      resource: { resourceType: 'Patient' },
      request: { method: 'POST', url: 'Patient' },
    })),
  });
  const names = (count: number): string =>
    `{"resourceType":"Patient",${Array.from({ length: count }, (_, n) => `"a${n}":1`).join()}}`;
  const patient = (fields: object) => ({ resourceType: 'Patient', ...fields });
  const text = (div: string) => patient({ text: { status: 'generated', div } });
  it.each<[string, string, string, string | object | undefined, number]>([
    ['brackets', 'POST', 'Patient', `{"resourceType":"Patient","a":${'['.repeat(100_000)}`, 413],
    ['hundreds of thousands of names', 'POST', 'Patient', names(400_000), 413],
    ['5001 entries', 'POST', '', bundle(5001), 413],
    ['a prototype', 'POST', 'Patient', '{"resourceType":"Patient","__proto__":{"a":1}}', 422],
    ['another type', 'PUT', 'Patient/a', { ...OBSERVATION, id: 'a' }, 400],
    ['another id', 'PUT', 'Patient/a', patient({ id: 'b' }), 400],
    ['dots for an id', 'PUT', 'Patient/%2e%2e%2e', patient({ id: '..' }), 400],
    ['an external entity', 'POST', 'Patient', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 400],
    ['a script', 'POST', 'Patient', text('<div><img/onerror=x src=y></div>'), 422],
    ['a hidden script', 'POST', 'Patient', text('<div><a href="java&#115;cript:x">a</a></div>'), 422],
    ['a forged AuditEvent', 'POST', 'AuditEvent', { resourceType: 'AuditEvent' }, 405],
    ['a deletion of the trail', 'DELETE', 'AuditEvent/a', undefined, 405],
    ['a sort that is SQL', 'GET', 'Patient?_sort=name;drop%20table%20resources', undefined, 400],
    ['a count below none', 'GET', 'Patient?_count=-1', undefined, 400],
    ['300 parameters', 'GET', `Patient?${'name=a&'.repeat(300)}`, undefined, 400],
    ['a chain without end', 'GET', `Patient?${'_has:Observation:subject:'.repeat(9)}status=x`, undefined, 400],
    ['the prototype searched', 'GET', 'Patient?hasOwnProperty=1', undefined, 400],
    ['a value as a name', 'GET', `Patient?${CANARY}=1`, undefined, 400],
  ])('FHIR: %s', async (_, method, path, body, status) => {
    const answer = await send(`/fhir/R4${path && '/'}${path}`, { method, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(status);
    expectRefusal(answer, status);
  });

  it.each([
    [`studies?PatientName=${'*a'.repeat(60)}`, 400],
    [`studies?PatientName=${'a'.repeat(7000)}`, 400],
    ['studies?StudyDate=20261332', 400],
    ['studies?limit=-1', 400],
    ['studies?offset=1e9', 400],
    ['studies?__proto__=1', 400],
    [`studies?PatientName.${CANARY}=1`, 400],
    ['studies/..%2f..%2fetc', 400],
    [`studies/${STUDY}/series/1.2/instances/1.3/frames/0`, 400],
    [`studies/${STUDY}/series/1.2/instances/1.3/frames/1000000000`, 400],
    [`studies/${STUDY}/series/1.2/instances/1.3/bulkdata/..%2f..%2fetc%2fpasswd`, 404],
    [`studies/1.2.3/series/1.2/instances/1.3`, 404],
  ])('DICOMweb: %s', async (path, status) => {
    const answer = await send(`/dicomweb/${path}`);
    expect(answer.status).toBe(status);
    expectRefusal(answer, status);
  });

  it.each<[string, string, string | undefined, number]>([
    ['GET', 'runs/6fb6e76d-0314-4b04-ae9d-1af37f2682f4/files/..%2f..%2fetc%2fpasswd', undefined, 400],
    ['GET', 'runs/6fb6e76d-0314-4b04-ae9d-1af37f2682f4/files/x%0d%0aSet-Cookie:a=b', undefined, 400],
    ['GET', `runs?${CANARY}=1`, undefined, 400],
    ['POST', 'runs', `{"studyInstanceUid":"1.2.3","${CANARY}":1}`, 400],
    ['POST', 'runs', `{"studyInstanceUid":"${CANARY}"}`, 400],
    ['POST', 'runs', '['.repeat(60_000), 400],
  ])('API: %s %s', async (method, path, body, status) => {
    const answer = await send(`/api/v1/${path}`, {
      method,
      type: 'application/json',
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
    expectRefusal(answer, status);
  });
});

it('a few lines cannot ask for more than the server can hold', async () => {
  const large = { resourceType: 'Patient', id: 'large', name: [{ text: 'x'.repeat(8_000_000) }] };
  await send('/fhir/R4/Patient/large', { method: 'PUT', body: large });
  const entry = Array.from({ length: 200 }, () => ({ request: { method: 'GET', url: 'Patient/large' } }));
  const answer = await send('/fhir/R4', { method: 'POST', body: { resourceType: 'Bundle', type: 'batch', entry } });
  expect(answer.status).toBe(200);
  expect(answer.text.length).toBeLessThan(80_000_000);
  expect(answer.text).toContain('limit-exceeded');
});

it('after all that the server is up, and neither its log nor its numbers hold a name or a line of a client', async () => {
  await send('/fhir/R4/Patient', { headers: { traceparent: `00-${CANARY}`, 'user-agent': CANARY } });
  expect((await send('/health/ready')).status).toBe(200);
  const { text } = await send('/metrics');
  expect(text).toContain('neuroinsight_http_request');
  expect(text).not.toMatch(/Zzyzx|Canary/);
  expect(server.log()).toContain('"msg":"request"');
  expect(server.log()).not.toMatch(/Zzyzx|Canary|"level":"error"/);
});
