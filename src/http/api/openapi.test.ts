import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiWorld } from '../../../test/harness/api-world.ts';
import { type HttpWorld, openHttpWorld } from '../../../test/harness/http-world.ts';
import { routerPath } from './route.ts';
import { apiRoutes, apiTable } from './routes.ts';

const { deps } = apiWorld();

let world: HttpWorld;
beforeAll(async () => {
  world = await openHttpWorld({ routers: { api: apiRoutes(deps) } });
});
afterAll(() => world.close());

describe('the OpenAPI document', () => {
  interface Document {
    readonly openapi: string;
    readonly paths: Record<
      string,
      Record<string, { operationId: string; parameters: object[]; responses: object; security?: [] }>
    >;
    readonly components: { readonly schemas: Record<string, object> };
  }
  const read = async (): Promise<Document> => (await (await world.get('/api/v1/openapi.json')).json()) as Document;

  it('has every route of the router, and no other', async () => {
    const { paths } = await read();
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${routerPath(path)}`),
    );
    const routed = apiRoutes(deps).stack.flatMap(({ methods, path }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`),
    );
    expect(documented.toSorted()).toEqual(routed.toSorted());
    expect(documented.length).toBeGreaterThanOrEqual(15);
  });

  it('resolves in itself and names each operation once', async () => {
    const document = await read();
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    expect(references.length).toBeGreaterThan(10);
    expect(references.filter((name) => document.components.schemas[name] === undefined)).toEqual([]);
    expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBeNull();
    const ids = apiTable(deps).map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.openapi).toBe('3.1.0');
  });

  it('says of each operation which parameters, errors and scope it has', async () => {
    const { paths, components } = await read();
    expect(paths['/api/v1/runs/{id}']!.get).toMatchObject({
      description: 'Needs the scope system/Task.r.',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: {
        200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Run' } } } },
        401: {},
        403: {},
        404: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
      },
    });
    expect(paths['/api/v1/runs']!.get!.parameters).toContainEqual(
      expect.objectContaining({ name: 'limit', in: 'query', required: false }),
    );
    expect(paths['/api/v1/openapi.json']!.get).toMatchObject({ security: [] });
    expect(components.schemas.RunRequest).toMatchObject({
      additionalProperties: false,
      required: ['studyInstanceUid'],
    });
  });
});
