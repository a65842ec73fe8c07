import { z } from 'zod';
import { type ErrorKind, NeuroInsightError, rowFor } from '../../domain/errors.ts';
import type { ApiRoute } from './route.ts';
import { NAMED } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** Every route may answer these, whatever else it says. */
const EVERYWHERE: readonly ErrorKind[] = ['invalid-request', 'overloaded'];
const WITH_KEY: readonly ErrorKind[] = ['unauthenticated', 'forbidden'];

export interface ApiInfo {
  readonly version: string;
  readonly publicUrl: string;
}

/** The OpenAPI 3.1 document of a route table: made from the schemas that validate its requests. */
export function openApiOf(routes: readonly ApiRoute[], { version, publicUrl }: ApiInfo): Json & { openapi: string } {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path}`;
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'NeuroInsight product API',
      version,
      description: 'Runs, destinations, deliveries, sites. Images are at /dicomweb, records at /fhir/R4.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key: ni_...' } },
      schemas: componentSchemas(),
    },
  };
}

function operationOf(route: ApiRoute): Json {
  const { operationId, tag, summary, scope, open, body } = route;
  const needed = scope === undefined ? undefined : `Needs the scope system/${scope[1]}.${scope[0]}.`;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(needed === undefined ? {} : { description: needed }),
    ...(open === true ? { security: [] } : {}),
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonContent(body) } }),
    responses: responsesOf(route),
  };
}

function responsesOf({ status, response, contentTypes, errors, open }: ApiRoute): Json {
  const content =
    response === undefined ? Object.fromEntries(contentTypes.map((type) => [type, {}])) : jsonContent(response);
  const kinds = [...EVERYWHERE, ...(open === true ? [] : WITH_KEY), ...errors];
  const byStatus = Map.groupBy([...new Set(kinds)], (kind) => rowFor(new NeuroInsightError(kind, kind)).status);
  const refusals = [...byStatus].map(([code, of]) => [
    String(code),
    { description: of.join(', '), content: { 'application/problem+json': { schema: reference('Problem') } } },
  ]);
  return { [String(status)]: { description: 'done', content }, ...Object.fromEntries(refusals) };
}

const jsonContent = (schema: z.ZodType): Json => ({ 'application/json': { schema: schemaOf(schema) } });
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function schemaOf(schema: z.ZodType): Json {
  const name = Object.keys(NAMED).find((candidate) => NAMED[candidate] === schema);
  return name === undefined ? bare(z.toJSONSchema(schema, { io: 'input' })) : reference(name);
}

/** One parameter a property of the object that validates them. */
function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

/** The named schemas, those that contain others referring to them. */
function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input' });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, bare(schema)]));
}

function bare(schema: object): Json {
  const { $schema: _dialect, $id: _id, ...rest } = schema as Record<string, unknown>;
  return rest;
}
