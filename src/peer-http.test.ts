import { describe, expect, it } from '@jest/globals';
import { openPeerHttp } from './peer-http.ts';

const trace = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
};
const tracing = { current: () => trace, run: <T>(_: string | undefined, work: () => Promise<T>) => work() };
const never = new AbortController().signal;

function open(send: typeof fetch) {
  const peer = {
    name: 'archive-b',
    url: 'https://pacs.example/dicom-web/',
    authorization: 'Bearer s3cret',
    timeoutSeconds: 1,
  };
  return openPeerHttp(peer, tracing, send);
}

describe('a request to a peer', () => {
  it('carries the credentials and the trace to the configured base', async () => {
    let seen: [string, Headers] | undefined;
    const peer = open(async (url, init) => {
      seen = [String(url), new Headers(init!.headers)];
      return new Response('[]', { status: 200, headers: { 'content-type': 'application/json' } });
    });
    const answer = await peer.request('/studies?limit=1', { method: 'GET', headers: { accept: 'a/b' }, signal: never });
    expect(await answer.text(100)).toBe('[]');
    expect(answer.header('Content-Type')).toBe('application/json');
    expect(seen![0]).toBe('https://pacs.example/dicom-web/studies?limit=1');
    expect([...seen![1]]).toEqual([
      ['accept', 'a/b'],
      ['authorization', 'Bearer s3cret'],
      ['traceparent', trace.traceparent],
    ]);
  });

  it('sends texts, bytes and streams', async () => {
    const bodies: string[] = [];
    const peer = open(async (url, init) => {
      bodies.push(await new Request(url as string, init).text());
      return new Response(null, { status: 204 });
    });
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('in ');
      yield Buffer.from('parts');
    };
    for (const body of ['text', Buffer.from('bytes'), stream()])
      await peer.request('', { method: 'POST', body, signal: never });
    expect(bodies).toEqual(['text', 'bytes', 'in parts']);
  });

  it('does not follow a redirect, which would carry the credentials elsewhere', async () => {
    const peer = open(async () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }));
    await expect(peer.request('', { method: 'GET', signal: never })).rejects.toThrow(
      'archive-b answered with a redirect',
    );
  });

  it('is worth another try when nobody answers, and says no more than the name', async () => {
    const peer = open(async () => {
      throw new TypeError('connect ECONNREFUSED 10.1.2.3:443');
    });
    const failed = peer.request('', { method: 'GET', signal: never });
    await expect(failed).rejects.toMatchObject({
      kind: 'upstream-unavailable',
      message: 'archive-b cannot be reached',
    });
  });

  it('ends when it is cancelled, before and during the answer', async () => {
    const controller = new AbortController();
    const peer = open(async () => {
      const body = new ReadableStream({ pull: () => Promise.reject(new Error('aborted')) });
      return new Response(body);
    });
    const answer = await peer.request('', { method: 'GET', signal: controller.signal });
    controller.abort();
    await expect(answer.text(10)).rejects.toMatchObject({ kind: 'cancelled' });
    const again = peer.request('', { method: 'GET', signal: controller.signal });
    await expect(again).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('refuses an answer that is longer than asked for', async () => {
    const answer = await open(async () => new Response('x'.repeat(11))).request('', { method: 'GET', signal: never });
    await expect(answer.text(10)).rejects.toMatchObject({ kind: 'upstream-refused' });
  });
});
