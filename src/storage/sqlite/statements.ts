import { isOfResource, PLACE_BITS } from './index-scope.ts';
import { REMOVAL_STATEMENTS } from './removal-statements.ts';

/** Statements of the writer by name. Parameters are numbered where one stands twice. */
export const STATEMENTS = {
  'log commit': 'INSERT INTO commits (sequence, site, at, chain) VALUES (?, ?, ?, ?)',
  'log change': `INSERT INTO changes (sequence, ordinal, site, kind, action, key, version, mac)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,

  'create resource':
    'INSERT INTO resources (site, type, id, version, last_updated, method, json, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  'update resource': `UPDATE resources SET version = ?4, last_updated = ?5, method = ?6, json = ?7, mac = ?8
    WHERE site = ?1 AND type = ?2 AND id = ?3 AND version = ?4 - 1 RETURNING rid`,
  'add version': `INSERT INTO resource_versions (site, type, id, version, last_updated, method, json, mac, sequence)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,

  'add study': `INSERT INTO studies (site, StudyInstanceUID, StudyDate, StudyTime, AccessionNumber,
      ReferringPhysicianName, PatientName, PatientID, IssuerOfPatientID, PatientBirthDate, PatientSex, StudyID,
      StudyDescription, InstitutionName, attributes, mac, series_count, instance_count, modalities)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '[]') ON CONFLICT DO NOTHING`,
  'add series': `INSERT INTO series (sid, site, SeriesInstanceUID, Modality, SeriesNumber, SeriesDescription, SeriesDate,
      BodyPartExamined, ProtocolName, Laterality, PerformedProcedureStepStartDate, PerformedProcedureStepStartTime,
      Manufacturer, attributes, mac, instance_count)
    SELECT sid, site, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0
    FROM studies WHERE site = ?1 AND StudyInstanceUID = ?2 ON CONFLICT DO NOTHING`,
  'find other instance': 'SELECT 1 FROM instances WHERE site = ? AND SOPInstanceUID = ? AND received_sha256 <> ?',
  'add instance': `INSERT INTO instances (eid, sid, site, SOPInstanceUID, SOPClassUID, InstanceNumber, transfer_syntax,
      frames, received_sha256, stored_sha256, received_at, received_from, is_source, attributes, ContentDate, ContentTime,
      NumberOfFrames, pack, blob_offset, blob_length, metadata_pack, metadata_offset, metadata_length, mac, place_mac)
    SELECT e.eid, s.sid, s.site, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
      ?23, ?24, ?25
    FROM studies s JOIN series e ON e.sid = s.sid AND e.SeriesInstanceUID = ?3
    WHERE s.site = ?1 AND s.StudyInstanceUID = ?2 ON CONFLICT DO NOTHING`,
  'relocate instance': `UPDATE instances SET pack = ?3, blob_offset = ?4, blob_length = ?5, metadata_pack = ?6,
    metadata_offset = ?7, metadata_length = ?8, place_mac = ?9 WHERE site = ?1 AND SOPInstanceUID = ?2 AND pack = ?10`,
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
    analysis_key, row, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  'update run': `UPDATE runs SET version = ?3, key = ?4, study = ?5, state = ?6, created_at = ?7, not_before = ?8,
    lease_until = ?9, analysis_key = ?10, row = ?11, mac = ?12 WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,
  'add run log': 'INSERT INTO run_log (site, run_id, at, level, message, mac) VALUES (?, ?, ?, ?, ?, ?)',

  'create outbox': `INSERT INTO outbox (site, id, version, key, destination, run_id, state, created_at, not_before,
    lease_until, row, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  'update outbox': `UPDATE outbox SET version = ?3, key = ?4, destination = ?5, run_id = ?6, state = ?7,
    created_at = ?8, not_before = ?9, lease_until = ?10, row = ?11, mac = ?12 WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,

  'forget packs': 'DELETE FROM pack_references WHERE site = ? AND owner = ?',
  'refer to pack': 'INSERT INTO pack_references (site, owner, pack) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',

  'create api key': `INSERT INTO api_keys (site, id, version, name, secret_sha256, revoked_at, row, mac)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  'update api key': `UPDATE api_keys SET version = ?3, name = ?4, secret_sha256 = ?5, revoked_at = ?6, row = ?7, mac = ?8
    WHERE site = ?1 AND id = ?2 AND version = ?3 - 1`,

  'see study': `INSERT INTO seen_studies (site, source, study, row, mac) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (site, source, study) DO UPDATE SET row = excluded.row, mac = excluded.mac`,

  'add audit': `INSERT INTO audit (site, id, recorded, action, outcome, agent, row, mac)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  // Of the audit row that was added last: a table without rowids leaves that number alone.
  'add audit entity': `INSERT INTO audit_entity (site, entity, sequence) VALUES (?, ?, last_insert_rowid())`,

  'find other study key': 'SELECT 1 FROM study_keys WHERE site = ? AND study = ? AND wrapped <> ?',
  'add study key': `INSERT INTO study_keys (site, study, kek_id, wrapped, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  'rewrap study key': `UPDATE study_keys SET kek_id = ?4, wrapped = ?5, created_at = ?6
    WHERE site = ?1 AND study = ?2 AND kek_id = ?3`,
  'put pack': `INSERT INTO packs (site, pack, study, bytes, sha256, sealed_at, tier, checked_at, damage, mac)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS (SELECT 1 FROM study_keys WHERE site = ?1 AND study = ?3)
    ON CONFLICT (pack) DO UPDATE SET study = excluded.study, bytes = excluded.bytes, sha256 = excluded.sha256,
      sealed_at = excluded.sealed_at, tier = excluded.tier, checked_at = excluded.checked_at,
      damage = excluded.damage, mac = excluded.mac
    WHERE packs.site = excluded.site`,
  'create document': 'INSERT INTO documents (site, kind, id, version, row, mac) VALUES (?, ?, ?, ?, ?, ?)',
  'update document': `UPDATE documents SET version = ?4, row = ?5, mac = ?6
    WHERE site = ?1 AND kind = ?2 AND id = ?3 AND version = ?4 - 1`,

  ...REMOVAL_STATEMENTS,
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

const RID = '(SELECT rid FROM resources WHERE site = ?1 AND type = ?2 AND id = ?3)';

/** Rows that one index insert takes at most; more are several inserts. */
export const INDEX_ROWS = 16;

/**
 * Name of the statement that adds `rows` entries of a kind: parameters are the rowid of the resource, the place of the
 * first, then scope and values of each.
 */
export const indexInsert = (kind: IndexKind, rows: number): string => `index_${kind}*${rows}`;

/** Name of the statement that takes the entries of a kind away: the parameter is the rowid of the resource. */
export const indexRemoval = (kind: IndexKind): string => `index_${kind}*0`;

/** Name of the statement that takes the entries of a kind away: parameters are site, type and id of the resource. */
export const indexRemovalByKey = (kind: IndexKind): string => `index_${kind}*`;

/** The texts of the statements whose names are made of parts. */
const INDEX_STATEMENTS: ReadonlyMap<string, string> = new Map(
  INDEX_KINDS.flatMap((kind) => [
    [indexRemoval(kind), `DELETE FROM index_${kind} AS e WHERE ${isOfResource('e', '?1')}`],
    [indexRemovalByKey(kind), `DELETE FROM index_${kind} AS e WHERE ${isOfResource('e', RID)}`],
    ...Array.from({ length: INDEX_ROWS }, (_, rows) => [indexInsert(kind, rows + 1), indexInsertSql(kind, rows + 1)]),
  ]) as [string, string][],
);

/** The text of a named statement; SQL stands for itself. */
export const sqlOf = (name: string): string =>
  (STATEMENTS as Readonly<Record<string, string | undefined>>)[name] ?? INDEX_STATEMENTS.get(name) ?? name;

function indexInsertSql(kind: IndexKind, rows: number): string {
  const columns = ['scope', ...INDEX_COLUMNS[kind]];
  const tuples = Array.from({ length: rows }, (_, row) => {
    const values = columns.map((__, column) => `?${3 + row * columns.length + column}`);
    return `((?1 << ${PLACE_BITS}) + ?2 + ${row}, ${values.join(', ')})`;
  });
  return `INSERT INTO index_${kind} (entry, ${columns.join(', ')}) VALUES ${tuples.join(', ')}`;
}
