import { requirePermission } from '../../access/scopes.ts';
import type { AuditTrail } from '../../ports/index.ts';
import type { Health } from '../health.ts';
import { type ApiRoute, route } from './route.ts';
import { HealthDetail, OpenApiDocument, SiteList, WhoAmI } from './schemas.ts';
import type { Site } from './services.ts';

export interface ServerRoutesDeps {
  readonly sites: readonly Site[];
  readonly health: Health;
  readonly audit: Pick<AuditTrail, 'record'>;
}

const tag = 'server';

export function serverRoutes({ sites, health, audit }: ServerRoutesDeps): readonly ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/sites',
      operationId: 'listSites',
      tag,
      summary: 'The sites that the key belongs to',
      scope: ['s', 'Organization'],
      response: SiteList,
      handle: async ({ principal }) => {
        requirePermission(principal, 's', 'Organization');
        const own = sites.filter(({ name }) => name === principal.site);
        const entities = own.map(({ name }) => `Organization/${name}`);
        await audit.record({ principal, action: 'E', interaction: 'api/site-list', entities });
        return { sites: own.map(({ name, title }) => ({ name, title })) };
      },
    }),
    route({
      method: 'get',
      path: '/whoami',
      operationId: 'whoAmI',
      tag,
      summary: 'Who the key makes one, and what it permits',
      response: WhoAmI,
      handle: async ({ principal: { kind, id, name, site, scopes } }) => ({
        kind,
        id,
        name,
        site,
        scopes: scopes.split(' ').filter((scope) => scope !== ''),
      }),
    }),
    route({
      method: 'get',
      path: '/health',
      operationId: 'readHealth',
      tag,
      summary: 'What works and what does not',
      response: HealthDetail,
      handle: async () => {
        const { ready, at, checks } = await health.report();
        return { ready, at, checks: { ...checks } };
      },
    }),
  ];
}

/** @param document made from the whole table, this row included. */
export function documentRoute(document: () => { readonly openapi: string }): ApiRoute {
  return route({
    method: 'get',
    path: '/openapi.json',
    operationId: 'readOpenApi',
    tag,
    summary: 'This description',
    open: true,
    response: OpenApiDocument,
    handle: async () => document(),
  });
}
