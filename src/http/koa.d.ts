/** The part of Koa that this room uses; the package brings no types. */
declare module 'koa' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export type DefaultState = Record<string, unknown>;
  export type DefaultContext = object;
  export type Next = () => Promise<unknown>;

  export interface BaseContext<StateT, BodyT = unknown> {
    readonly app: Application;
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    readonly headers: IncomingMessage['headers'];
    readonly headerSent: boolean;
    readonly writable: boolean;
    readonly method: string;
    /** As sent, with the query. */
    readonly url: string;
    readonly originalUrl: string;
    readonly path: string;
    readonly querystring: string;
    readonly ip: string;
    state: StateT;
    status: number;
    body: BodyT;
    type: string;
    length: number | undefined;
    /** A request header, '' when absent. */
    get(field: string): string;
    set(field: string, value: string | readonly string[]): void;
    set(fields: Readonly<Record<string, string | readonly string[]>>): void;
    append(field: string, value: string | readonly string[]): void;
    vary(field: string): void;
    remove(field: string): void;
    /** The best of `types`, or false when the client takes none of them. */
    accepts(...types: string[]): string | false;
  }

  export type ParameterizedContext<StateT = DefaultState, ContextT = DefaultContext, BodyT = unknown> = BaseContext<
    StateT,
    BodyT
  > &
    ContextT;
  export type Middleware<StateT = DefaultState, ContextT = DefaultContext, BodyT = unknown> = (
    ctx: ParameterizedContext<StateT, ContextT, BodyT>,
    next: Next,
  ) => unknown;

  class Application<StateT = DefaultState, ContextT = DefaultContext> extends EventEmitter {
    constructor(options?: { readonly proxy?: boolean; readonly maxIpsCount?: number });
    silent: boolean;
    use(middleware: Middleware<StateT, ContextT>): this;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  }
  export default Application;
}

declare module '@koa/cors' {
  import type { Middleware } from 'koa';
  export interface CorsOptions {
    /** Answers the value of Access-Control-Allow-Origin; '' for none. */
    readonly origin: (ctx: { get(field: string): string }) => string;
    readonly allowMethods?: readonly string[];
    readonly allowHeaders?: readonly string[];
    readonly exposeHeaders?: readonly string[];
    readonly maxAge?: number;
    readonly keepHeadersOnError?: boolean;
  }
  export default function cors<StateT>(options: CorsOptions): Middleware<StateT>;
}
