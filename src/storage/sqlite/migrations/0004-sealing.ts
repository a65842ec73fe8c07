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
`;
