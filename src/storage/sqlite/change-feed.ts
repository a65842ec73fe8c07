import type { ChangeFeed, LoggedChange, LogHead } from '../../ports/index.ts';
import type { Row } from './database.ts';
import type { Readers } from './readers.ts';

const COLUMNS = 'c.sequence, c.ordinal, m.at, c.site, c.kind, c.action, c.key, c.version';

/**
 * The feed is read as it is kept: its rows say what changed, not what is in it, and the chain over the commits binds
 * them (verifyStore checks it).
 */
export function createChangeFeed(readers: Readers): ChangeFeed {
  return {
    async after(site, sequence, limit) {
      if (limit < 1) return [];
      const ofSite = site === undefined ? '' : 'AND site = ?3';
      const params = [sequence, limit - 1, ...(site === undefined ? [] : [site])];
      // Up to the commit of the last row that is asked for; where the log ends before it, all of it.
      const last = `SELECT sequence FROM changes WHERE sequence > ?1 ${ofSite} ORDER BY sequence, ordinal LIMIT 1 OFFSET ?2`;
      const sql = `SELECT ${COLUMNS} FROM changes c JOIN commits m ON m.sequence = c.sequence
        WHERE c.sequence > ?1 AND c.sequence <= coalesce((${last}), 9007199254740991)
          ${site === undefined ? '' : 'AND c.site = ?3'} ORDER BY c.sequence, c.ordinal`;
      return (await readers.all(sql, params)).map(changeOf);
    },
    async head() {
      return headOf(await readers.point('SELECT sequence, chain FROM commits ORDER BY sequence DESC LIMIT 1', []));
    },
    async sequenceAt(instant) {
      const sql = 'SELECT sequence FROM commits WHERE at <= ? ORDER BY at DESC, sequence DESC LIMIT 1';
      return Number((await readers.point(sql, [instant]))?.sequence ?? 0);
    },
  };
}

const headOf = (row: Row | undefined): LogHead => ({
  sequence: Number(row?.sequence ?? 0),
  chain: String(row?.chain ?? ''),
});

function changeOf(row: Row): LoggedChange {
  return {
    sequence: Number(row.sequence),
    ordinal: Number(row.ordinal),
    at: String(row.at),
    site: String(row.site),
    kind: row.kind as LoggedChange['kind'],
    action: row.action as LoggedChange['action'],
    key: String(row.key),
    version: Number(row.version),
  };
}
