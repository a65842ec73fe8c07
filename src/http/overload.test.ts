import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { exchange, type HttpWorld, openHttpWorld } from '../../test/harness/http-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal } from '../ports/index.ts';
import { createRouter } from './context.ts';
import { createOverloadGuard } from './overload.ts';

interface Gate {
  readonly promise: Promise<void>;
  readonly open: () => void;
}

function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

let world: HttpWorld;
afterEach(() => world.close());

/** A door whose answers wait: /slow until the gate opens, /stream for ever. */
async function slowWorld(limits: { requestsAtOnce: number; streamsAtOnce?: number }) {
  const go = gate();
  const arrived: Gate[] = [gate(), gate(), gate(), gate()];
  let count = 0;
  const api = createRouter('/api/v1')
    .get('/slow', async (ctx) => {
      arrived[count++]?.open();
      await go.promise;
      ctx.body = 'done';
    })
    .get('/stream', (ctx) => {
      ctx.state.leave();
      const stream = new Readable({ read: () => {} });
      stream.push('first');
      ctx.body = stream;
    });
  world = await openHttpWorld({ routers: { api }, limits });
  return { go, arrived };
}

describe('a busy server', () => {
  it('keeps a place for others when one key takes all that it can', async () => {
    const go = gate();
    const arrived = [gate(), gate(), gate(), gate()] as const;
    let count = 0;
    const api = createRouter('/api/v1').get('/slow', async (ctx) => {
      arrived[count++]?.open();
      await go.promise;
      ctx.body = 'done';
    });
    const apiKeys = {
      authenticate: async (id: string): Promise<Principal> => {
        return { kind: 'api-key', id, name: id, site: 'main', scopes: '', address: undefined };
      },
    };
    world = await openHttpWorld({ routers: { api }, limits: { requestsAtOnce: 4 }, apiKeys });
    const working = [1, 2, 3].map(() => world.get('/api/v1/slow', 'greedy'));
    await arrived[2].promise;
    expect((await world.get('/api/v1/slow', 'greedy')).status).toBe(503);
    const other = world.get('/api/v1/slow', 'modest');
    await arrived[3].promise;
    go.open();
    expect((await Promise.all([...working, other])).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('refuses at once what is too much, says when to come back, and still says that it lives', async () => {
    const { go, arrived } = await slowWorld({ requestsAtOnce: 2 });
    const working = [world.get('/api/v1/slow', 'any'), world.get('/api/v1/slow', 'any')];
    await Promise.all([arrived[0]!.promise, arrived[1]!.promise]);
    const refused = await world.get('/api/v1/slow', 'any');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ type: 'urn:neuroinsight:problem:overloaded' });
    const fhir = await world.get('/fhir/R4/Patient', 'any');
    expect(fhir.status).toBe(503);
    expect(await fhir.json()).toMatchObject({ issue: [{ code: 'throttled' }] });
    expect((await world.get('/health/live')).status).toBe(200);
    expect((await world.get('/health/ready')).status).toBe(200);
    go.open();
    expect((await Promise.all(working)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await world.get('/api/v1/slow', 'any')).status).toBe(200);
  });

  it('counts an answer that stays open by itself, and bounds those too', async () => {
    const { go } = await slowWorld({ requestsAtOnce: 1, streamsAtOnce: 2 });
    go.open();
    const streams = [await world.get('/api/v1/stream', 'any'), await world.get('/api/v1/stream', 'any')];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    expect((await world.get('/api/v1/stream', 'any')).status).toBe(503);
    expect((await world.get('/api/v1/slow', 'any')).status).toBe(200);
    await streams[0]!.body!.cancel();
    const again = async (): Promise<number> => (await world.get('/api/v1/stream', 'any')).status;
    let status = await again();
    for (let n = 0; n < 50 && status === 503; n++) status = await again();
    expect(status).toBe(200);
  });

  it('gives no place to strangers who never fetch their answers', async () => {
    const guard = createOverloadGuard({ requestsAtOnce: 1, streamsAtOnce: 1 });
    const arrive = (kind: 'anonymous' | 'api-key', next: () => Promise<void>) => {
      const ctx = {
        path: '/api/v1/runs',
        res: new EventEmitter(),
        state: { principal: { kind }, closed: new Promise(() => {}) },
      };
      return guard.middleware(ctx as unknown as Parameters<typeof guard.middleware>[0], next);
    };
    const refuse = () => Promise.reject(new NeuroInsightError('unauthenticated', 'a key is needed'));
    await expect(arrive('anonymous', refuse)).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(arrive('anonymous', refuse)).rejects.toMatchObject({ kind: 'unauthenticated' });
    await arrive('api-key', async () => {});
    await expect(arrive('api-key', async () => {})).rejects.toMatchObject({ kind: 'overloaded' });
  });

  it('closes connections beyond its bound', async () => {
    world = await openHttpWorld({ limits: { connections: 1 } });
    const first = exchange(world.port, 'GET /health/live HTTP/1.1\r\nHost: x\r\n', 200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await exchange(world.port, 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    await first;
  });
});

describe('a server that stops', () => {
  it('finishes what is in progress and takes nothing new', async () => {
    const { go, arrived } = await slowWorld({ requestsAtOnce: 5 });
    const working = world.get('/api/v1/slow', 'any');
    await arrived[0]!.promise;
    const closed = world.server.close(60_000);
    await expect(world.get('/health/live')).rejects.toThrow();
    go.open();
    expect(await (await working).text()).toBe('done');
    await closed;
  });

  it('cuts what does not end within the grace', async () => {
    const { arrived } = await slowWorld({ requestsAtOnce: 5 });
    const working = world.get('/api/v1/slow', 'any');
    const cut = expect(working).rejects.toThrow();
    await arrived[0]!.promise;
    await world.server.close(10);
    await cut;
  });

  it('does not wait for answers that stay open', async () => {
    await slowWorld({ requestsAtOnce: 5 });
    const response = await world.get('/api/v1/stream', 'any');
    const cut = expect(response.text()).rejects.toThrow();
    await world.server.close(60_000);
    await cut;
  });

  it('may be told twice', async () => {
    await slowWorld({ requestsAtOnce: 5 });
    await world.server.close(0);
    await world.server.close(0);
  });
});

describe('a server that stops', () => {
  it('sends an answer to its end that is written but not yet taken, and cuts a line on which nothing is asked', async () => {
    const size = 30_000_000;
    const api = createRouter('/api/v1').get('/large', (ctx) => {
      ctx.body = Buffer.alloc(size, 'x');
    });
    world = await openHttpWorld({ routers: { api } });
    const idle = connect(world.port, '127.0.0.1');
    const idleEnded = new Promise((resolve) => void idle.once('close', resolve));
    const line = connect(world.port, '127.0.0.1');
    line.write('GET /api/v1/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer any\r\n\r\n');
    await new Promise((resolve) => void line.once('readable', resolve));
    const closed = world.close(60_000);
    await idleEnded;
    let received = 0;
    line.on('data', (chunk: Uint8Array) => {
      received += chunk.length;
    });
    await new Promise((resolve) => void line.once('close', resolve));
    expect(received).toBeGreaterThan(size);
    await closed;
  });
});
