import { type AppContext, type AppRouter, createRouter } from '../context.ts';
import { exchangeRoutes } from './exchange-routes.ts';
import { openApiOf } from './openapi.ts';
import { type ApiRoute, routerPath } from './route.ts';
import { type RunRoutesDeps, runRoutes } from './run-routes.ts';
import { documentRoute, type ServerRoutesDeps, serverRoutes } from './server-routes.ts';
import type { DeliveryService } from './services.ts';

export interface ApiDeps extends RunRoutesDeps, ServerRoutesDeps {
  readonly deliveries: DeliveryService;
  /** Of the software. */
  readonly version: string;
}

/** The whole product API, one row a route. */
export function apiTable(deps: ApiDeps): readonly ApiRoute[] {
  const table: ApiRoute[] = [
    ...runRoutes(deps),
    ...exchangeRoutes(deps.deliveries),
    ...serverRoutes(deps),
    documentRoute(() => document),
  ];
  const document = openApiOf(table, deps);
  return table;
}

/** The router of /api/v1. */
export function apiRoutes(deps: ApiDeps): AppRouter {
  const router = createRouter('/api/v1');
  for (const row of apiTable(deps)) {
    router.register(routerPath(row.path), [row.method], (ctx) => {
      const app = ctx as AppContext;
      // The run service writes its refusals down itself.
      app.state.audited = row.tag === 'runs';
      return row.run(app);
    });
  }
  return router;
}
