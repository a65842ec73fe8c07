import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bearer, exchange, type HttpWorld, openHttpWorld, rawRequest } from '../../test/harness/http-world.ts';
import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { readBody } from './body.ts';
import { type AppRouter, createRouter } from './context.ts';

const CANARY = 'Doe^Jane';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const problem = (kind: string, status: number) =>
  expect.objectContaining({
    type: `urn:neuroinsight:problem:${kind}`,
    status,
    traceId: expect.stringMatching(/^\w{32}$/),
  });

/** A door that fails in every way that a door can. */
function failingDoor(prefix: string): AppRouter {
  return createRouter(prefix)
    .get('/fine/:name', (ctx) => {
      ctx.body = { trace: ctx.state.trace.traceId, who: ctx.state.principal.name, address: ctx.ip };
    })
    .post('/fine/:name', async (ctx) => {
      const body = await readBody(ctx, { limitBytes: 1000, types: ['application/json'] });
      ctx.body = { bytes: body.length };
    })
    .get('/defect', () => {
      throw new TypeError(`${CANARY} in /srv/data`);
    })
    .get('/text', () => {
      throw CANARY;
    })
    .get('/forbidden', (ctx) => requirePermission(ctx.state.principal, 'r', 'Patient'))
    .get('/audited', (ctx) => {
      ctx.state.audited = true;
      requirePermission(ctx.state.principal, 'r', 'Patient');
    })
    .get('/full', () => {
      throw new NeuroInsightError('storage-full', 'the disk is full');
    })
    .get('/early', (ctx) => {
      ctx.set('ETag', 'W/"1"');
      ctx.body = Readable.from(
        (async function* () {
          await Promise.reject(new Error(CANARY));
          yield '';
        })(),
      );
    })
    .get('/late', (ctx) => {
      ctx.set('Content-Length', '1000');
      ctx.body = Readable.from(
        (async function* () {
          yield 'x'.repeat(100);
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error(CANARY);
        })(),
      );
    });
}

let world: HttpWorld;
beforeAll(async () => {
  world = await openHttpWorld({
    routers: { fhir: failingDoor('/fhir/R4'), api: failingDoor('/api/v1') },
    corsOrigins: ['https://viewer.example'],
  });
});
afterAll(() => world.close());

describe('a key', () => {
  it.each(['/api/v1/fine/x', '/api/v1/nothing', '/nothing', '/', '/metrics', '/dicomweb/studies', '/health', '/docsx'])(
    'is asked for at %s, before anything is said about the address',
    async (path) => {
      const response = await world.get(path);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="neuroinsight"');
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toEqual(problem('unauthenticated', 401));
    },
  );

  it.each(['/health/live', '/health/ready'])('is not asked for at %s', async (path) => {
    expect((await world.get(path)).status).toBe(200);
    expect((await fetch(world.url + path, { method: 'POST' })).status).toBe(401);
  });

  it.each(['/fhir/R4/metadata', '/fhir/R4/.well-known/smart-configuration', '/docs', '/api/v1/openapi.json'])(
    'is not asked for at %s, which is not there in this server',
    async (path) => {
      expect((await world.get(path)).status).toBe(404);
    },
  );

  it('that is wrong is named as such', async () => {
    const response = await world.get('/api/v1/fine/x', 'wrong');
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="neuroinsight", error="invalid_token"');
  });

  it('in the query is not looked at', async () => {
    expect((await world.get('/api/v1/fine/x?access_token=system/*.r&key=system/*.r')).status).toBe(401);
  });

  it('without the scope is refused, naming the rule, and the refusal is written down once', async () => {
    const before = world.accesses.length;
    const response = await world.get('/api/v1/forbidden', 'system/Observation.r');
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ detail: 'refused by rule scope: system/Patient.r is needed' });
    await world.get('/api/v1/audited', 'system/Observation.r');
    expect(world.accesses.slice(before)).toEqual([
      expect.objectContaining({ interaction: 'http/get', outcome: '4', outcomeDesc: 'forbidden' }),
    ]);
  });
});

describe('an answer', () => {
  it('names the trace of the caller, and the handler runs under it', async () => {
    const response = await world.get('/api/v1/fine/x', 'any', { traceparent: `00-${TRACE}-b7ad6b7169203331-01` });
    expect(response.headers.get('x-trace-id')).toBe(TRACE);
    expect(await response.json()).toMatchObject({ trace: TRACE, who: 'tester' });
  });

  it('begins a trace when the caller has none or a malformed one', async () => {
    const response = await world.get('/api/v1/fine/x', 'any', { traceparent: `00-${TRACE}-xyz-01` });
    expect(response.headers.get('x-trace-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(response.headers.get('x-trace-id')).not.toBe(TRACE);
  });

  it('is kept by nobody, embedded nowhere and taken for nothing else', async () => {
    const { headers } = await world.get('/api/v1/fine/x', 'any');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.has('x-powered-by')).toBe(false);
    expect(headers.has('server')).toBe(false);
  });

  it('to HEAD is that to GET without content', async () => {
    const response = await fetch(`${world.url}/api/v1/fine/x`, { method: 'HEAD', headers: bearer('any') });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('to a GET that carries content is that to one without', async () => {
    const options = { path: '/api/v1/fine/x', method: 'GET', headers: { ...bearer('any'), 'content-length': '5' } };
    expect((await rawRequest(world.port, options, 'hello')).status).toBe(200);
  });
});

describe('an address that is not served', () => {
  it('is 404 with a key', async () => {
    const response = await world.get('/api/v1/nothing', 'any');
    expect([response.status, await response.json()]).toEqual([404, problem('not-found', 404)]);
  });

  it.each(['/api/v1/fine/x/', '/API/v1/fine/x', '/api/v1//fine/x'])(
    '%s is not the same as /api/v1/fine/x',
    async (path) => {
      expect((await world.get(path, 'any')).status).toBe(404);
    },
  );

  it('by this method is 405 and says by which', async () => {
    const response = await fetch(`${world.url}/api/v1/fine/x`, { method: 'DELETE', headers: bearer('any') });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    expect(await response.json()).toEqual(problem('method-not-allowed', 405));
  });

  it('says by OPTIONS which methods it takes', async () => {
    const response = await fetch(`${world.url}/api/v1/fine/x`, { method: 'OPTIONS', headers: bearer('any') });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
  });

  it.each(['/api/v1/fine/%', '/api/v1/fine/%zz', '/api/v1/fine/%ff', '/api/v1/fine/%00', '/api/v1/fine/x?a=%c3'])(
    '%s is 400',
    async (path) => {
      const { status, text } = await rawRequest(world.port, { path, headers: bearer('any') });
      expect([status, JSON.parse(text)]).toEqual([400, problem('invalid-request', 400)]);
    },
  );

  it('is 414 when it is too long', async () => {
    const response = await world.get(`/api/v1/fine/${'x'.repeat(9000)}`, 'any');
    expect([response.status, await response.json()]).toEqual([414, problem('uri-too-long', 414)]);
  });
});

describe('an error', () => {
  it('under /fhir/R4 is an OperationOutcome', async () => {
    const response = await world.get('/fhir/R4/full', 'any');
    expect(response.status).toBe(507);
    expect(response.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(await response.json()).toEqual({
      resourceType: 'OperationOutcome',
      id: response.headers.get('x-trace-id'),
      issue: [
        { severity: 'error', code: 'no-store', details: { text: 'storage-full' }, diagnostics: 'the disk is full' },
      ],
    });
  });

  it.each(['/api/v1/defect', '/fhir/R4/defect', '/api/v1/text', '/api/v1/early', '/fhir/R4/early'])(
    'that nobody foresaw says at %s its trace and nothing else',
    async (path) => {
      const response = await world.get(path, 'any');
      const text = await response.text();
      expect(response.status).toBe(500);
      expect(text).toContain(response.headers.get('x-trace-id'));
      expect(text).not.toMatch(/Doe|srv|TypeError|\.ts/);
      expect(response.headers.has('etag')).toBe(false);
    },
  );

  it('in the middle of an answer cuts the line, so that a part is not taken for the whole', async () => {
    const response = await world.get('/api/v1/late', 'any');
    await expect(response.text()).rejects.toThrow();
  });

  it('leaves the server serving', async () => {
    expect((await world.get('/api/v1/fine/x', 'any')).status).toBe(200);
  });
});

describe('content', () => {
  const post = (headers: Record<string, string>, body: string | string[], path = '/api/v1/fine/x') =>
    rawRequest(world.port, { path, method: 'POST', headers: { ...bearer('any'), ...headers } }, body);
  const json = { 'content-type': 'application/json; charset=utf-8' };

  it('is taken up to its limit', async () => {
    expect((await post(json, 'x'.repeat(1000))).text).toBe('{"bytes":1000}');
  });

  it.each([
    ['announced too long', { ...json, 'content-length': '1000000000' }, ['x']],
    ['chunked and too long', { ...json, 'transfer-encoding': 'chunked' }, Array(50).fill('x'.repeat(1000))],
  ])('%s is 413', async (_, headers, body) => {
    if ('content-length' in headers) {
      const head = `POST /api/v1/fine/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer any\r\nConnection: close\r\n`;
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const first = await firstBytes(world.port, `${head}${lines.join('')}\r\nx`);
      expect(first).toMatch(/^HTTP\/1\.1 413 /);
      return;
    }
    const { status, text } = await post(headers, body);
    expect([status, JSON.parse(text)]).toEqual([413, problem('limit-exceeded', 413)]);
  });

  it.each([
    ['of another type', { 'content-type': 'text/plain' }],
    ['without a type', {}],
    ['under a content coding', { ...json, 'content-encoding': 'gzip' }],
  ])('%s is 415', async (_, headers) => {
    expect((await post(headers, '{}')).status).toBe(415);
  });

  it('that is refused for its sender is read to its end, so that he sees why', async () => {
    const headers = { ...json, authorization: '', 'transfer-encoding': 'chunked' };
    const { status } = await post(headers, Array(200).fill('x'.repeat(64 * 1024)));
    expect(status).toBe(401);
  });

  it('that breaks off is no defect', async () => {
    const text = `POST /api/v1/fine/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer any\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\nabc`;
    const before = world.lines.length;
    await firstBytes(world.port, text, 20);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.lines.slice(before).filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('what is no HTTP', () => {
  it.each([
    ['noise', '\x16\x03\x01\x02\x00\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['two framings', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ])('is answered in one line: %s', async (_, text, status) => {
    const answer = await exchange(world.port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).not.toMatch(/HPE_|node:|\.ts/);
  });
});

describe('the log of requests', () => {
  it('has one line a request with the template of its route, never its address', async () => {
    const before = world.lines.length;
    const response = await world.get(`/api/v1/fine/${CANARY}?name=${CANARY}`, 'any');
    const traceId = response.headers.get('x-trace-id');
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const lines = world.lines.slice(before).filter((line) => line.traceId === traceId);
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'request', method: 'GET', route: '/api/v1/fine/:name', status: 200 }),
    ]);
  });

  it('holds nothing of a patient, whatever was asked and however it failed', async () => {
    for (const path of ['/api/v1/defect', '/api/v1/late', '/api/v1/early', `/fhir/R4/Patient?name=${CANARY}`]) {
      await (await world.get(path, 'any', { 'x-patient': CANARY })).text().catch(() => {});
    }
    expect(JSON.stringify(world.lines)).not.toMatch(/Doe/);
  });

  it('says of a defect where it was, under its trace', async () => {
    const response = await world.get('/api/v1/defect', 'any');
    const line = world.lines.find(
      ({ level, traceId }) => level === 'error' && traceId === response.headers.get('x-trace-id'),
    );
    expect(line).toMatchObject({ msg: 'a request met a defect', error: 'TypeError', route: '/api/v1/defect' });
    expect((line!.at as string[])[0]).toMatch(/^server\.test\.ts:\d+$/);
  });

  it('and the metrics agree', async () => {
    const text = await (await world.get('/metrics', 'neuroinsight/metrics.r')).text();
    expect(text).toMatch(/duration_seconds_count\{route="\/api\/v1\/fine\/:name",method="GET",status="200"\} \d+/);
    expect(text).toMatch(/^neuroinsight_http_requests_in_progress 1$/m);
    expect(text).not.toMatch(/Doe/);
  });
});

describe('the metrics', () => {
  it('need their scope', async () => {
    const response = await world.get('/metrics', 'system/Patient.r');
    expect(response.status).toBe(403);
    expect((await world.get('/metrics', 'system/*.rs')).headers.get('content-type')).toBe(
      'text/plain; version=0.0.4; charset=utf-8',
    );
  });
});

describe('another origin', () => {
  const preflight = { origin: 'https://viewer.example', 'access-control-request-method': 'GET' };
  const options = (headers: Record<string, string>) =>
    fetch(`${world.url}/api/v1/fine/x`, { method: 'OPTIONS', headers });

  it('that is listed may call, also where the answer is a refusal', async () => {
    const asked = await options(preflight);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe('https://viewer.example');
    expect(asked.headers.get('access-control-allow-headers')).toContain('Authorization');
    const refused = await world.get('/api/v1/fine/x', undefined, { origin: 'https://viewer.example' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://viewer.example');
    expect(refused.headers.has('access-control-allow-credentials')).toBe(false);
  });

  it.each(['https://viewer.example.evil', 'http://viewer.example', 'null', 'https://viewer.example:8443'])(
    '%s is not one that is listed',
    async (origin) => {
      const asked = await options({ ...preflight, origin });
      expect([asked.status, asked.headers.has('access-control-allow-origin')]).toEqual([401, false]);
    },
  );
});

describe('listening', () => {
  it('on a port that is in use is refused in words', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(openHttpWorld({ port })).rejects.toMatchObject({
      kind: 'invalid-configuration',
      message: `port ${port} of 127.0.0.1 is in use`,
    });
    other.close();
  });

  it('behind a proxy takes the address that the proxy saw, and without one none that a client made up', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
    const behind = await openHttpWorld({ routers: { api: failingDoor('/api/v1') }, trustProxy: true });
    const seen = await (await behind.get('/api/v1/fine/x', 'any', headers)).json();
    await behind.close();
    expect(seen).toMatchObject({ address: '198.51.100.7' });
    expect(await (await world.get('/api/v1/fine/x', 'any', headers)).json()).toMatchObject({ address: '127.0.0.1' });
  });
});

/** What comes back first; then the line is cut. */
function firstBytes(port: number, text: string, cutAfterMs?: number): Promise<string> {
  return exchange(port, text, cutAfterMs ?? 'first');
}
