import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { bodyChunks, discardRest, mediaType, readBody, readJson } from './body.ts';

const LIMITS = { limitBytes: 10, types: ['application/json', 'text/json'] };

function sent(chunks: readonly (string | Uint8Array)[], headers: Record<string, string> = {}) {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const all: Record<string, string> = { 'Content-Type': 'application/json', ...headers };
  const req = Object.assign(stream, { headers: {} }) as unknown as IncomingMessage;
  return { req, res: {} as ServerResponse, get: (name: string) => all[name] ?? '' };
}

describe('content', () => {
  it('of a request is its bytes, in order', async () => {
    expect(Buffer.from(await readBody(sent(['abc', 'def']), LIMITS)).toString()).toBe('abcdef');
    expect(await readBody(sent([]), LIMITS)).toHaveLength(0);
  });

  it('may be exactly as long as the limit, and not one byte longer', async () => {
    expect(await readBody(sent(['12345', '67890']), LIMITS)).toHaveLength(10);
    await expect(readBody(sent(['12345', '678901']), LIMITS)).rejects.toMatchObject({ kind: 'limit-exceeded' });
  });

  it('may take its time, but not for ever: what trickles holds a place that others need', async () => {
    const lengthAfter = async (seconds: number, bytes: number): Promise<number> => {
      let clock = 0;
      const advancing = (): number => {
        clock += seconds * 1000;
        return clock;
      };
      let length = 0;
      for await (const chunk of bodyChunks(sent([Buffer.alloc(bytes)]), advancing)) length += chunk.length;
      return length;
    };
    expect(await lengthAfter(29, 1)).toBe(1);
    expect(await lengthAfter(31, 31 * 1024)).toBe(31 * 1024);
    await expect(lengthAfter(31, 31 * 1024 - 1)).rejects.toMatchObject({ kind: 'too-slow' });
  });

  it('that announces too much is refused before it is read', async () => {
    const request = sent([], { 'Content-Length': '11' });
    await expect(readBody(request, LIMITS)).rejects.toMatchObject({
      kind: 'limit-exceeded',
      message: 'the content is longer than 10 bytes',
    });
  });

  it('that announces less than it is, is refused when it is too long', async () => {
    await expect(readBody(sent(['x'.repeat(11)], { 'Content-Length': '1' }), LIMITS)).rejects.toMatchObject({
      kind: 'limit-exceeded',
    });
  });

  it.each(['gzip', 'GZIP', 'br', 'identity, gzip'])('under the coding %s is refused', async (coding) => {
    await expect(readBody(sent(['{}'], { 'Content-Encoding': coding }), LIMITS)).rejects.toMatchObject({
      kind: 'unsupported-media-type',
    });
  });

  it.each(['application/JSON', 'text/json; charset=utf-8', ' application/json ;x=y'])(
    'of type %j is taken',
    async (type) => {
      expect(await readJson(sent(['{}'], { 'Content-Type': type, 'Content-Encoding': 'identity' }), LIMITS)).toEqual(
        {},
      );
    },
  );

  it.each(['', 'application/jsonx', 'text/plain', 'application/json, text/plain'])(
    'of type %j is refused',
    async (type) => {
      await expect(readBody(sent(['{}'], { 'Content-Type': type }), LIMITS)).rejects.toMatchObject({
        kind: 'unsupported-media-type',
        message: 'the content must be application/json or text/json',
      });
    },
  );

  it.each([[['{']], [['']], [['Doe']], [[new Uint8Array([0x22, 0xff, 0x22])]]])(
    'that is no JSON is refused without repeating it: %j',
    async (chunks) => {
      const refusal = { kind: 'invalid-request', message: 'the content is not JSON' };
      await expect(readJson(sent(chunks), LIMITS)).rejects.toMatchObject(refusal);
    },
  );

  it('that breaks off is refused as such', async () => {
    const { req, res, get } = sent([]);
    const broken = Object.assign(new PassThrough(), { headers: {} });
    broken.write('abc');
    setImmediate(() => broken.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
    await expect(readBody({ req: broken as never, res, get }, LIMITS)).rejects.toMatchObject({
      kind: 'invalid-request',
      message: 'the request ended before its content did',
    });
    req.destroy();
  });
});

describe('the rest of refused content', () => {
  it('is read and thrown away', async () => {
    const stream = new PassThrough();
    discardRest(stream as unknown as IncomingMessage);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    for (let n = 0; n < 10; n++) stream.write(Buffer.alloc(100_000));
    stream.end();
    await ended;
    expect(stream.readableLength).toBe(0);
  });

  it('is cut off after a bounded number of bytes', async () => {
    const stream = new PassThrough();
    discardRest(stream as unknown as IncomingMessage);
    const closed = new Promise<void>((resolve) => void stream.once('close', resolve));
    for (let n = 0; n < 18; n++) stream.write(Buffer.alloc(1024 * 1024));
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  it('of a request that is complete is left alone', () => {
    const stream = Object.assign(new PassThrough(), { complete: true });
    discardRest(stream as unknown as IncomingMessage);
    expect(stream.listenerCount('data')).toBe(0);
  });
});

it('the media type is the part before the parameters', () => {
  expect([mediaType('Text/HTML; q="a;b"'), mediaType('')]).toEqual(['text/html', '']);
});
