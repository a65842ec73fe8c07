import type { PeerHttp, PeerRequest, PeerResponse } from '../../src/ports/index.ts';

export interface FakeRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | readonly Uint8Array[];
}

/** A peer that answers what the test says and keeps what it was asked. */
export function fakePeer(answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>) {
  const requests: FakeRequest[] = [];
  const peer: PeerHttp = {
    name: 'archive-b',
    async request(path, { method, headers = {}, body }) {
      const request = { path, method, headers, body: await textOf(body) };
      requests.push(request);
      return responseOf(await answer(request));
    },
  };
  return { peer, requests };
}

async function textOf(body: PeerRequest['body']): Promise<string> {
  if (body === undefined || typeof body === 'string') return body ?? '';
  if (body instanceof Uint8Array) return Buffer.from(body).toString('latin1');
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

function responseOf({ status, headers = {}, body = '' }: FakeAnswer): PeerResponse {
  const chunks = typeof body === 'string' ? [Buffer.from(body, 'latin1')] : body;
  return {
    status,
    header: (name) => headers[name.toLowerCase()],
    body: (async function* () {
      yield* chunks;
    })(),
    text: async () => Buffer.concat(chunks).toString('utf8'),
  };
}
