import { resourceOf } from './index-scope.ts';
import { INDEX_KINDS } from './statements.ts';
import type { Verifying } from './verify-loop.ts';

/** Rows that belong to others which are not there: a page of a list of places where it is so. */
interface Stray {
  readonly what: string;
  readonly check: string;
  /** Place, and 1 where the check does not hold. */
  readonly sql: string;
}

const inPages = (table: string, place: string, broken: string): string =>
  `SELECT ${place} AS place, ${broken} AS broken FROM ${table} t WHERE ${place} > {after} ORDER BY ${place} LIMIT {limit}`;

/** Entries of the indexes and of lists against what they stand for. What an entry says is not looked at. */
export async function verifyIndexes(verifying: Verifying): Promise<void> {
  for (const kind of INDEX_KINDS) {
    const resource = `SELECT 1 FROM resources r WHERE r.rid = ${resourceOf('t')} AND r.json IS NOT NULL`;
    await verifyEach(verifying, {
      what: `index entries (${kind})`,
      check: 'every index entry has its resource',
      sql: inPages(`index_${kind}`, 't.entry', `NOT EXISTS (${resource})`),
    });
  }
  await verifyEach(verifying, {
    what: 'references to packs',
    check: 'every pack that something lies in is known',
    sql: inPages('pack_references', 't.rowid', 'NOT EXISTS (SELECT 1 FROM packs p WHERE p.pack = t.pack)'),
  });
  await verifyEach(verifying, {
    what: 'instances in packs',
    check: 'every pack that something lies in is known',
    sql: inPages('instances', 't.iid', 'NOT EXISTS (SELECT 1 FROM packs p WHERE p.pack = t.pack AND p.site = t.site)'),
  });
  await verifyEach(verifying, {
    what: 'packs with keys',
    check: 'every pack has the key of its study',
    sql: inPages(
      'packs',
      't.rowid',
      'NOT EXISTS (SELECT 1 FROM study_keys k WHERE k.site = t.site AND k.study = t.study)',
    ),
  });
}

/** What studies and series say of those below them. */
export async function verifyStudies(verifying: Verifying): Promise<void> {
  const series = 'SELECT count(*) FROM instances i WHERE i.eid = t.eid';
  await verifyEach(verifying, {
    what: 'counts of series',
    check: 'series have as many instances as they say',
    sql: inPages('series', 't.eid', `t.instance_count IS NOT (${series})`),
  });
  const instances = 'SELECT sum(e.instance_count) FROM series e WHERE e.sid = t.sid';
  const number = 'SELECT count(*) FROM series e WHERE e.sid = t.sid';
  const modalities = `SELECT json_group_array(Modality) FROM (SELECT DISTINCT Modality FROM series e
    WHERE e.sid = t.sid AND Modality IS NOT NULL ORDER BY Modality)`;
  const broken = `t.instance_count IS NOT (${instances}) OR t.series_count IS NOT (${number})
    OR t.modalities IS NOT (${modalities})`;
  await verifyEach(verifying, {
    what: 'counts of studies',
    check: 'studies have as many instances, series and modalities as they say',
    sql: inPages('studies', 't.sid', broken),
  });
  await verifyArrivals(verifying);
}

/**
 * As many instances as came, by the log, and did not leave: rows that were put back to an older state lack some. Grouped
 * over the whole log at once, which is one pass.
 */
async function verifyArrivals({ rows, found }: Verifying): Promise<void> {
  const sql = `WITH erased AS (SELECT site, key, max(sequence) AS last FROM changes
      WHERE kind = 'study' AND action = 'erase' GROUP BY site, key),
    came AS (SELECT c.site, c.key, min(c.sequence) AS first,
        sum(CASE c.action WHEN 'delete' THEN -c.version ELSE c.version END) AS number
      FROM changes c LEFT JOIN erased e ON e.site = c.site AND e.key = c.key
      WHERE c.kind = 'study' AND c.action <> 'erase' AND c.sequence > coalesce(e.last, 0) GROUP BY c.site, c.key)
    SELECT count(*) AS number, min(first) AS first FROM came WHERE number <> coalesce(
      (SELECT s.instance_count FROM studies s WHERE s.site = came.site AND s.StudyInstanceUID = came.key), 0)`;
  const [odd] = rows(sql);
  for (let number = 0; number < Number(odd!.number); number++) {
    found('studies have every instance that the log says came', odd!.first);
  }
}

async function verifyEach({ pages, found }: Verifying, { what, check, sql }: Stray): Promise<void> {
  for await (const page of pages(what, sql))
    for (const [place, broken] of page.rows) if (broken === 1) found(check, place);
}
