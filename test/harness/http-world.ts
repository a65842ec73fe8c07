import { request as nodeRequest, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { ApiKeys } from '../../src/auth/api-keys.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import type { AppRouter } from '../../src/http/context.ts';
import { createHealth, type Probe } from '../../src/http/health.ts';
import type { HttpLimits } from '../../src/http/limits.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Access, Principal } from '../../src/ports/index.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createTracing } from '../../src/telemetry/tracing.ts';

export interface HttpWorldOptions {
  readonly routers?: Readonly<Record<string, AppRouter>>;
  readonly limits?: Partial<HttpLimits>;
  readonly port?: number;
  readonly trustProxy?: boolean;
  readonly corsOrigins?: readonly string[];
  readonly probes?: Readonly<Record<string, Probe>>;
  /** Who a key is; the same client for every one unless given. */
  readonly apiKeys?: Pick<ApiKeys, 'authenticate'>;
  readonly audit?: (access: Access) => Promise<void>;
}

/** A server on a free port with a log, a trail and keys that lie in memory. A key is its own list of scopes. */
export async function openHttpWorld(options: HttpWorldOptions = {}) {
  const lines: Record<string, unknown>[] = [];
  const accesses: Access[] = [];
  const tracing = createTracing();
  const metrics = createMetrics();
  const server = createHttpServer({
    config: {
      host: '127.0.0.1',
      port: options.port ?? 0,
      trustProxy: options.trustProxy ?? false,
      corsOrigins: options.corsOrigins ?? [],
      limits: { requestsAtOnce: 50, ...options.limits },
    },
    apiKeys: options.apiKeys ?? scopesAsKeys,
    audit: { record: options.audit ?? (async (access) => void accesses.push(access)) },
    log: createLog({ level: 'info', tracing, destination: { write: (line) => void lines.push(JSON.parse(line)) } }),
    tracing,
    metrics,
    health: createHealth({ probes: options.probes ?? {}, clock: { now: () => new Date() } }),
    routers: options.routers ?? {},
  });
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  const get = (path: string, key?: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { headers: key === undefined ? headers : { ...headers, ...bearer(key) } });
  const close = async (graceMs = 0): Promise<void> => {
    await server.close(graceMs);
    metrics.close();
  };
  return { url, port, get, lines, accesses, metrics, server, close };
}

export type HttpWorld = Awaited<ReturnType<typeof openHttpWorld>>;

export const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` });

const scopesAsKeys: Pick<ApiKeys, 'authenticate'> = {
  authenticate: async (authorization, address): Promise<Principal> => {
    const scopes = /^Bearer (.+)$/.exec(authorization)?.[1];
    if (scopes === undefined || scopes === 'wrong') throw new NeuroInsightError('unauthenticated', 'a key is needed');
    return { kind: 'api-key', id: 'key-1', name: 'tester', site: 'main', scopes, address };
  },
};

/** A request that fetch would not send: with a body to a GET, with a header of one's choice. */
export function rawRequest(
  port: number,
  options: RequestOptions,
  body?: string | Iterable<string>,
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const request = nodeRequest({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      const chunks: string[] = [];
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: chunks.join('') }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    for (const part of typeof body === 'string' ? [body] : (body ?? [])) request.write(part);
    request.end();
  });
}

/**
 * Sends bytes down a bare line and collects what comes back.
 * @param until when the line is cut from here: never, after the first bytes, or after so many milliseconds.
 */
export function exchange(port: number, text: string, until: 'closed' | 'first' | number = 'closed'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setEncoding('latin1');
    if (typeof until === 'number') setTimeout(() => socket.destroy(), until);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (until === 'first') socket.destroy();
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}
