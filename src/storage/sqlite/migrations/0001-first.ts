/**
 * The first schema. Every table carries its site. `rid` is the rowid of the current version of a resource: index rows
 * point to it and are replaced with it. JSON columns hold what the ports' types say, as text.
 */
export const FIRST = `
CREATE TABLE commits (
  sequence INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  at TEXT NOT NULL
);

CREATE TABLE resources (
  rid INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  last_updated TEXT NOT NULL,
  method TEXT NOT NULL,
  json TEXT
);
CREATE UNIQUE INDEX resources_key ON resources (site, type, id);
CREATE INDEX resources_updated ON resources (site, type, last_updated, id) WHERE json IS NOT NULL;

CREATE TABLE resource_versions (
  site TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  last_updated TEXT NOT NULL,
  method TEXT NOT NULL,
  json TEXT,
  sequence INTEGER NOT NULL
);
CREATE UNIQUE INDEX resource_versions_key ON resource_versions (site, type, id, version);
CREATE INDEX resource_versions_time ON resource_versions (site, last_updated);

CREATE TABLE index_token (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL, system TEXT, code TEXT
);
CREATE INDEX index_token_code ON index_token (site, type, param, code, system, rid);
CREATE INDEX index_token_rid ON index_token (rid, param);

CREATE TABLE index_string (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL, value TEXT NOT NULL, folded TEXT NOT NULL
);
CREATE INDEX index_string_folded ON index_string (site, type, param, folded, rid);
CREATE INDEX index_string_rid ON index_string (rid, param);

CREATE TABLE index_date (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL
);
CREATE INDEX index_date_low ON index_date (site, type, param, low, rid, high);
CREATE INDEX index_date_rid ON index_date (rid, param);

CREATE TABLE index_quantity (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL,
  low REAL NOT NULL, high REAL NOT NULL, system TEXT, code TEXT
);
CREATE INDEX index_quantity_low ON index_quantity (site, type, param, low, rid);
CREATE INDEX index_quantity_rid ON index_quantity (rid, param);

CREATE TABLE index_reference (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL,
  target_type TEXT, target_id TEXT, url TEXT, system TEXT, code TEXT
);
CREATE INDEX index_reference_target ON index_reference (site, type, param, target_id, target_type, rid);
CREATE INDEX index_reference_rid ON index_reference (rid, param);

CREATE TABLE index_uri (
  rid INTEGER NOT NULL, site TEXT NOT NULL, type TEXT NOT NULL, param TEXT NOT NULL, value TEXT NOT NULL
);
CREATE INDEX index_uri_value ON index_uri (site, type, param, value, rid);
CREATE INDEX index_uri_rid ON index_uri (rid, param);

-- Columns of the three DICOM tables that are named in MATCHABLE hold the value as QIDO-RS compares it; names and text
-- are folded (lower case, no diacritics) in the column and untouched in attributes.
CREATE TABLE studies (
  sid INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  StudyInstanceUID TEXT NOT NULL,
  StudyDate TEXT, StudyTime TEXT, AccessionNumber TEXT, ReferringPhysicianName TEXT, PatientName TEXT, PatientID TEXT,
  IssuerOfPatientID TEXT, PatientBirthDate TEXT, PatientSex TEXT, StudyID TEXT, StudyDescription TEXT, InstitutionName TEXT,
  attributes TEXT NOT NULL,
  series_count INTEGER NOT NULL,
  instance_count INTEGER NOT NULL,
  modalities TEXT NOT NULL,
  source_received_at TEXT,
  considered_at TEXT
);
CREATE UNIQUE INDEX studies_uid ON studies (site, StudyInstanceUID);
CREATE INDEX studies_date ON studies (site, StudyDate DESC, StudyTime DESC, StudyInstanceUID);
CREATE INDEX studies_patient ON studies (site, PatientID);
CREATE INDEX studies_name ON studies (site, PatientName);
CREATE INDEX studies_accession ON studies (site, AccessionNumber);
CREATE INDEX studies_quiet ON studies (source_received_at) WHERE source_received_at IS NOT NULL;

CREATE TABLE series (
  eid INTEGER PRIMARY KEY,
  sid INTEGER NOT NULL,
  site TEXT NOT NULL,
  SeriesInstanceUID TEXT NOT NULL,
  Modality TEXT, SeriesNumber INTEGER, SeriesDescription TEXT, SeriesDate TEXT, BodyPartExamined TEXT, ProtocolName TEXT,
  Laterality TEXT, PerformedProcedureStepStartDate TEXT, PerformedProcedureStepStartTime TEXT, Manufacturer TEXT,
  attributes TEXT NOT NULL,
  instance_count INTEGER NOT NULL
);
CREATE UNIQUE INDEX series_uid ON series (sid, SeriesInstanceUID);
CREATE INDEX series_site_uid ON series (site, SeriesInstanceUID);
CREATE INDEX series_modality ON series (site, Modality);

CREATE TABLE instances (
  iid INTEGER PRIMARY KEY,
  eid INTEGER NOT NULL,
  sid INTEGER NOT NULL,
  site TEXT NOT NULL,
  SOPInstanceUID TEXT NOT NULL,
  SOPClassUID TEXT NOT NULL,
  InstanceNumber INTEGER, ContentDate TEXT, ContentTime TEXT, NumberOfFrames INTEGER,
  transfer_syntax TEXT NOT NULL,
  pack TEXT NOT NULL,
  blob_offset INTEGER NOT NULL, blob_length INTEGER NOT NULL,
  metadata_pack TEXT NOT NULL, metadata_offset INTEGER NOT NULL, metadata_length INTEGER NOT NULL,
  frames TEXT NOT NULL,
  received_sha256 TEXT NOT NULL, stored_sha256 TEXT NOT NULL,
  received_at TEXT NOT NULL, received_from TEXT NOT NULL,
  is_source INTEGER NOT NULL,
  attributes TEXT NOT NULL
);
CREATE UNIQUE INDEX instances_uid ON instances (site, SOPInstanceUID);
CREATE INDEX instances_series ON instances (eid, InstanceNumber, SOPInstanceUID);
CREATE INDEX instances_pack ON instances (pack);

CREATE TABLE runs (
  site TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, study TEXT NOT NULL, state TEXT NOT NULL,
  version INTEGER NOT NULL, created_at TEXT NOT NULL, not_before TEXT NOT NULL, lease_until TEXT,
  analysis_key TEXT, row TEXT NOT NULL
);
CREATE UNIQUE INDEX runs_id ON runs (site, id);
CREATE UNIQUE INDEX runs_key ON runs (site, key);
CREATE INDEX runs_claimable ON runs (state, not_before);
CREATE INDEX runs_analysis_key ON runs (site, analysis_key) WHERE analysis_key IS NOT NULL;
CREATE INDEX runs_created ON runs (site, created_at);

CREATE TABLE run_log (
  site TEXT NOT NULL, run_id TEXT NOT NULL, at TEXT NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL
);
CREATE INDEX run_log_run ON run_log (site, run_id);

CREATE TABLE outbox (
  site TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, destination TEXT NOT NULL, run_id TEXT NOT NULL,
  state TEXT NOT NULL, version INTEGER NOT NULL, created_at TEXT NOT NULL, not_before TEXT NOT NULL, lease_until TEXT,
  row TEXT NOT NULL
);
CREATE UNIQUE INDEX outbox_id ON outbox (site, id);
CREATE UNIQUE INDEX outbox_key ON outbox (site, key);
CREATE INDEX outbox_due ON outbox (state, not_before);
CREATE INDEX outbox_run ON outbox (site, run_id);

CREATE TABLE api_keys (
  site TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, secret_sha256 TEXT NOT NULL,
  revoked_at TEXT, row TEXT NOT NULL
);
CREATE UNIQUE INDEX api_keys_id ON api_keys (site, id);
CREATE UNIQUE INDEX api_keys_name ON api_keys (site, name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX api_keys_secret ON api_keys (secret_sha256);

CREATE TABLE seen_studies (
  site TEXT NOT NULL, source TEXT NOT NULL, study TEXT NOT NULL, row TEXT NOT NULL
);
CREATE UNIQUE INDEX seen_studies_key ON seen_studies (site, source, study);

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  site TEXT NOT NULL, id TEXT NOT NULL, recorded TEXT NOT NULL, action TEXT NOT NULL, outcome TEXT NOT NULL,
  agent TEXT NOT NULL, row TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_id ON audit (site, id);
CREATE INDEX audit_recorded ON audit (site, recorded);
CREATE TABLE audit_entity (sequence INTEGER NOT NULL, site TEXT NOT NULL, entity TEXT NOT NULL);
CREATE INDEX audit_entity_key ON audit_entity (site, entity, sequence);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, next_run_at TEXT, locked_at TEXT, disabled INTEGER NOT NULL, priority INTEGER NOT NULL,
  row TEXT NOT NULL
);
CREATE INDEX jobs_next ON jobs (name, next_run_at);
`;
