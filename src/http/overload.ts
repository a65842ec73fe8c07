import { NeuroInsightError } from '../domain/errors.ts';
import type { AppContext, AppMiddleware } from './context.ts';

export interface OverloadGuard {
  readonly middleware: AppMiddleware;
  /** Behind the authentication: keeps one key from taking every place. */
  readonly share: AppMiddleware;
  inFlight(): number;
  streams(): number;
  /** Cuts the answers that would stay open for ever. */
  endStreams(): void;
}

/** These tell about an overload, so they are answered under one. */
const ALWAYS: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

/** What one key may have of the places: bodies that trickle in under one must not shut the others out. */
const SHARE = 0.75;

/** Refuses at once what the server could not work on now: a client that is told so early can go elsewhere or wait. */
export function createOverloadGuard(limits: { requestsAtOnce: number; streamsAtOnce: number }): OverloadGuard {
  /** With the id of who asks, as soon as that is known. */
  const working = new Map<AppContext['res'], string>();
  const open = new Set<AppContext['res']>();
  const middleware: AppMiddleware = async (ctx, next) => {
    const { res } = ctx;
    ctx.state.leave = () => {
      if (open.size >= limits.streamsAtOnce) throw overloaded();
      working.delete(res);
      open.add(res);
    };
    if (ALWAYS.has(ctx.path)) return next();
    if (working.size >= limits.requestsAtOnce) throw overloaded();
    working.set(res, '');
    // Not when the handler is done: an answer that is still being sent holds memory and files.
    void ctx.state.closed.then(() => {
      working.delete(res);
      open.delete(res);
    });
    try {
      await next();
    } finally {
      // A stranger gets a few bytes; one who does not fetch them must not keep the place of one with a key.
      if (ctx.state.principal.kind === 'anonymous') working.delete(res);
    }
  };
  const most = Math.ceil(limits.requestsAtOnce * SHARE);
  const share: AppMiddleware = (ctx, next) => {
    if (!working.has(ctx.res)) return next();
    const { id } = ctx.state.principal;
    let own = 1;
    for (const other of working.values()) if (other === id) own += 1;
    if (own > most) throw overloaded();
    working.set(ctx.res, id);
    return next();
  };
  return {
    middleware,
    share,
    inFlight: () => working.size,
    streams: () => open.size,
    endStreams: () => {
      for (const res of open) res.destroy();
    },
  };
}

function overloaded(): NeuroInsightError {
  return new NeuroInsightError('overloaded', 'the server is busy; try again later');
}
