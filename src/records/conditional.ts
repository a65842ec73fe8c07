import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { parseSearch } from '../fhir/search-request.ts';
import type { Principal, ResourceQuery, StoredResource } from '../ports/index.ts';
import type { RecordsDeps } from './deps.ts';
import { requireSearchPermissions } from './search-permission.ts';

/** How often a write is tried when others write the same at the same moment. */
export const ATTEMPTS = 8;

/**
 * The criteria of a conditional interaction as a query: "identifier=system|value", with or without "Type?" before it
 * (R4 http 3.1.0.8.1). Throws invalid-request for criteria that would select everything, forbidden where the caller may
 * not search: who may only create must not learn what is there.
 */
export function criteriaQuery(
  deps: Pick<RecordsDeps, 'publicUrl' | 'clock'>,
  principal: Principal,
  type: string,
  criteria: string,
): ResourceQuery {
  requirePermission(principal, 's', type);
  const text = criteria.replace(/^\/?(?:[A-Z][A-Za-z]*)?\?/, '');
  const { publicUrl, clock } = deps;
  const { query } = parseSearch(type, [...new URLSearchParams(text)], { publicUrl, now: clock.now() });
  if (query.where.length === 0) {
    throw new NeuroInsightError('invalid-request', 'The criteria of a conditional interaction must not be empty');
  }
  requireSearchPermissions(principal, query.where);
  // Two rows are enough to tell one match from several.
  return { resourceType: type, where: query.where, sort: [], count: 2, offset: 0, total: false };
}

/** The one resource that the query finds, or none. Throws multiple-matches (R4: 412). */
export async function findAtMostOne(
  deps: Pick<RecordsDeps, 'reader'>,
  site: string,
  query: ResourceQuery,
): Promise<StoredResource | undefined> {
  const { rows } = await deps.reader.search(site, query);
  if (rows.length > 1) throw new NeuroInsightError('multiple-matches', 'The criteria match more than one resource');
  return rows[0];
}

/** Whether a commit was refused because somebody else was first. */
export const isConflict = (error: unknown): boolean => error instanceof NeuroInsightError && error.kind === 'conflict';

/**
 * Tries again while others win; `work` reads what is there anew each time. Throws conflict when that goes on.
 * A commit either is there whole or not at all, so trying again repeats nothing.
 */
export async function untilSettled<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
  }
}
