import { z } from 'zod';
import type { Action } from '../../access/scopes.ts';
import { type ErrorKind, NeuroInsightError } from '../../domain/errors.ts';
import type { Principal } from '../../ports/index.ts';
import { readJson } from '../body.ts';
import { type AppContext, pathParameter, queryPairs } from '../context.ts';

type Method = 'get' | 'post';

/** What a handler is given: everything validated by the schemas of its route. */
export interface ApiRequest<P, Q, B> {
  readonly principal: Principal;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** One row of the route table: it validates requests, types its handler and becomes a part of the OpenAPI document. */
export interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  readonly method: Method;
  /** As in OpenAPI, relative to /api/v1: /runs/{id}. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  /** The scope that is needed; absent: any key. */
  readonly scope?: readonly [Action, string];
  /** True: no key is needed. */
  readonly open?: boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly status?: number;
  /** The answer in JSON. */
  readonly response: R;
  readonly errors?: readonly ErrorKind[];
  readonly handle: (request: ApiRequest<z.output<P>, z.output<Q>, z.output<B>>, ctx: AppContext) => Promise<z.input<R>>;
}

/** A route whose answer is no JSON: the handler writes it. */
export type RawRouteSpec<P extends z.ZodType> = Omit<RouteSpec<P, z.ZodType, z.ZodType, z.ZodType>, RawOmitted> & {
  readonly contentTypes: readonly string[];
  readonly write: (
    request: Pick<ApiRequest<z.output<P>, unknown, unknown>, 'principal' | 'params'>,
    ctx: AppContext,
  ) => Promise<void>;
};
type RawOmitted = 'response' | 'handle' | 'query' | 'body' | 'status';

/** A row of the table with its types erased. */
export interface ApiRoute {
  readonly method: Method;
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly scope?: readonly [Action, string];
  readonly open?: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly status: number;
  readonly response?: z.ZodType;
  readonly contentTypes: readonly string[];
  readonly errors: readonly ErrorKind[];
  run(ctx: AppContext): Promise<void>;
}

const JSON_BODY = { limitBytes: 64 * 1024, types: ['application/json'] };
const Nothing = z.strictObject({});
const LONGEST_MESSAGE = 200;

export function route<
  P extends z.ZodType = typeof Nothing,
  Q extends z.ZodType = typeof Nothing,
  B extends z.ZodType = typeof Nothing,
  R extends z.ZodType = z.ZodType,
>(spec: RouteSpec<P, Q, B, R>): ApiRoute {
  const { status = 200, errors = [], handle, ...doc } = spec;
  const run = async (ctx: AppContext): Promise<void> => {
    const answer = await handle(
      {
        principal: ctx.state.principal,
        params: parsed(spec.params, paramsOf(ctx, spec.path), 'path') as z.output<P>,
        query: parsed(spec.query ?? Nothing, queryOf(ctx), 'query') as z.output<Q>,
        body: (spec.body === undefined
          ? {}
          : parsed(spec.body, await readJson(ctx, JSON_BODY), 'content')) as z.output<B>,
      },
      ctx,
    );
    ctx.status = status;
    ctx.body = JSON.stringify(answer);
    ctx.set('Content-Type', 'application/json; charset=utf-8');
  };
  return { ...doc, status, errors, contentTypes: ['application/json'], run };
}

export function rawRoute<P extends z.ZodType = typeof Nothing>(spec: RawRouteSpec<P>): ApiRoute {
  const { write, errors = [], ...doc } = spec;
  const run = async (ctx: AppContext): Promise<void> => {
    parsed(Nothing, queryOf(ctx), 'query');
    const params = parsed(spec.params, paramsOf(ctx, spec.path), 'path') as z.output<P>;
    await write({ principal: ctx.state.principal, params }, ctx);
  };
  return { ...doc, status: 200, errors, run };
}

/** The path as the router writes it: /runs/:id. */
export const routerPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

function paramsOf(ctx: AppContext, path: string): Record<string, string> {
  return Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, pathParameter(ctx, name!)]));
}

function queryOf(ctx: AppContext): Record<string, string> {
  const pairs = queryPairs(ctx);
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length) throw new NeuroInsightError('invalid-request', 'a query parameter is given twice');
  return Object.fromEntries(pairs);
}

function parsed(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = [where, ...(issue?.path ?? [])].join('.');
  // One line of bounded length.
  // What the client made up is not repeated: it may be a patient's name in the wrong place.
  const why = issue?.code === 'unrecognized_keys' ? 'has a name that is not known' : issue?.message;
  const text = `${place}: ${why}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_MESSAGE);
  throw new NeuroInsightError('invalid-request', text);
}
