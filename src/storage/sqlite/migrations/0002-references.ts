/**
 * Which packs rows other than instances point into (`owner`: run/ID, outbox/ID, metadata/SOPInstanceUID), so that the
 * start-up sweep asks an index; and indexes for the watch over quiet studies, the runs of a study and the history of a
 * type.
 */
export const REFERENCES = `
CREATE TABLE pack_references (site TEXT NOT NULL, owner TEXT NOT NULL, pack TEXT NOT NULL);
CREATE UNIQUE INDEX pack_references_owner ON pack_references (site, owner, pack);
CREATE INDEX pack_references_pack ON pack_references (pack);

CREATE INDEX studies_unconsidered ON studies (site, source_received_at)
  WHERE source_received_at IS NOT NULL AND (considered_at IS NULL OR considered_at < source_received_at);
DROP INDEX studies_quiet;

CREATE INDEX runs_study ON runs (site, study);

CREATE INDEX resource_versions_type ON resource_versions (site, type, last_updated);
`;
