import { NeuroInsightError } from './domain/errors.ts';
import type { PeerHttp, PeerRequest, PeerResponse, Tracing } from './ports/index.ts';

export interface Peer {
  readonly name: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly timeoutSeconds: number;
}

/** Requests to one configured system; see `PeerHttp`. `send` is fetch, but for tests. */
export function openPeerHttp(peer: Peer, tracing: Tracing, send: typeof fetch = fetch): PeerHttp {
  const base = peer.url.replace(/\/+$/, '');
  return {
    name: peer.name,
    async request(path, request) {
      if (request.signal.aborted) throw new NeuroInsightError('cancelled', 'stopped on request');
      // The limit is on silence before the answer; a long study may take longer than that to arrive.
      const silence = AbortSignal.timeout(peer.timeoutSeconds * 1000);
      const headers = new Headers({ ...request.headers, traceparent: tracing.current().traceparent });
      if (peer.authorization !== undefined) headers.set('authorization', peer.authorization);
      try {
        const response = await send(`${base}${path}`, {
          ...initOf(request),
          headers,
          signal: AbortSignal.any([silence, request.signal]),
        });
        if (response.status >= 300 && response.status < 400) {
          await response.body?.cancel();
          throw new NeuroInsightError(
            'upstream-refused',
            `${peer.name} answered with a redirect, which is not followed`,
          );
        }
        return responseOf(peer.name, response, request.signal);
      } catch (error) {
        throw translated(peer.name, error, request.signal);
      }
    },
  };
}

function initOf({ method, body }: PeerRequest): RequestInit & { duplex?: 'half' } {
  const common = { method, redirect: 'manual' as const };
  if (body === undefined || typeof body === 'string') return { ...common, body: body ?? null };
  if (body instanceof Uint8Array) return { ...common, body: new Blob([new Uint8Array(body)]) };
  return { ...common, body: ReadableStream.from(body) as ReadableStream<Uint8Array<ArrayBuffer>>, duplex: 'half' };
}

function responseOf(peer: string, response: Response, signal: AbortSignal): PeerResponse {
  const chunks = chunksOf(peer, response, signal);
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: chunks,
    async text(limitBytes) {
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of chunks) {
        length += chunk.byteLength;
        if (length > limitBytes) {
          throw new NeuroInsightError('upstream-refused', `${peer} answered with more than ${limitBytes} bytes`);
        }
        parts.push(chunk);
      }
      return Buffer.concat(parts).toString('utf8');
    },
  };
}

async function* chunksOf(peer: string, response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  try {
    for await (const chunk of response.body) yield chunk as Uint8Array;
  } catch (error) {
    throw translated(peer, error, signal);
  }
}

/** What fetch says of a failed connection names hosts and ports; the log gets the cause, the caller the name. */
function translated(peer: string, error: unknown, signal: AbortSignal): NeuroInsightError {
  if (error instanceof NeuroInsightError) return error;
  if (signal.aborted) return new NeuroInsightError('cancelled', 'stopped on request', { cause: error });
  const late = (error as { readonly name?: unknown }).name === 'TimeoutError';
  return new NeuroInsightError(
    'upstream-unavailable',
    `${peer} ${late ? 'did not answer in time' : 'cannot be reached'}`,
    {
      cause: error,
    },
  );
}
