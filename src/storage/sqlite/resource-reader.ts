import type {
  AsOfQuery,
  HistoryQuery,
  ResourcePage,
  ResourceQuery,
  ResourceReader,
  StoredResource,
} from '../../ports/index.ts';
import type { Row, Value } from './database.ts';
import type { Readers } from './readers.ts';
import { compileResourceQuery } from './resource-sql.ts';
import { storedResourceOf } from './rows.ts';

const COLUMNS = 'site, type, id, version, last_updated, method, json, mac';

const SEALS = ['resource'] as const;

/** @param mostPageBytes of the texts of a page; a larger one is refused with limit-exceeded before a text is read. */
export function createResourceReader(readers: Readers, mostPageBytes: number): ResourceReader {
  return {
    async get(site, resourceType, id) {
      const sql = `SELECT ${COLUMNS} FROM resources WHERE site = ? AND type = ? AND id = ?`;
      const row = await readers.point(sql, [site, resourceType, id], SEALS);
      return row && storedResourceOf(row);
    },
    async getVersion(site, resourceType, id, versionId) {
      const sql = `SELECT ${COLUMNS} FROM resource_versions WHERE site = ? AND type = ? AND id = ? AND version = ?`;
      const row = await readers.point(sql, [site, resourceType, id, versionId], SEALS);
      return row && storedResourceOf(row);
    },
    async getAt(site, resourceType, id, instant) {
      const sql = `SELECT ${COLUMNS} FROM resource_versions
        WHERE site = ? AND type = ? AND id = ? AND last_updated <= ? ORDER BY version DESC LIMIT 1`;
      const row = await readers.point(sql, [site, resourceType, id, instant], SEALS);
      return row && storedResourceOf(row);
    },
    search: (site, query) => search(readers, site, query, mostPageBytes),
    history: (site, query) => history(readers, site, query, mostPageBytes),
    asOf: (site, query) => asOf(readers, site, query, mostPageBytes),
  };
}

async function search(readers: Readers, site: string, query: ResourceQuery, mostBytes: number): Promise<ResourcePage> {
  // One row more than asked for tells whether another page follows.
  const page = compileResourceQuery(site, { ...query, count: query.count === 0 ? 0 : query.count + 1 });
  const texts = { from: 'resources', rows: query.count, mostBytes } as const;
  const queries = [
    ...(query.count === 0 ? [] : [{ sql: page.sql, params: page.params, texts, seals: SEALS }]),
    ...(query.total && page.countSql ? [page.countSql] : []),
  ];
  if (queries.length === 0) return { rows: [], more: false, total: undefined };
  const tables = await readers.together(queries);
  const rows = query.count === 0 ? [] : tables[0]!;
  // The index leads to rows by their rowid: it must not lead to another site or type.
  const isElsewhere = (row: Row): boolean => row.site !== site || row.type !== query.resourceType;
  if (rows.slice(0, query.count).some(isElsewhere)) throw readers.damaged('resource');
  return pageOf(rows, query.count, query.total ? tables.at(-1)![0] : undefined);
}

async function history(readers: Readers, site: string, query: HistoryQuery, mostBytes: number): Promise<ResourcePage> {
  const conditions: [sql: string, value: Value | undefined][] = [
    ['site = ?', site],
    ['type = ?', query.resourceType],
    ['id = ?', query.id],
    ['last_updated >= ?', query.since],
    ['last_updated <= ?', query.at?.to],
    [`NOT ${isFollowed('resource_versions')}`, query.at?.from],
  ];
  const given = conditions.filter(([, value]) => value !== undefined) as [string, Value][];
  const where = given.map(([sql]) => sql).join(' AND ');
  const params = given.map(([, value]) => value);
  const order = query.id === undefined ? 'last_updated DESC, rowid DESC' : 'version DESC';
  const [rows, total] = await readers.together([
    {
      sql: `SELECT rowid, type, id, version, last_updated, method, octet_length(json) AS bytes
        FROM resource_versions WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
      params: [...params, query.count + 1, query.offset],
      texts: { from: 'resource_versions', rows: query.count, mostBytes },
      seals: SEALS,
    },
    { sql: `SELECT count(*) AS total FROM resource_versions WHERE ${where}`, params },
  ]);
  return pageOf(rows!, query.count, total![0]);
}

/** Another version took the place of this one at or before the instant, which is a parameter. */
const isFollowed = (version: string): string => `EXISTS (SELECT 1 FROM resource_versions later
  INDEXED BY resource_versions_key WHERE later.site = ${version}.site AND later.type = ${version}.type
    AND later.id = ${version}.id AND later.version > ${version}.version AND later.last_updated <= ?)`;

async function asOf(
  readers: Readers,
  site: string,
  { resourceType, instant, after, limit }: AsOfQuery,
  mostBytes: number,
): Promise<readonly StoredResource[]> {
  const sql = `SELECT rowid, type, id, version, last_updated, method, octet_length(json) AS bytes
    FROM resource_versions v INDEXED BY resource_versions_key
    WHERE site = ? AND type = ? AND id > ? AND last_updated <= ? AND json IS NOT NULL AND NOT ${isFollowed('v')}
    ORDER BY id LIMIT ?`;
  const params = [site, resourceType, after, instant, instant, limit];
  const texts = { from: 'resource_versions', rows: limit, mostBytes } as const;
  const [rows] = await readers.together([{ sql, params, texts, seals: SEALS }]);
  return rows!.map(storedResourceOf);
}

function pageOf(rows: readonly Row[], count: number, totalRow: Row | undefined): ResourcePage {
  return {
    rows: rows.slice(0, count).map(storedResourceOf),
    more: rows.length > count,
    total: totalRow && Number(Object.values(totalRow)[0]),
  };
}
