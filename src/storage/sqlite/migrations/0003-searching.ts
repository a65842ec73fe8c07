/**
 * For searches: the few periods that last longer than a day, by their end (the shorter ones are found by their
 * beginning); references to addresses outside and by identifier; and the few
 * names of patients that are written in several groups (alphabetic, ideographic, phonetic).
 */
export const SEARCHING = `
CREATE INDEX index_date_long ON index_date (site, type, param, high, rid, low) WHERE high - low > 86400000;
CREATE INDEX index_reference_url ON index_reference (site, type, param, url, rid) WHERE url IS NOT NULL;
CREATE INDEX index_reference_identifier ON index_reference (site, type, param, code, system, rid) WHERE code IS NOT NULL;
CREATE INDEX studies_name_groups ON studies (site, PatientName) WHERE instr(PatientName, '=') > 0;
`;
