/** Statements of the writer by name. Parameters are numbered where one stands twice. */
export const STATEMENTS = {
  'begin commit': 'INSERT INTO commits (site, at) VALUES (?, ?)',

  'create resource':
    'INSERT INTO resources (site, type, id, version, last_updated, method, json) VALUES (?, ?, ?, ?, ?, ?, ?)',
  'update resource': `UPDATE resources SET version = ?4, last_updated = ?5, method = ?6, json = ?7
    WHERE site = ?1 AND type = ?2 AND id = ?3 AND version = ?4 - 1`,
  'keep version': `INSERT INTO resource_versions (site, type, id, version, last_updated, method, json, sequence)
    SELECT site, type, id, version, last_updated, method, json, (SELECT max(sequence) FROM commits)
    FROM resources WHERE site = ? AND type = ? AND id = ?`,

  'add study': `INSERT INTO studies (site, StudyInstanceUID, StudyDate, StudyTime, AccessionNumber,
      ReferringPhysicianName, PatientName, PatientID, IssuerOfPatientID, PatientBirthDate, PatientSex, StudyID,
      StudyDescription, InstitutionName, attributes, series_count, instance_count, modalities)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '[]') ON CONFLICT DO NOTHING`,
  'add series': `INSERT INTO series (sid, site, SeriesInstanceUID, Modality, SeriesNumber, SeriesDescription, SeriesDate,
      BodyPartExamined, ProtocolName, Laterality, PerformedProcedureStepStartDate, PerformedProcedureStepStartTime,
      Manufacturer, attributes, instance_count)
    SELECT sid, site, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0
    FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2 ON CONFLICT DO NOTHING`,
  'find other instance': 'SELECT 1 FROM instances WHERE site = ? AND SOPInstanceUID = ? AND received_sha256 <> ?',
  'add instance': `INSERT INTO instances (eid, sid, site, SOPInstanceUID, SOPClassUID, InstanceNumber, ContentDate,
      ContentTime, NumberOfFrames, transfer_syntax, pack, blob_offset, blob_length, metadata_pack, metadata_offset,
      metadata_length, frames, received_sha256, stored_sha256, received_at, received_from, is_source, attributes)
    SELECT e.eid, s.sid, s.site, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
      ?23
    FROM studies s JOIN series e ON e.sid = s.sid AND e.SeriesInstanceUID = ?3
    WHERE s.site = ?1 AND s.StudyInstanceUID = ?2 ON CONFLICT DO NOTHING`,
  'count in series': `UPDATE series SET instance_count = instance_count + 1 WHERE sid =
    (SELECT sid FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2) AND SeriesInstanceUID = ?3`,
  'count in study': `UPDATE studies SET instance_count = instance_count + 1,
    source_received_at = CASE WHEN ?3 IS NULL OR source_received_at >= ?3 THEN source_received_at ELSE ?3 END
    WHERE site = ?1 AND StudyInstanceUID = ?2`,
  'summarise study': `UPDATE studies SET
      series_count = (SELECT count(*) FROM series WHERE series.sid = studies.sid),
      modalities = (SELECT json_group_array(Modality) FROM (SELECT DISTINCT Modality FROM series
        WHERE series.sid = studies.sid AND Modality IS NOT NULL ORDER BY Modality))
    WHERE site = ? AND StudyInstanceUID = ?`,
  'consider study': `UPDATE studies SET considered_at = ?3
    WHERE site = ?1 AND StudyInstanceUID = ?2 AND (considered_at IS NULL OR considered_at < ?3)`,

  'create run': `INSERT INTO runs (site, id, version, key, study, state, created_at, not_before, lease_until,
    analysis_key, row) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  'update run': `UPDATE runs SET version = ?3, key = ?4, study = ?5, state = ?6, created_at = ?7, not_before = ?8,
    lease_until = ?9, analysis_key = ?10, row = ?11 WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,
  'add run log': 'INSERT INTO run_log (site, run_id, at, level, message) VALUES (?, ?, ?, ?, ?)',

  'create outbox': `INSERT INTO outbox (site, id, version, key, destination, run_id, state, created_at, not_before,
    lease_until, row) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  'update outbox': `UPDATE outbox SET version = ?3, key = ?4, destination = ?5, run_id = ?6, state = ?7,
    created_at = ?8, not_before = ?9, lease_until = ?10, row = ?11 WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,

  'forget packs': 'DELETE FROM pack_references WHERE site = ? AND owner = ?',
  'refer to pack': 'INSERT INTO pack_references (site, owner, pack) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',

  'create api key': `INSERT INTO api_keys (site, id, version, name, secret_sha256, revoked_at, row)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  'update api key': `UPDATE api_keys SET version = ?3, name = ?4, secret_sha256 = ?5, revoked_at = ?6, row = ?7
    WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,

  'see study': `INSERT INTO seen_studies (site, source, study, row) VALUES (?, ?, ?, ?)
    ON CONFLICT (site, source, study) DO UPDATE SET row = excluded.row`,

  'add audit': `INSERT INTO audit (site, id, recorded, action, outcome, agent, row) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  'add audit entity': `INSERT INTO audit_entity (sequence, site, entity)
    VALUES ((SELECT max(sequence) FROM audit), ?, ?)`,
} as const;

export type StatementName = keyof typeof STATEMENTS;

/** Value columns of the index tables, by kind of entry. */
export const INDEX_COLUMNS = {
  token: ['system', 'code'],
  string: ['value', 'folded'],
  date: ['low', 'high'],
  quantity: ['low', 'high', 'system', 'code'],
  reference: ['target_type', 'target_id', 'url', 'system', 'code'],
  uri: ['value'],
} as const;

export type IndexKind = keyof typeof INDEX_COLUMNS;

export const INDEX_KINDS = Object.keys(INDEX_COLUMNS) as IndexKind[];

/** Rows that one index insert takes at most; more are several inserts. */
export const INDEX_ROWS = 16;

/** Name of the statement that adds `rows` entries of a kind: parameters are site, type, id, then the values. */
export const indexInsert = (kind: IndexKind, rows: number): string => `index_${kind}*${rows}`;

const INDEX_INSERT = /^index_([a-z]+)\*(\d+)$/;
const INDEX_DELETE = /^unindex_([a-z]+)$/;

/** The text of a named statement; SQL stands for itself. */
export function sqlOf(name: string): string {
  const known = (STATEMENTS as Readonly<Record<string, string | undefined>>)[name];
  if (known) return known;
  const insert = INDEX_INSERT.exec(name);
  if (insert) return indexInsertSql(insert[1] as IndexKind, Number(insert[2]));
  const removal = INDEX_DELETE.exec(name);
  if (!removal) return name;
  return `DELETE FROM index_${removal[1]} WHERE rid = (SELECT rid FROM resources WHERE site = ? AND type = ? AND id = ?)`;
}

function indexInsertSql(kind: IndexKind, rows: number): string {
  const columns = INDEX_COLUMNS[kind];
  const tuple = `(?, ${columns.map(() => '?').join(', ')})`;
  return `INSERT INTO index_${kind} (rid, site, type, param, ${columns.join(', ')})
    SELECT r.rid, r.site, r.type, v.column1, ${columns.map((_, index) => `v.column${index + 2}`).join(', ')}
    FROM (SELECT rid, site, type FROM resources WHERE site = ?1 AND type = ?2 AND id = ?3) r,
      (VALUES ${Array.from({ length: rows }, () => tuple).join(', ')}) v`;
}
