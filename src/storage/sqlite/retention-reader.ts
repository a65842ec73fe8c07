import type { PackContentsReader, RetentionReader } from '../../ports/index.ts';
import type { Value } from './database.ts';
import type { Readers } from './readers.ts';

/** A study is young as soon as one young instance is found: its others are not looked at. */
const STUDIES = `SELECT s.StudyInstanceUID AS study, (
    SELECT max(i.received_at) FROM series e JOIN instances i ON i.eid = e.eid WHERE e.sid = s.sid) AS received_at
  FROM studies s WHERE s.site = ?1 AND s.StudyInstanceUID > ?2
    AND NOT EXISTS (
      SELECT 1 FROM series e JOIN instances i ON i.eid = e.eid WHERE e.sid = s.sid AND i.received_at >= ?3)`;

// What can be told from the study's own row comes first.
const WITH_SOURCE = ' AND s.source_received_at IS NOT NULL AND s.source_received_at < ?3';

/** Names by age, for retention: every row they name is read again, and checked, before it goes. */
export function createRetentionReader(readers: Readers): RetentionReader {
  return {
    async studies(site, { before, withSource, after, limit }) {
      const sql = `${STUDIES}${withSource ? WITH_SOURCE : ''} ORDER BY s.StudyInstanceUID LIMIT ?4`;
      const rows = await readers.all(sql, [site, after, before, limit]);
      return rows.map((row) => ({ studyInstanceUid: String(row.study), receivedAt: String(row.received_at) }));
    },
    async studiesOfRuns(site, { before, after, limit }) {
      const sql = `SELECT study FROM runs WHERE site = ? AND study > ? GROUP BY study
        HAVING max(created_at) < ? ORDER BY study LIMIT ?`;
      return (await readers.all(sql, [site, after, before, limit])).map(({ study }) => String(study));
    },
    async deletedResources(site, { before, after, limit }) {
      // The last condition is that of the index resources_deleted, word for word.
      const sql = `SELECT type, id FROM resources WHERE site = ? AND (type, id) > (?, ?) AND last_updated < ?
        AND json IS NULL ORDER BY type, id LIMIT ?`;
      const [type = '', id = ''] = after.split('/');
      return (await readers.all(sql, [site, type, id, before, limit])).map((row) => `${row.type}/${row.id}`);
    },
    async oldestAudit(site) {
      const sql = 'SELECT recorded FROM audit WHERE site = ? ORDER BY recorded LIMIT 1';
      const row = await readers.point(sql, [site]);
      return row && String(row.recorded);
    },
    async countAuditBefore(site, before) {
      const sql = 'SELECT count(*) AS number FROM audit WHERE site = ? AND recorded < ?';
      return Number((await readers.all(sql, [site, before]))[0]!.number);
    },
  };
}

const OWNERS =
  'SELECT substr(owner, length(?3) + 1) AS name FROM pack_references WHERE pack = ?1 AND site = ?2 AND substr(owner, 1, length(?3)) = ?3';

/** What points into a pack, by the two indexes that the sweep asks as well. */
export function createPackContentsReader(readers: Readers): PackContentsReader {
  return {
    async contents(site, pack) {
      const params = (prefix: string): Value[] => [pack, site, prefix];
      const ofInstances = `SELECT SOPInstanceUID AS name,
          blob_length + CASE WHEN metadata_pack = ?1 THEN metadata_length ELSE 0 END AS bytes
        FROM instances WHERE pack = ?1 AND site = ?2
        UNION ALL SELECT i.SOPInstanceUID, i.metadata_length FROM (${OWNERS}) o
          JOIN instances i ON i.site = ?2 AND i.SOPInstanceUID = o.name`;
      const [inInstances, runs, outbox] = await readers.together([
        { sql: `${ofInstances} ORDER BY name`, params: params('metadata/') },
        { sql: `${OWNERS} ORDER BY name`, params: params('run/') },
        { sql: `${OWNERS} ORDER BY name`, params: params('outbox/') },
      ]);
      const names = (rows: typeof runs): string[] => rows!.map(({ name }) => String(name));
      const instanceBytes = inInstances!.reduce((sum, { bytes }) => sum + Number(bytes), 0);
      return { instances: names(inInstances), instanceBytes, runs: names(runs), outbox: names(outbox) };
    },
  };
}
