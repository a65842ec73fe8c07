import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { NeuroInsightError, rowFor } from '../domain/errors.ts';
import type { Log, Metrics, Tracing } from '../ports/index.ts';
import { anonymous } from './authentication.ts';
import type { AppContext, AppMiddleware } from './context.ts';
import { foreseen, renderError } from './errors.ts';
import type { RefusalAudit } from './refusal-audit.ts';

/** Everything that a request sets off runs under its trace, which the answer names. */
export function traceContext(tracing: Tracing): AppMiddleware {
  return (ctx, next) =>
    tracing.run(ctx.get('traceparent'), async () => {
      ctx.state.trace = tracing.current();
      ctx.state.principal = anonymous(ctx.ip);
      ctx.state.closed = new Promise((resolve) => void ctx.res.once('close', resolve));
      ctx.set('X-Trace-Id', ctx.state.trace.traceId);
      await next();
    });
}

/** One line and one count a request, when its answer is out or the client has gone. */
export function accessLog(log: Log, metrics: Metrics, now: () => number): AppMiddleware {
  return async (ctx, next) => {
    const started = now();
    // A promise, for what comes after it still runs under the trace of the request; an event handler would not.
    void ctx.state.closed.then(() => {
      const seconds = (now() - started) / 1000;
      const route = routeOf(ctx as AppContext);
      const { method, status } = ctx;
      metrics.httpRequest(route, method, status, seconds);
      const aborted = ctx.res.writableFinished ? undefined : true;
      log.info('request', { method, route, status, seconds, aborted, kind: ctx.state.failure });
    });
    await next();
  };
}

/** The template of the route, never the address: that may carry identifiers of patients. */
export function routeOf(ctx: Pick<AppContext, '_matchedRoute'>): string {
  return typeof ctx._matchedRoute === 'string' ? ctx._matchedRoute : 'none';
}

/** Turns what is thrown below into an answer, and writes refusals down. */
export function renderErrors(log: Log, tracing: Tracing, refusals: RefusalAudit): AppMiddleware {
  return async (ctx, next) => {
    const app = ctx as AppContext;
    // Koa calls this for a body that breaks off while it is sent, and when the line does.
    // The line's own events run under no trace; the request's is given back to them.
    app.onerror = (error) => {
      void tracing.run(app.state.trace.traceparent, async () => endBrokenAnswer(app, error, log));
    };
    try {
      await next();
      await untilItFlows(app.body);
    } catch (error) {
      const known = foreseen(error);
      app.state.failure = known?.kind ?? 'defect';
      report(log, app, error, known);
      if ((known?.kind === 'unauthenticated' || known?.kind === 'forbidden') && app.state.audited !== true) {
        const { principal } = app.state;
        await refusals.record({ principal, method: app.method, kind: known.kind });
      }
      renderError(app, error);
    }
  };
}

/**
 * A stream that fails before its first byte, as when what it reads is gone, is still an error that can be told:
 * afterwards the line can only be cut.
 */
async function untilItFlows(body: unknown): Promise<void> {
  if (!(body instanceof Readable) || body.readableLength > 0 || body.readableEnded) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  body.once('readable', resolve).once('end', resolve).once('close', resolve).once('error', reject);
  try {
    if (body.errored !== null) throw body.errored;
    if (!body.destroyed) await promise;
  } finally {
    body.off('readable', resolve).off('end', resolve).off('close', resolve).off('error', reject);
  }
}

function report(log: Log, ctx: AppContext, error: unknown, known: NeuroInsightError | undefined): void {
  const fields = { route: routeOf(ctx), method: ctx.method, error: error as Error };
  if (known === undefined) log.error('a request met a defect', fields);
  else if (rowFor(known).status >= 500) log.warn('a request could not be served', { ...fields, kind: known.kind });
}

/**
 * An answer whose beginning is out cannot become an error any more. Its line is cut, so that the client does not take
 * what it has for the whole.
 */
function endBrokenAnswer(ctx: AppContext, error: unknown, log: Log): void {
  if (error === null || error === undefined) return;
  const res: ServerResponse = ctx.res;
  if (res.destroyed || res.writableFinished) return;
  log.warn('an answer broke off', { route: routeOf(ctx), method: ctx.method, error: error as Error });
  res.destroy();
}

/** One host and one way to tell where the body ends: readings that differ are how requests are smuggled past a proxy. */
export const checkFraming: AppMiddleware = ({ req }, next) => {
  const hosts = req.rawHeaders.filter((name, n) => n % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1) throw new NeuroInsightError('invalid-request', 'the request has several Host headers');
  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    throw new NeuroInsightError('invalid-request', 'the only transfer coding that is taken is chunked');
  }
  return next();
};

/** An address is short enough, and its percent-encoding can be decoded. */
export function checkAddress(urlBytes: number): AppMiddleware {
  return (ctx, next) => {
    if (ctx.url.length > urlBytes) {
      throw new NeuroInsightError('uri-too-long', `an address has at most ${urlBytes} bytes; search by POST instead`);
    }
    if (!isDecodable(ctx.path) || !isDecodable(ctx.querystring)) {
      throw new NeuroInsightError('invalid-request', 'the address has malformed percent-encoding');
    }
    return next();
  };
}

function isDecodable(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes('\0');
  } catch {
    return false;
  }
}

/** What is answered may be about a patient: nobody on the way keeps it, unless a door says otherwise. */
export const noStore: AppMiddleware = (ctx, next) => {
  ctx.set('Cache-Control', 'no-store');
  return next();
};

/** What no router has taken: another method of a known address, or no address of ours. */
export const unknownRoute: AppMiddleware = (ctx) => {
  const matched = (ctx as AppContext).matched ?? [];
  const allowed = [...new Set(matched.flatMap(({ methods }) => methods))].toSorted();
  if (allowed.length === 0) throw new NeuroInsightError('not-found', 'there is nothing at this address');
  ctx.set('Allow', [...allowed, 'OPTIONS'].join(', '));
  if (ctx.method !== 'OPTIONS') {
    throw new NeuroInsightError('method-not-allowed', 'this address does not take the method');
  }
  ctx.status = 204;
};
