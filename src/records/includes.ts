import type { Resource } from '@medplum/fhirtypes';
import { permits, requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { referencesOf } from '../fhir/search-index.ts';
import type { Include, SearchRequest } from '../fhir/search-request.ts';
import type { Principal, ResourceQuery, StoredResource } from '../ports/index.ts';
import type { RecordsDeps } from './deps.ts';
import { requireSendable } from './page-size.ts';

/** A page with more beside its matches is refused: cut short, it would look whole. */
const MOST_INCLUDED = 5000;
const AT_ONCE = 1000;

type Deps = Pick<RecordsDeps, 'reader' | 'publicUrl'>;
const placeOf = ({ resourceType, id }: StoredResource): string => `${resourceType}/${id}`;

function tooMany(): never {
  throw new NeuroInsightError(
    'limit-exceeded',
    `More than ${MOST_INCLUDED} resources to include: ask for a smaller page`,
  );
}

async function everything(
  deps: Deps,
  site: string,
  query: ResourceQuery,
  before: readonly StoredResource[],
  room: number,
): Promise<StoredResource[]> {
  const rows: StoredResource[] = [];
  for (;;) {
    const page = await deps.reader.search(site, { ...query, offset: rows.length });
    rows.push(...page.rows);
    if (rows.length > room) tooMany();
    requireSendable([...before, ...rows]);
    if (!page.more) return rows;
  }
}

/** Ids by type of what the matches refer to and the caller may read. */
function wantedBy(
  deps: Deps,
  principal: Principal,
  matches: readonly StoredResource[],
  includes: readonly Include[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const { json } of matches) {
    const resource: Resource = JSON.parse(json!);
    for (const { type: from, param, target } of includes) {
      if (resource.resourceType !== from) continue;
      for (const { type, id } of referencesOf(resource, param, deps.publicUrl)) {
        if (target !== undefined && type !== target) continue;
        if (!permits(principal.scopes, 'r', type)) continue;
        const ids = wanted.get(type) ?? new Set();
        wanted.set(type, ids.add(id));
      }
    }
  }
  return wanted;
}

function queryOf(resourceType: string, where: ResourceQuery['where']): ResourceQuery {
  return { resourceType, where, sort: [], count: AT_ONCE, offset: 0, total: false };
}

function queriesOf(
  deps: Deps,
  principal: Principal,
  matches: readonly StoredResource[],
  { includes, revIncludes }: Pick<SearchRequest, 'includes' | 'revIncludes'>,
): readonly ResourceQuery[] {
  const queries: ResourceQuery[] = [];
  if (includes.length > 0) {
    for (const [type, ids] of wantedBy(deps, principal, matches, includes)) {
      queries.push(queryOf(type, [{ kind: 'id', anyOf: [...ids] }]));
    }
  }
  const targets = matches.map(({ resourceType: type, id }) => ({ type, id }));
  for (const { type, param } of revIncludes) {
    queries.push(queryOf(type, [{ kind: 'reference', param, anyOf: targets }]));
  }
  return queries;
}

/**
 * What `_include` and `_revinclude` add to a page of matches, each once and none that is a match itself. A resource that
 * the caller may not read is not included; types that refer here are asked for by name, so one that he may not search is
 * refused. @throws forbidden, limit-exceeded.
 */
export async function includedWith(
  deps: Deps,
  principal: Principal,
  matches: readonly StoredResource[],
  request: Pick<SearchRequest, 'includes' | 'revIncludes'>,
): Promise<readonly StoredResource[]> {
  // Whether or not there are matches: what a key may ask does not hang on what it finds.
  for (const { type } of request.revIncludes) requirePermission(principal, 's', type);
  if (matches.length === 0) return [];
  const seen = new Set(matches.map(placeOf));
  const included: StoredResource[] = [];
  for (const query of queriesOf(deps, principal, matches, request)) {
    const before = [...matches, ...included];
    for (const row of await everything(deps, principal.site, query, before, MOST_INCLUDED - included.length)) {
      if (seen.has(placeOf(row))) continue;
      seen.add(placeOf(row));
      included.push(row);
    }
  }
  return included;
}
