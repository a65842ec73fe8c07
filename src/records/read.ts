import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { SERVER_WRITTEN } from '../fhir/search-parameters.ts';
import type { Access, Principal, StoredResource } from '../ports/index.ts';
import { readAuditEvent } from './audit-events.ts';
import { audited } from './audited.ts';
import { etagOf, type TextBundle, type TextEntry } from './bundle-text.ts';
import { baseOf, type RecordsDeps, type SearchParams } from './deps.ts';
import { requireSendable } from './page-size.ts';
import { patientsOfStored } from './patients.ts';
import { requireResourceType } from './resource-types.ts';

const MAX_HISTORY_COUNT = 1000;
const DEFAULT_HISTORY_COUNT = 50;
const VERSION = /^[1-9][0-9]{0,8}$/;

/** Throws not-found and gone (R4 http 3.1.0.1.2); returns what can be answered. */
export function present(stored: StoredResource | undefined): StoredResource {
  if (!stored) throw new NeuroInsightError('not-found', 'There is no such resource');
  if (stored.json === undefined) throw new NeuroInsightError('gone', 'The resource was deleted');
  return stored;
}

/** The current version. Throws not-found, gone, forbidden. Resolves after the access is written down. */
export async function read(deps: RecordsDeps, principal: Principal, type: string, id: string): Promise<StoredResource> {
  requireResourceType(type);
  const access: Access = { principal, action: 'R', interaction: 'fhir/read', entities: [`${type}/${id}`] };
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'r', type);
    const stored = present(
      type === SERVER_WRITTEN
        ? await readAuditEvent(deps, principal, id)
        : await deps.reader.get(principal.site, type, id),
    );
    // After the read: the row names the patients that the resource is about.
    await deps.audit.record({ ...access, patients: patientsOfStored([stored]) });
    return stored;
  });
}

async function versionOf(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  id: string,
  version: number,
): Promise<StoredResource | undefined> {
  if (type !== SERVER_WRITTEN) return deps.reader.getVersion(principal.site, type, id, version);
  // What happened does not change: an AuditEvent has one version.
  return version === 1 ? readAuditEvent(deps, principal, id) : undefined;
}

/** One version, be it current or not. Throws not-found, gone for a version that is a deletion, forbidden. */
export async function readVersion(
  deps: RecordsDeps,
  principal: Principal,
  type: string,
  id: string,
  version: string,
): Promise<StoredResource> {
  requireResourceType(type);
  const access: Access = { principal, action: 'R', interaction: 'fhir/vread', entities: [`${type}/${id}`] };
  return audited(deps.audit, access, async () => {
    requirePermission(principal, 'r', type);
    const stored = present(
      VERSION.test(version) ? await versionOf(deps, principal, type, id, Number(version)) : undefined,
    );
    await deps.audit.record({ ...access, patients: patientsOfStored([stored]) });
    return stored;
  });
}

interface HistoryPage {
  readonly since: string | undefined;
  readonly count: number;
  readonly offset: number;
}

/** Instants of R4 with a zone, and dates, which mean their first moment in UTC. Stored times are compared as text. */
function sinceOf(text: string): string {
  const isDate = /^\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?)?)?$/.test(text);
  const time = isDate ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new NeuroInsightError('invalid-request', '_since must be an instant');
  return new Date(time).toISOString();
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new NeuroInsightError('invalid-request', `${name} must be a whole number`);
  return Number(text);
}

function historyPage(params: SearchParams): HistoryPage {
  const page = { since: undefined as string | undefined, count: DEFAULT_HISTORY_COUNT, offset: 0 };
  for (const [name, value] of params) {
    if (name === '_since') page.since = sinceOf(value);
    else if (name === '_count') page.count = Math.min(wholeNumber(name, value), MAX_HISTORY_COUNT);
    else if (name === '_offset') page.offset = wholeNumber(name, value);
    else if (name !== '_format' && name !== '_pretty') {
      throw new NeuroInsightError('invalid-request', 'A history takes _since, _count and _offset');
    }
  }
  return page;
}

const STATUS = { POST: '201 Created', PUT: '200 OK', DELETE: '204 No Content' } as const;

function historyEntry(base: string, row: StoredResource): TextEntry {
  const place = `${row.resourceType}/${row.id}`;
  const status = row.method === 'PUT' && row.versionId === 1 ? '201 Created' : STATUS[row.method];
  return {
    fullUrl: base + place,
    ...(row.json === undefined ? {} : { resource: row.json }),
    request: { method: row.method, url: row.method === 'POST' ? row.resourceType : place },
    response: { status, etag: etagOf(row.versionId), lastModified: row.lastUpdated },
  };
}

/** History of one resource, or of a type, newest first (R4 http 3.1.0.13). Throws not-found for an unknown resource. */
export async function history(
  deps: RecordsDeps,
  principal: Principal,
  of: { readonly type: string; readonly id?: string },
  params: SearchParams,
): Promise<TextBundle> {
  const { type, id } = of;
  requireResourceType(type);
  const place = id === undefined ? type : `${type}/${id}`;
  const access: Access = { principal, action: 'R', interaction: 'fhir/history', entities: [place] };
  return audited(deps.audit, access, async () => {
    // SMART v2 2.0: r covers the history of one resource, s that of a type.
    requirePermission(principal, id === undefined ? 's' : 'r', type);
    const { since, count, offset } = historyPage(params);
    const { site } = principal;
    const known = id === undefined || (await deps.reader.get(site, type, id)) !== undefined;
    if (!known) throw new NeuroInsightError('not-found', 'There is no such resource');
    const scope = {
      resourceType: type,
      ...(id === undefined ? {} : { id }),
      ...(since === undefined ? {} : { since }),
    };
    const page = await deps.reader.history(site, { ...scope, count, offset });
    requireSendable(page.rows);
    await deps.audit.record({ ...access, patients: patientsOfStored(page.rows) });
    const base = baseOf(deps);
    const url = (at: number): string => {
      const query = new URLSearchParams({ ...(since === undefined ? {} : { _since: since }), _count: String(count) });
      if (at > 0) query.set('_offset', String(at));
      return `${base}${place}/_history?${query}`;
    };
    return {
      type: 'history',
      ...(page.total === undefined ? {} : { total: page.total }),
      links: [
        { relation: 'self', url: url(offset) },
        ...(page.more && page.rows.length > 0 ? [{ relation: 'next', url: url(offset + page.rows.length) }] : []),
      ],
      entries: page.rows.map((row) => historyEntry(base, row)),
    };
  });
}
