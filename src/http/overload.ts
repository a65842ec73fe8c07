import { NeuroInsightError } from '../domain/errors.ts';
import type { AppContext, AppMiddleware } from './context.ts';

export interface OverloadGuard {
  readonly middleware: AppMiddleware;
  inFlight(): number;
  streams(): number;
  /** Cuts the answers that would stay open for ever. */
  endStreams(): void;
}

/** These tell about an overload, so they are answered under one. */
const ALWAYS: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

/** Refuses at once what the server could not work on now: a client that is told so early can go elsewhere or wait. */
export function createOverloadGuard(limits: { requestsAtOnce: number; streamsAtOnce: number }): OverloadGuard {
  const working = new Set<AppContext['res']>();
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
    working.add(res);
    // Not when the handler is done: an answer that is still being sent holds memory and files.
    res.once('close', () => {
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
  return {
    middleware,
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
