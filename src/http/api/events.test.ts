import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type HttpWorld, openHttpWorld } from '../../../test/harness/http-world.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { RunRow } from '../../ports/index.ts';
import { createRouter } from '../context.ts';
import { sendRunEvents } from './events.ts';

let world: HttpWorld;
afterEach(() => world.close());

const row = (version: number, state: RunRow['state'] = 'running'): RunRow =>
  ({ version, state, percent: 10 * version }) as RunRow;

/** Rows that come when they are pushed, as those of a service do; `return` ends a wait. */
function source(...first: readonly (RunRow | Error)[]) {
  const results: (IteratorResult<RunRow> | Error)[] = first.map(resultOf);
  let waiting: PromiseWithResolvers<IteratorResult<RunRow>> | undefined;
  let returned = false;
  const give = (result: IteratorResult<RunRow> | Error): void => {
    results.push(result);
    const [next] = results;
    if (waiting === undefined || next === undefined) return;
    results.shift();
    if (next instanceof Error) waiting.reject(next);
    else waiting.resolve(next);
    waiting = undefined;
  };
  const iterator: AsyncIterator<RunRow> = {
    next: async () => {
      const next = results.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) return next;
      if (returned) return END;
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
    return: async () => {
      returned = true;
      give(END);
      return END;
    },
  };
  return {
    rows: { [Symbol.asyncIterator]: () => iterator },
    push: (next: RunRow | Error) => give(resultOf(next)),
    end: () => give(END),
    hasEnded: () => returned,
  };
}

const END: IteratorResult<RunRow> = { done: true, value: undefined };
const resultOf = (next: RunRow | Error): IteratorResult<RunRow> | Error =>
  next instanceof Error ? next : { done: false, value: next };

async function watch(rows: AsyncIterable<RunRow>, heartbeatMs = 60_000, headers: Record<string, string> = {}) {
  const api = createRouter('/api/v1').get('/events', (ctx) =>
    sendRunEvents(ctx as never, { rows, view: ({ state, percent }) => ({ state, percent }), heartbeatMs }),
  );
  world = await openHttpWorld({ routers: { api } });
  return world.get('/api/v1/events', 'any', headers);
}

/** Reads a stream piece by piece. */
function reading(response: Response) {
  const reader = response.body!.getReader();
  const until = async (wanted: string): Promise<string> => {
    let text = '';
    while (!text.includes(wanted)) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += new TextDecoder().decode(value);
    }
    return text;
  };
  return { until, rest: () => until('nothing that comes'), cancel: () => reader.cancel() };
}

describe('the events of a run', () => {
  it('are the run as it stands and each change, and end with it', async () => {
    const { rows, push, end } = source(row(1));
    const response = await watch(rows);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { until, rest } = reading(response);
    expect(await until('"percent":10')).toBe(
      'retry: 2000\n\nid: 1\nevent: run\ndata: {"state":"running","percent":10}\n\n',
    );
    push(row(2));
    push(row(3, 'completed'));
    end();
    expect(await rest()).toBe(
      'id: 2\nevent: run\ndata: {"state":"running","percent":20}\n\n' +
        'id: 3\nevent: run\ndata: {"state":"completed","percent":30}\n\n',
    );
  });

  it('have no more listeners on the answer than Node takes for a leak', async () => {
    const { rows, push, end } = source(row(1));
    const responses: ServerResponse[] = [];
    const api = createRouter('/api/v1').get('/events', (ctx) => {
      responses.push(ctx.res);
      return sendRunEvents(ctx as never, { rows, view: ({ state }) => ({ state }) });
    });
    world = await openHttpWorld({ routers: { api } });
    const { until, rest } = reading(await world.get('/api/v1/events', 'any'));
    await until('running');
    push(row(2, 'completed'));
    await until('completed');
    const [response] = responses;
    for (const name of response!.eventNames()) {
      expect([name, response!.listenerCount(name) <= response!.getMaxListeners()]).toEqual([name, true]);
    }
    expect(response!.listenerCount('close')).toBeGreaterThan(0);
    end();
    await rest();
  });

  it('say now and then that they are alive', async () => {
    const { rows } = source(row(1));
    const response = await watch(rows, 5);
    expect(await reading(response).until(': still here\n\n: still here')).toContain(': still here\n\n');
  });

  it('leave nothing behind when the client goes away', async () => {
    const { rows, hasEnded } = source(row(1));
    const response = await watch(rows);
    const { until, cancel } = reading(response);
    await until('percent');
    await cancel();
    for (let n = 0; n < 200 && !hasEnded(); n++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(hasEnded()).toBe(true);
  });

  it('of a run that may not be read are an error, not a stream', async () => {
    const { rows } = source(new NeuroInsightError('not-found', 'there is no such run'));
    const response = await watch(rows);
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });

  it('that fail on the way are cut off, and the server lives', async () => {
    const { rows, push } = source(row(1));
    const response = await watch(rows);
    const { until, rest } = reading(response);
    await until('percent');
    push(new Error('the store is gone'));
    await expect(rest()).rejects.toThrow('terminated');
    expect((await world.get('/health/live')).status).toBe(200);
  });

  it.each([
    ['9', 204],
    ['10', 204],
    ['8', 200],
    ['', 200],
    ['x', 200],
    ['-9', 200],
    ['9'.repeat(400), 200],
  ])('asked for again after %j when the run has ended are answered %d', async (lastEventId, status) => {
    const { rows, end } = source(row(9, 'completed'));
    const response = await watch(rows, 60_000, { 'last-event-id': lastEventId });
    end();
    expect(response.status).toBe(status);
    await response.text();
  });

  it('asked for again while the run goes on begin with it as it stands', async () => {
    const { rows, end } = source(row(3));
    const response = await watch(rows, 60_000, { 'last-event-id': '3' });
    end();
    expect(await response.text()).toContain('id: 3\n');
  });
});
