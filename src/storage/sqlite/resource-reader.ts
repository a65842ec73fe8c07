import type { HistoryQuery, ResourcePage, ResourceQuery, ResourceReader } from '../../ports/index.ts';
import type { Row, Value } from './database.ts';
import type { Readers } from './readers.ts';
import { compileResourceQuery } from './resource-sql.ts';
import { storedResourceOf } from './rows.ts';

const COLUMNS = 'type, id, version, last_updated, method, json';

/** @param mostPageBytes of the texts of a page; a larger one is refused with limit-exceeded before a text is read. */
export function createResourceReader(readers: Readers, mostPageBytes: number): ResourceReader {
  return {
    async get(site, resourceType, id) {
      const sql = `SELECT ${COLUMNS} FROM resources WHERE site = ? AND type = ? AND id = ?`;
      const row = await readers.point(sql, [site, resourceType, id]);
      return row && storedResourceOf(row);
    },
    async getVersion(site, resourceType, id, versionId) {
      const sql = `SELECT ${COLUMNS} FROM resource_versions WHERE site = ? AND type = ? AND id = ? AND version = ?`;
      const row = await readers.point(sql, [site, resourceType, id, versionId]);
      return row && storedResourceOf(row);
    },
    search: (site, query) => search(readers, site, query, mostPageBytes),
    history: (site, query) => history(readers, site, query, mostPageBytes),
  };
}

async function search(readers: Readers, site: string, query: ResourceQuery, mostBytes: number): Promise<ResourcePage> {
  // One row more than asked for tells whether another page follows.
  const page = compileResourceQuery(site, { ...query, count: query.count === 0 ? 0 : query.count + 1 });
  const texts = { from: 'resources', rows: query.count, mostBytes } as const;
  const queries = [
    ...(query.count === 0 ? [] : [{ sql: page.sql, params: page.params, texts }]),
    ...(query.total && page.countSql ? [page.countSql] : []),
  ];
  if (queries.length === 0) return { rows: [], more: false, total: undefined };
  const tables = await readers.together(queries);
  const rows = query.count === 0 ? [] : tables[0]!;
  return pageOf(rows, query.count, query.total ? tables.at(-1)![0] : undefined);
}

async function history(readers: Readers, site: string, query: HistoryQuery, mostBytes: number): Promise<ResourcePage> {
  const conditions: [sql: string, value: Value | undefined][] = [
    ['site = ?', site],
    ['type = ?', query.resourceType],
    ['id = ?', query.id],
    ['last_updated >= ?', query.since],
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
    },
    { sql: `SELECT count(*) AS total FROM resource_versions WHERE ${where}`, params },
  ]);
  return pageOf(rows!, query.count, total![0]);
}

function pageOf(rows: readonly Row[], count: number, totalRow: Row | undefined): ResourcePage {
  return {
    rows: rows.slice(0, count).map(storedResourceOf),
    more: rows.length > count,
    total: totalRow && Number(Object.values(totalRow)[0]),
  };
}
