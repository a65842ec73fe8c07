const SID = '(SELECT sid FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2)';
const SERIES_OF_STUDY = `(SELECT eid FROM series WHERE sid = ${SID})`;
const RUNS_OF_STUDY = '(SELECT id FROM runs WHERE site = ?1 AND study = ?2)';

/** Statements that take rows away for good, by name. */
export const REMOVAL_STATEMENTS = {
  'count study': `SELECT 1 WHERE ?3 <> coalesce(
    (SELECT instance_count FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2), 0)`,

  'forget packs of study': `DELETE FROM pack_references WHERE site = ?1
    AND owner IN (SELECT 'metadata/' || SOPInstanceUID FROM instances WHERE eid IN ${SERIES_OF_STUDY})`,
  'remove instances of study': `DELETE FROM instances WHERE eid IN ${SERIES_OF_STUDY}`,
  'remove series of study': `DELETE FROM series WHERE sid = ${SID}`,
  'remove study': 'DELETE FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2',
  'remove packs of study': 'DELETE FROM packs WHERE site = ?1 AND study = ?2',
  'remove study key': 'DELETE FROM study_keys WHERE site = ?1 AND study = ?2',

  'remove instance': `DELETE FROM instances WHERE site = ?1 AND SOPInstanceUID = ?3 AND sid = ${SID}`,
  'recount series': `UPDATE series SET
    instance_count = (SELECT count(*) FROM instances WHERE instances.eid = series.eid) WHERE sid = ${SID}`,
  'remove empty series': `DELETE FROM series WHERE sid = ${SID} AND instance_count = 0`,
  'recount study': `UPDATE studies SET
      instance_count = (SELECT coalesce(sum(instance_count), 0) FROM series WHERE series.sid = studies.sid),
      source_received_at = (SELECT max(received_at) FROM instances
        WHERE eid IN (SELECT eid FROM series WHERE series.sid = studies.sid) AND is_source = 1)
    WHERE site = ?1 AND StudyInstanceUID = ?2`,
  'remove empty study': 'DELETE FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2 AND instance_count = 0',

  'remove versions': 'DELETE FROM resource_versions WHERE site = ? AND type = ? AND id = ?',
  'remove resource': 'DELETE FROM resources WHERE site = ? AND type = ? AND id = ?',

  'forget packs of runs': `DELETE FROM pack_references WHERE site = ?1
    AND owner IN (SELECT 'run/' || id FROM runs WHERE site = ?1 AND study = ?2)`,
  'forget packs of deliveries': `DELETE FROM pack_references WHERE site = ?1
    AND owner IN (SELECT 'outbox/' || id FROM outbox WHERE site = ?1 AND run_id IN ${RUNS_OF_STUDY})`,
  'remove run log': `DELETE FROM run_log WHERE site = ?1 AND run_id IN ${RUNS_OF_STUDY}`,
  'remove deliveries': `DELETE FROM outbox WHERE site = ?1 AND run_id IN ${RUNS_OF_STUDY}`,
  'remove runs': 'DELETE FROM runs WHERE site = ?1 AND study = ?2',

  // By the key of each entity: a look at all of them would hold up every other commit.
  'remove audited entities': `DELETE FROM audit_entity WHERE (site, entity, sequence) IN (SELECT a.site, concerned.value, a.sequence
    FROM audit a, json_each(json_array(json_extract(a.row, '$.patients'), json_extract(a.row, '$.entities'))) list,
      json_each(list.value) concerned
    WHERE a.site = ?1 AND a.recorded < ?2)`,
  'remove audit': 'DELETE FROM audit WHERE site = ? AND recorded < ?',

  'remove pack': 'DELETE FROM packs WHERE site = ? AND pack = ?',
  'find reference to pack': `SELECT 1 WHERE EXISTS (SELECT 1 FROM instances WHERE pack = ?1)
    OR EXISTS (SELECT 1 FROM pack_references WHERE pack = ?1)`,
} as const;
