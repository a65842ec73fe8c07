import { NeuroInsightError } from '../../domain/errors.ts';
import { fhirBase } from '../../fhir/search-references.ts';
import type { Records } from '../../records/records.ts';
import { readBody } from '../body.ts';
import { type AppContext, type AppRouter, createRouter, queryPairs } from '../context.ts';
import {
  createResource,
  deleteResource,
  deleteWhere,
  type FhirDeps,
  type Interaction,
  processBundle,
  readHistory,
  readMetadata,
  readResource,
  readVersion,
  search,
  searchByForm,
  updateResource,
  updateWhere,
} from './interactions.ts';
import { parseJson } from './json-body.ts';
import type { FhirRequest, FhirResponse } from './message.ts';
import { FHIR_JSON, RESOURCE_TYPES, requireJson } from './negotiation.ts';

/** Enough for a transaction with the pictures and the report of one study as base64. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_FORM_BYTES = 256 * 1024;

export interface FhirRouteDeps {
  readonly records: Records;
  readonly publicUrl: string;
  /** As it is answered at /metadata. */
  readonly capabilityStatement: object;
  /** Longest body taken; 32 MiB unless given. */
  readonly maxBodyBytes?: number;
}

/** The interactions by address and method (R4 http 3.1.0). GET answers HEAD too. An address is found in this order. */
const ROUTES: readonly (readonly [path: string, methods: Readonly<Record<string, Interaction>>])[] = [
  // With and without a slash at its end: clients disagree on how the base is written.
  ['{/}', { POST: processBundle }],
  ['/metadata', { GET: readMetadata }],
  ['/:type', { GET: search, POST: createResource, PUT: updateWhere, DELETE: deleteWhere }],
  ['/:type/_search', { POST: searchByForm }],
  ['/:type/_history', { GET: readHistory }],
  ['/:type/:id', { GET: readResource, PUT: updateResource, DELETE: deleteResource }],
  ['/:type/:id/_history', { GET: readHistory }],
  ['/:type/:id/_history/:version', { GET: readVersion }],
];

const OF_THE_DOOR: ReadonlySet<string> = new Set(['_format', '_pretty']);

function requestOf(ctx: AppContext, maxBodyBytes: number): FhirRequest {
  const { type = '', id = '', version = '' } = ctx.params;
  return {
    principal: ctx.state.principal,
    type,
    id,
    version,
    params: queryPairs(ctx).filter(([name]) => !OF_THE_DOOR.has(name)),
    query: ctx.querystring,
    header: (name) => ctx.get(name),
    readResource: async () => parseJson(await readBody(ctx, { limitBytes: maxBodyBytes, types: RESOURCE_TYPES })),
    readForm: async () => {
      const types = ['application/x-www-form-urlencoded'];
      const bytes = await readBody(ctx, { limitBytes: MAX_FORM_BYTES, types });
      return [...new URLSearchParams(Buffer.from(bytes).toString('utf8'))].filter(([name]) => !OF_THE_DOOR.has(name));
    },
  };
}

function send(ctx: AppContext, { status, headers = {}, body }: FhirResponse, isPretty: boolean): void {
  ctx.status = status;
  ctx.set(headers);
  if (body === undefined) {
    // Koa answers a status without a body with its name; here nothing means nothing.
    ctx.body = '';
    ctx.remove('Content-Type');
    ctx.status = status;
    return;
  }
  ctx.set('Content-Type', FHIR_JSON);
  ctx.body = isPretty ? JSON.stringify(JSON.parse(body), null, 2) : body;
}

function refuseMethod(ctx: AppContext, methods: readonly string[]): never {
  ctx.set('Allow', methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', '));
  throw new NeuroInsightError('method-not-allowed', 'This address does not take the method');
}

/**
 * The doors of the FHIR API, R4, JSON only. Errors are thrown to the server, which answers them as OperationOutcome.
 * `/metadata` asks for no principal; who lets anonymous requests through is the server.
 */
export function fhirRoutes(deps: FhirRouteDeps): AppRouter {
  const { records, publicUrl, maxBodyBytes = MAX_BODY_BYTES } = deps;
  const router = createRouter('/fhir/R4');
  const fhirDeps: FhirDeps = {
    records,
    base: fhirBase(publicUrl),
    capabilityStatement: JSON.stringify(deps.capabilityStatement),
  };
  for (const [path, methods] of ROUTES) {
    router.all(path, async (ctx: AppContext) => {
      const interaction = methods[ctx.method === 'HEAD' ? 'GET' : ctx.method];
      if (!interaction) refuseMethod(ctx, Object.keys(methods));
      const query = new URLSearchParams(ctx.querystring);
      requireJson(query.get('_format') ?? undefined, ctx.get('Accept'));
      // The records write refusals down themselves, with what was asked for.
      ctx.state.audited = true;
      const isPretty = query.get('_pretty') === 'true';
      send(ctx, await interaction(requestOf(ctx, maxBodyBytes), fhirDeps), isPretty);
    });
  }
  return router;
}
