import type { HistoryQuery, ResourcePage, ResourceQuery, ResourceReader, StoredResource } from '../../ports/index.ts';
import { requirePageWithin } from '../page-budget.ts';
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
    search: async (site, query) => within(findResources(tables, site, query)),
    history: async (site, query) => within(findVersions(tables, site, query)),
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
  { resourceType, id, since, count, offset }: HistoryQuery,
): ResourcePage {
  const found = rowsOfSite(tables.versions, site)
    .filter(({ row }) => resourceType === undefined || row.resourceType === resourceType)
    .filter(({ row }) => id === undefined || row.id === id)
    .filter(({ row }) => since === undefined || row.lastUpdated >= since)
    .sort(id === undefined ? newestFirst : (a, b) => b.row.versionId - a.row.versionId);
  const rows = found.slice(offset, offset + count).map(({ row }) => ({ ...row }));
  return { rows, more: found.length > offset + count, total: found.length };
}

function newestFirst(a: Sited<StoredResource>, b: Sited<StoredResource>): number {
  const [earlier, later] = [a.row.lastUpdated, b.row.lastUpdated];
  return earlier === later ? b.sequence - a.sequence : earlier < later ? 1 : -1;
}
