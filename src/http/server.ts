import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@koa/cors';
import Koa from 'koa';
import helmet from 'koa-helmet';
import type { ApiKeys } from '../auth/api-keys.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { AuditTrail, Log, Metrics, Tracing } from '../ports/index.ts';
import { authenticate } from './authentication.ts';
import { answerClientError } from './client-error.ts';
import type { AppMiddleware, AppRouter, AppState } from './context.ts';
import { type Health, healthRoutes } from './health.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { metricsRoutes } from './metrics-route.ts';
import { createOverloadGuard, type OverloadGuard } from './overload.ts';
import { createRefusalAudit, type RefusalAudit } from './refusal-audit.ts';
import { accessLog, checkAddress, checkFraming, noStore, renderErrors, traceContext, unknownRoute } from './steps.ts';

export interface HttpServerDeps {
  readonly config: {
    readonly host: string;
    /** 0 takes a free one. */
    readonly port: number;
    /** Whether the last entry of X-Forwarded-For is the client: only behind a proxy that writes it. */
    readonly trustProxy?: boolean;
    /** Origins that scripts of other sites may call from, exactly as the browser sends them. */
    readonly corsOrigins?: readonly string[];
    readonly limits: HttpLimits;
  };
  readonly apiKeys: Pick<ApiKeys, 'authenticate'>;
  readonly audit: Pick<AuditTrail, 'record'>;
  readonly log: Log;
  readonly tracing: Tracing;
  readonly metrics: Metrics;
  readonly health: Health;
  /** The doors: fhir, dicomweb, api, docs. */
  readonly routers: Readonly<Record<string, AppRouter>>;
}

export interface HttpServer {
  /** @throws invalid-configuration when the address cannot be listened on. */
  listen(): Promise<{ readonly port: number }>;
  /** Takes no new request, lets those in progress end for so long, then cuts the rest. */
  close(graceMs: number): Promise<void>;
}

const MINUTE_MS = 60_000;
const CORS = {
  allowMethods: 'GET, HEAD, POST, PUT, PATCH, DELETE'.split(', '),
  allowHeaders:
    'Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Last-Event-ID, Prefer, Range, traceparent'.split(
      ', ',
    ),
  exposeHeaders:
    'Allow, Content-Disposition, Content-Location, ETag, Last-Modified, Link, Location, Retry-After, Warning, X-Trace-Id'.split(
      ', ',
    ),
  maxAge: 600,
};

/** The doors of the server behind one table of steps. Nothing listens before `listen`. */
export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const limits = { ...DEFAULT_LIMITS, ...deps.config.limits };
  const guard = createOverloadGuard(limits);
  const refusals = createRefusalAudit(deps);
  const app = new Koa<AppState>({ proxy: deps.config.trustProxy ?? false, maxIpsCount: 1 });
  // Reported by the steps; Koa would print stack traces.
  app.on('error', () => {});
  for (const step of stepsOf(deps, limits, guard, refusals)) app.use(step);
  registerGauges(deps.metrics, guard);
  const server = openServer(app, limits, deps.tracing);
  return lifecycle(server, deps, guard, refusals);
}

/** What a request goes through, in this order. */
function stepsOf(
  { config, log, tracing, metrics, apiKeys, health, routers }: HttpServerDeps,
  limits: Required<HttpLimits>,
  guard: OverloadGuard,
  refusals: RefusalAudit,
): readonly AppMiddleware[] {
  const origins: ReadonlySet<string> = new Set(config.corsOrigins ?? []);
  const doors = [healthRoutes(health), metricsRoutes(metrics), ...Object.values(routers)];
  return [
    traceContext(tracing),
    accessLog(log, metrics, () => performance.now()),
    securityHeaders(),
    cors<AppState>({ ...CORS, origin: (ctx) => (origins.has(ctx.get('Origin')) ? ctx.get('Origin') : '') }),
    renderErrors(log, tracing, refusals),
    guard.middleware,
    checkFraming,
    checkAddress(limits.urlBytes),
    authenticate(apiKeys),
    guard.share,
    noStore,
    ...doors.map((door) => door.routes() as AppMiddleware),
    unknownRoute,
  ];
}

/** An API has nothing to be framed, scripted or embedded; the explorer has a policy of its own. */
function securityHeaders(): AppMiddleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] },
    },
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  }) as unknown as AppMiddleware;
}

function registerGauges(metrics: Metrics, guard: OverloadGuard): void {
  metrics.gauge('neuroinsight_http_requests_in_progress', 'Requests that are being worked on', guard.inFlight);
  metrics.gauge('neuroinsight_http_open_streams', 'Answers that stay open', guard.streams);
}

function openServer(app: Koa<AppState>, limits: Required<HttpLimits>, tracing: Tracing): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerSeconds * 1000,
      requestTimeout: limits.requestSeconds * 1000,
      keepAliveTimeout: limits.keepAliveSeconds * 1000,
      connectionsCheckingInterval: 5000,
      // Two framings of one request are how requests are smuggled past a proxy.
      insecureHTTPParser: false,
      requireHostHeader: true,
    },
    app.callback(),
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.idleSeconds * 1000;
  // Node would tell every client to send its body; the one that may is told when the body is read.
  server.on('checkContinue', (req, res) => void server.emit('request', req, res));
  server.on('clientError', (error: Error, socket: Socket) => {
    void tracing.run(undefined, async () => answerClientError(error, socket, tracing.current()));
  });
  return server;
}

function lifecycle(server: Server, deps: HttpServerDeps, guard: OverloadGuard, refusals: RefusalAudit): HttpServer {
  const { config, log } = deps;
  let minutes: NodeJS.Timeout | undefined;
  let closing = false;
  const lines = new Set<Socket>();
  const answers = new Map<Socket, number>();
  server.on('connection', (line) => void lines.add(line.once('close', () => lines.delete(line))));
  // Node's own way to close idle connections takes an answer that is written, but not yet sent, for one that is done.
  const closeIdle = (): void => {
    for (const line of lines) if ((answers.get(line) ?? 0) === 0) line.destroy();
  };
  server.closeIdleConnections = closeIdle;
  server.on('request', ({ socket }, res) => {
    answers.set(socket, (answers.get(socket) ?? 0) + 1);
    res.once('close', () => {
      const left = answers.get(socket)! - 1;
      if (left > 0) answers.set(socket, left);
      else answers.delete(socket);
      if (closing) setImmediate(closeIdle);
    });
  });
  return {
    listen: async () => {
      await listening(server, config);
      minutes = setInterval(() => void refusals.endMinute(), MINUTE_MS).unref();
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.port;
      log.info('listening', { host: config.host, port });
      return { port };
    },
    close: async (graceMs) => {
      if (!server.listening) return;
      closing = true;
      clearInterval(minutes);
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      guard.endStreams();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
      await refusals.endMinute();
    },
  };
}

async function listening(server: Server, { host, port }: HttpServerDeps['config']): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause: Error & { code?: string }) => {
    const why = cause.code === 'EADDRINUSE' ? 'is in use' : 'cannot be listened on';
    reject(new NeuroInsightError('invalid-configuration', `port ${port} of ${host} ${why}`, { cause }));
  });
  server.listen(port, host, resolve);
  await promise;
}
