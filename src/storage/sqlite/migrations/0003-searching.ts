/**
 * For searches: the few periods that last longer than a day and quantities that are no points, by their end (the
 * others are found by their beginning); references to addresses outside and by identifier; the few names of patients
 * that are written in several groups (alphabetic, ideographic, phonetic). What a resource's entries are asked for lies
 * in the index by resource itself.
 */
export const SEARCHING = `
CREATE INDEX index_date_long ON index_date (site, type, param, high, rid, low) WHERE high - low > 86400000;
CREATE INDEX index_quantity_long ON index_quantity (site, type, param, high, rid, low) WHERE high - low > 0;
CREATE INDEX index_reference_url ON index_reference (site, type, param, url, rid) WHERE url IS NOT NULL;
CREATE INDEX index_reference_identifier ON index_reference (site, type, param, code, system, rid) WHERE code IS NOT NULL;
CREATE INDEX studies_name_groups ON studies (site, PatientName) WHERE instr(PatientName, '=') > 0;

DROP INDEX index_token_rid;
CREATE INDEX index_token_rid ON index_token (rid, param, code, system);
DROP INDEX index_date_rid;
CREATE INDEX index_date_rid ON index_date (rid, param, low, high);
`;
