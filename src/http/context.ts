import Router, { type RouterContext } from '@koa/router';
import type { Middleware } from 'koa';
import type { Principal, Trace } from '../ports/index.ts';

/** What the steps before the routers have found out about a request. */
export interface AppState {
  /** Who asks; anonymous on the few open routes. */
  principal: Principal;
  trace: Trace;
  /** Resolves when the answer is out or the client has gone. One for all who wait: Node warns of eleven listeners. */
  closed: Promise<void>;
  /** Gives the request's place among those worked on at once back early: for answers that stay open, as event streams do. */
  leave: () => void;
  /** Kind of the error that became the answer. */
  failure?: string;
  /** Set by a door whose service writes refusals down itself, so that they are not written twice. */
  audited?: boolean;
}

export type AppContext = RouterContext<AppState> & { onerror(error: unknown): void };
export type AppRouter = Router<AppState>;
export type AppMiddleware = Middleware<AppState>;

/** A router whose paths are taken literally: case and a trailing slash matter, so that one thing has one address. */
export function createRouter(prefix: string): AppRouter {
  return new Router<AppState>({ prefix, sensitive: true, strict: true });
}

/** The parameters of the query in the order in which they were sent, repeated ones included, decoded. */
export function queryPairs(ctx: Pick<AppContext, 'querystring'>): readonly [string, string][] {
  return [...new URLSearchParams(ctx.querystring)];
}

/**
 * A path parameter. The router hands out every parameter of a path that it matched, so an absent one is a defect.
 * @param name as in the path of the route, without the colon.
 */
export function pathParameter(ctx: Pick<AppContext, 'params'>, name: string): string {
  const value = ctx.params[name];
  if (value === undefined) throw new Error('the route has no such parameter');
  return value;
}
