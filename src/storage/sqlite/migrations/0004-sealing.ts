/**
 * What makes rows hold together: a MAC on each row that carries content (the cipher of the file has none), a chain over
 * the commits with what each changed, the packs with the keys of their studies, and the documents of administration.
 * A row without a MAC is damaged.
 */
export const SEALING = `
ALTER TABLE resources ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_versions ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN mac TEXT NOT NULL DEFAULT '';
-- Over where its bytes lie, apart from the rest: a compaction moves them.
ALTER TABLE instances ADD COLUMN place_mac TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE run_log ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE seen_studies ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN mac TEXT NOT NULL DEFAULT '';

ALTER TABLE commits ADD COLUMN chain TEXT NOT NULL DEFAULT '';
CREATE INDEX commits_at ON commits (at);
CREATE TABLE changes (
  sequence INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  site TEXT NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
  mac TEXT NOT NULL,
  PRIMARY KEY (sequence, ordinal)
) WITHOUT ROWID;

CREATE TABLE packs (
  site TEXT NOT NULL, pack TEXT NOT NULL, study TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  sealed_at TEXT NOT NULL, tier TEXT NOT NULL, checked_at TEXT, damage TEXT, mac TEXT NOT NULL
);
CREATE UNIQUE INDEX packs_pack ON packs (pack);
CREATE INDEX packs_study ON packs (site, study);

CREATE TABLE study_keys (
  site TEXT NOT NULL, study TEXT NOT NULL, kek_id TEXT NOT NULL, wrapped TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE UNIQUE INDEX study_keys_study ON study_keys (site, study);
CREATE INDEX study_keys_kek ON study_keys (kek_id);

CREATE TABLE documents (
  site TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, row TEXT NOT NULL,
  mac TEXT NOT NULL
);
CREATE UNIQUE INDEX documents_id ON documents (site, kind, id);

-- For the retention of deleted resources: few of all.
CREATE INDEX resources_deleted ON resources (site, type, id) WHERE json IS NULL;

-- What is asked of all studies of a site is asked of an index, not of the wide rows.
CREATE INDEX studies_modalities ON studies (site, modalities);

-- The index of resources anew, in two thirds of its trees and half of its bytes: what a commit costs is mostly the pages
-- that it touches. entry is the rowid of the resource, shifted by the place of the entry; scope stands for site,
-- type and parameter. No row is lost: a database of an earlier version is not enciphered and so is never opened.
DROP TABLE index_token;
DROP TABLE index_string;
DROP TABLE index_date;
DROP TABLE index_quantity;
DROP TABLE index_reference;
DROP TABLE index_uri;
CREATE TABLE index_token (entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, system TEXT, code TEXT);
CREATE INDEX index_token_code ON index_token (scope, code, system);
CREATE TABLE index_string (entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, value TEXT NOT NULL, folded TEXT NOT NULL);
CREATE INDEX index_string_folded ON index_string (scope, folded);
CREATE TABLE index_date (entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);
CREATE INDEX index_date_low ON index_date (scope, low, high);
CREATE INDEX index_date_long ON index_date (scope, high, low) WHERE high - low > 86400000;
CREATE TABLE index_quantity (
  entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, system TEXT, code TEXT
);
CREATE INDEX index_quantity_low ON index_quantity (scope, low);
CREATE INDEX index_quantity_long ON index_quantity (scope, high, low) WHERE high - low > 0;
CREATE TABLE index_reference (
  entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, target_type TEXT, target_id TEXT, url TEXT, system TEXT, code TEXT
);
CREATE INDEX index_reference_target ON index_reference (scope, target_id, target_type);
CREATE INDEX index_reference_url ON index_reference (scope, url) WHERE url IS NOT NULL;
CREATE INDEX index_reference_identifier ON index_reference (scope, code, system) WHERE code IS NOT NULL;
CREATE TABLE index_uri (entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, value TEXT NOT NULL);
CREATE INDEX index_uri_value ON index_uri (scope, value);

DROP TABLE audit_entity;
CREATE TABLE audit_entity (
  site TEXT NOT NULL, entity TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (site, entity, sequence)
) WITHOUT ROWID;
`;
