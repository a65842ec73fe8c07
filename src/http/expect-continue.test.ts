import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchange, type HttpWorld, openHttpWorld } from '../../test/harness/http-world.ts';
import { requirePermission } from '../access/scopes.ts';
import { readBody } from './body.ts';
import { createRouter } from './context.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

let world: HttpWorld;
beforeAll(async () => {
  const api = createRouter('/api/v1')
    .post('/content', async (ctx) => {
      const body = await readBody(ctx, { limitBytes: 1000, types: ['application/json'] });
      ctx.body = { bytes: body.length };
    })
    .post('/patients', async (ctx) => {
      requirePermission(ctx.state.principal, 'c', 'Patient');
      ctx.body = await readBody(ctx, { limitBytes: 1000, types: ['application/json'] });
    });
  world = await openHttpWorld({ routers: { api } });
});
afterAll(() => world.close());

const KEY = { Authorization: 'Bearer any' };

function headOf(path: string, headers: Readonly<Record<string, string>>, version = '1.1'): string {
  const all = {
    Host: 'x',
    Expect: '100-Continue',
    'Content-Type': 'application/json',
    'Content-Length': '2',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`POST ${path} HTTP/${version}`, ...lines, '', ''].join('\r\n');
}

/** Sends the head and, after the first bytes that come back, the content; resolves with all that came back. */
function askFirst(head: string, content: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const line = connect(world.port, '127.0.0.1', () => line.write(head));
  let answer = '';
  line.setEncoding('latin1');
  line.once('data', () => line.write(content));
  line.on('data', (chunk: string) => {
    answer += chunk;
  });
  line.once('error', reject);
  line.once('close', () => resolve(answer));
  return promise;
}

describe('a client that asks before it sends its content', () => {
  it.each([
    ['without a key', 401, '/api/v1/content', {}],
    ['with a wrong key', 401, '/api/v1/content', { Authorization: 'Bearer wrong' }],
    ['for too much', 413, '/api/v1/content', { ...KEY, 'Content-Length': '1001' }],
    ['for another type', 415, '/api/v1/content', { ...KEY, 'Content-Type': 'text/plain' }],
    ['at an address that is none', 404, '/api/v1/nothing', KEY],
    ['with malformed percent-encoding', 400, '/api/v1/%', KEY],
    ['without the scope', 403, '/api/v1/patients', KEY],
  ])('%s is refused with %d and not told to send it', async (_, status, path, headers) => {
    const answer = await exchange(world.port, headOf(path, headers));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('Connection: close');
    expect(answer).not.toContain('100 Continue');
  });

  it('is told to send it when it will be read, once, and answered', async () => {
    const answer = await askFirst(headOf('/api/v1/content', { ...KEY, Connection: 'close' }), '{}');
    expect(answer.startsWith(`${CONTINUE}HTTP/1.1 200 OK\r\n`)).toBe(true);
    expect(answer).toContain('{"bytes":2}');
    expect(answer.split('100 Continue')).toHaveLength(2);
  });

  it('in HTTP/1.0, which knows no such answer, gets none', async () => {
    const answer = await exchange(world.port, `${headOf('/api/v1/content', KEY, '1.0')}{}`);
    expect(answer).toContain('{"bytes":2}');
    expect(answer).not.toContain('100 Continue');
  });

  it('counts as a request in progress like any other', async () => {
    const before = world.lines.length;
    await askFirst(headOf('/api/v1/content', { ...KEY, Connection: 'close' }), '{}');
    expect(world.lines.slice(before)).toEqual([expect.objectContaining({ route: '/api/v1/content', status: 200 })]);
  });
});
