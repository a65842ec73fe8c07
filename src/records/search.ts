import { requirePermission } from '../access/scopes.ts';
import { SERVER_WRITTEN } from '../fhir/search-parameters.ts';
import { parseSearch, type SearchRequest } from '../fhir/search-request.ts';
import type { Access, Principal, ResourcePage, StoredResource } from '../ports/index.ts';
import { searchAuditEvents } from './audit-events.ts';
import { audited } from './audited.ts';
import type { TextBundle, TextEntry } from './bundle-text.ts';
import { baseOf, type RecordsDeps, type SearchParams } from './deps.ts';
import { includedWith } from './includes.ts';
import { pageLinks } from './page-links.ts';
import { requireSendable } from './page-size.ts';
import { patientsOfStored } from './patients.ts';
import { requireResourceType } from './resource-types.ts';
import { requireSearchPermissions } from './search-permission.ts';
import { subsetText } from './subset.ts';

function entriesOf(
  base: string,
  rows: readonly StoredResource[],
  mode: 'match' | 'include',
  { summary, elements }: SearchRequest,
): readonly TextEntry[] {
  return rows.map((row) => ({
    fullUrl: `${base}${row.resourceType}/${row.id}`,
    resource: subsetText(row.json!, row.resourceType, summary, elements),
    search: { mode },
  }));
}

function searchset(
  deps: RecordsDeps,
  request: SearchRequest,
  page: ResourcePage,
  included: readonly StoredResource[],
): TextBundle {
  const base = baseOf(deps);
  const { query, selfLinkParams } = request;
  const { count, offset } = query;
  return {
    type: 'searchset',
    ...(page.total === undefined ? {} : { total: page.total }),
    links: pageLinks(base + query.resourceType, selfLinkParams, { count, offset, more: page.more }),
    entries: [...entriesOf(base, page.rows, 'match', request), ...entriesOf(base, included, 'include', request)],
  };
}

/**
 * Searches one type (R4 search). `params` are the decoded pairs of the query, those of a form after them.
 * Resolves after the access is written down with every patient of the page.
 * @throws not-found for an unknown type, invalid-request for what is not understood, forbidden, limit-exceeded.
 */
export async function search(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  params: SearchParams,
): Promise<TextBundle> {
  requireResourceType(type);
  const query = new URLSearchParams(params as [string, string][]).toString();
  const access: Access = { principal, action: 'E', interaction: 'fhir/search', entities: [type], query };
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 's', type);
    if (type === SERVER_WRITTEN) {
      const events = await searchAuditEvents(deps, principal, params);
      await deps.audit.record(access);
      return events;
    }
    const { publicUrl, clock, reader } = deps;
    const request = parseSearch(type, params, { publicUrl, now: clock.now() });
    requireSearchPermissions(principal, request.query.where);
    const page = await reader.search(principal.site, request.query);
    const included = await includedWith(deps, principal, page.rows, request);
    requireSendable([...page.rows, ...included]);
    await deps.audit.record({ ...access, patients: patientsOfStored([...page.rows, ...included]) });
    return searchset(deps, request, page, included);
  });
}
