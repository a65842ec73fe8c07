import type {
  AsOfQuery,
  HistoryQuery,
  ResourcePage,
  ResourceQuery,
  ResourceReader,
  StoredResource,
} from '../../ports/index.ts';
import { requirePageWithin } from '../page-budget.ts';
import { compare } from './compare.ts';
import { matchResources } from './resource-match.ts';
import { keyOf, rowsOfSite, type Sited, type Tables } from './tables.ts';

export function createMemoryResources(tables: Tables, mostPageBytes: number): ResourceReader {
  const within = (page: ResourcePage): ResourcePage => {
    requirePageWithin(sizesOf(page.rows), mostPageBytes);
    return page;
  };
  return {
    get: async (site, resourceType, id) => copyOf(tables.resources.get(keyOf(site, resourceType, id))?.row.stored),
    getVersion: async (site, resourceType, id, versionId) =>
      copyOf(tables.versions.get(keyOf(site, resourceType, id, String(versionId)))?.row),
    getAt: async (site, resourceType, id, instant) =>
      copyOf(versionsAt(tables, site, instant).get(keyOf(site, resourceType, id))),
    search: async (site, query) => within(findResources(tables, site, query)),
    history: async (site, query) => within(findVersions(tables, site, query)),
    asOf: async (site, query) => within({ rows: resourcesAt(tables, site, query), more: false, total: undefined }).rows,
  };
}

function* sizesOf(rows: readonly StoredResource[]): Generator<number> {
  for (const { json } of rows) yield json === undefined ? 0 : Buffer.byteLength(json);
}

const copyOf = (stored: StoredResource | undefined): StoredResource | undefined => stored && { ...stored };

/** The page of a search as it is now; synchronous, so that a commit can ask in the middle of its work. */
export function findResources(tables: Tables, site: string, query: ResourceQuery): ResourcePage {
  const resources = rowsOfSite(tables.resources, site).map(({ row }) => row);
  return matchResources(resources, query);
}

function findVersions(
  tables: Tables,
  site: string,
  { resourceType, id, since, at, count, offset }: HistoryQuery,
): ResourcePage {
  const found = rowsOfSite(tables.versions, site)
    .filter(({ row }) => resourceType === undefined || row.resourceType === resourceType)
    .filter(({ row }) => id === undefined || row.id === id)
    .filter(({ row }) => since === undefined || row.lastUpdated >= since)
    .filter(({ row }) => at === undefined || (row.lastUpdated <= at.to && isCurrentAfter(tables, site, row, at.from)))
    .sort(id === undefined ? newestFirst : (a, b) => b.row.versionId - a.row.versionId);
  const rows = found.slice(offset, offset + count).map(({ row }) => ({ ...row }));
  return { rows, more: found.length > offset + count, total: found.length };
}

/** Whether no later version was there already at the instant. */
function isCurrentAfter(tables: Tables, site: string, row: StoredResource, instant: string): boolean {
  const { resourceType, id, versionId } = row;
  const newest = versionsAt(tables, site, instant).get(keyOf(site, resourceType, id));
  return newest === undefined || newest.versionId <= versionId;
}

/** The newest version of every resource at an instant. */
function versionsAt(tables: Tables, site: string, instant: string): Map<string, StoredResource> {
  const newest = new Map<string, StoredResource>();
  for (const { row } of rowsOfSite(tables.versions, site)) {
    const key = keyOf(site, row.resourceType, row.id);
    if (row.lastUpdated <= instant && row.versionId > (newest.get(key)?.versionId ?? 0)) newest.set(key, row);
  }
  return newest;
}

function resourcesAt(tables: Tables, site: string, query: AsOfQuery): StoredResource[] {
  return [...versionsAt(tables, site, query.instant).values()]
    .filter(
      ({ resourceType, id, json }) => resourceType === query.resourceType && id > query.after && json !== undefined,
    )
    .sort((a, b) => compare(a.id, b.id))
    .slice(0, query.limit)
    .map((row) => ({ ...row }));
}

function newestFirst(a: Sited<StoredResource>, b: Sited<StoredResource>): number {
  const [earlier, later] = [a.row.lastUpdated, b.row.lastUpdated];
  return earlier === later ? b.sequence - a.sequence : earlier < later ? 1 : -1;
}
