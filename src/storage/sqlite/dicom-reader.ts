import type { DicomIndex, InstanceSelector } from '../../ports/index.ts';
import { compileDicomQuery, dicomMatchRowsOf } from './dicom-sql.ts';
import type { Readers } from './readers.ts';
import { instancesOf, studyStateOf } from './rows.ts';

const INSTANCES = `SELECT s.StudyInstanceUID, e.SeriesInstanceUID, i.*,
    s.attributes AS study_attributes, s.mac AS study_mac, e.attributes AS series_attributes, e.mac AS series_mac
  FROM instances i JOIN series e ON e.eid = i.eid JOIN studies s ON s.sid = e.sid`;

const SEALS = ['instance', 'place', 'joined study', 'joined series'] as const;

const STUDY = 'SELECT StudyInstanceUID, source_received_at, considered_at FROM studies';

export function createDicomReader(readers: Readers): DicomIndex {
  return {
    async query(site, query) {
      const [rows] = await readers.together([compileDicomQuery(site, query)]);
      return dicomMatchRowsOf(query.level, rows!);
    },
    async instances(site, selector) {
      const { sql, params } = selected(site, selector);
      if (selector.sopInstanceUid === undefined) return instancesOf(await readers.all(sql, params, SEALS));
      // One instance is found by its key: viewers ask for frames by the hundred, and a thread would be most of the time.
      const row = await readers.point(sql, params, SEALS);
      return row ? instancesOf([row]) : [];
    },
    async findInstances(site, sopInstanceUids) {
      const sql = `${INSTANCES} WHERE i.site = ? AND i.SOPInstanceUID IN (SELECT value FROM json_each(?))`;
      return instancesOf(await readers.all(sql, [site, JSON.stringify(sopInstanceUids)], SEALS));
    },
    async study(site, studyInstanceUid) {
      const row = await readers.point(`${STUDY} WHERE site = ? AND StudyInstanceUID = ?`, [site, studyInstanceUid]);
      return row && studyStateOf(row);
    },
    async quietStudies(site, before, limit) {
      // The middle conditions are those of the index studies_unconsidered, word for word.
      const sql = `${STUDY} WHERE site = ? AND source_received_at < ? AND source_received_at IS NOT NULL
        AND (considered_at IS NULL OR considered_at < source_received_at)
        ORDER BY source_received_at, StudyInstanceUID LIMIT ?`;
      return (await readers.all(sql, [site, before, limit])).map(studyStateOf);
    },
    async isPackReferenced(pack) {
      const sql = `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM instances WHERE pack = ?1)
        OR EXISTS (SELECT 1 FROM pack_references WHERE pack = ?1)`;
      return (await readers.point(sql, [pack])) !== undefined;
    },
  };
}

function selected(site: string, selector: InstanceSelector): { readonly sql: string; readonly params: string[] } {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = selector;
  const conditions = ['s.site = ?', 's.StudyInstanceUID = ?'];
  const params = [site, studyInstanceUid];
  if (seriesInstanceUid !== undefined) {
    conditions.push('e.SeriesInstanceUID = ?');
    params.push(seriesInstanceUid);
  }
  if (sopInstanceUid !== undefined) {
    conditions.push('i.site = s.site', 'i.SOPInstanceUID = ?');
    params.push(sopInstanceUid);
  }
  const sql = `${INSTANCES} WHERE ${conditions.join(' AND ')}
    ORDER BY e.SeriesNumber NULLS LAST, e.SeriesInstanceUID, i.InstanceNumber NULLS LAST, i.SOPInstanceUID`;
  return { sql, params };
}
