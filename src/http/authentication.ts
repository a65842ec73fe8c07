import type { ApiKeys } from '../auth/api-keys.ts';
import type { Principal } from '../ports/index.ts';
import type { AppMiddleware } from './context.ts';

/** Everything that is answered without a key: whether the server lives, and how to talk to it. */
const OPEN: ReadonlySet<string> = new Set([
  '/health/live',
  '/health/ready',
  '/fhir/R4/metadata',
  '/fhir/R4/.well-known/smart-configuration',
  '/docs',
  '/docs/',
  '/docs/explorer.js',
  '/docs/explorer.css',
  '/api/v1/openapi.json',
]);
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function isOpen(method: string, path: string): boolean {
  return READING.has(method) && OPEN.has(path);
}

/** Nobody in particular; has no scope, so nothing is permitted. */
export function anonymous(address: string | undefined): Principal {
  return { kind: 'anonymous', id: 'anonymous', name: 'anonymous', site: 'main', scopes: '', address };
}

/** Asks for a key on every address that is not open, unknown ones included: what exists is nobody's business. */
export function authenticate(apiKeys: Pick<ApiKeys, 'authenticate'>): AppMiddleware {
  return async (ctx, next) => {
    if (!isOpen(ctx.method, ctx.path)) {
      ctx.state.principal = await apiKeys.authenticate(ctx.get('Authorization'), ctx.ip);
    }
    return next();
  };
}
