import { chainOf } from './commit-log.ts';
import { type Row, rowsOf, type Value } from './database.ts';
import { macOf } from './row-mac.ts';
import type { Verifying } from './verify-loop.ts';

const COMMITS = `SELECT sequence AS place, sequence, site, at, chain,
    (SELECT json_group_array(mac) FROM (SELECT mac FROM changes c WHERE c.sequence = m.sequence ORDER BY ordinal)) AS macs
  FROM commits m WHERE sequence > {after} ORDER BY sequence LIMIT {limit}`;

/** A commit of the changes has no place of its own: sequence and ordinal make one. */
const ORDINAL_BITS = 20;
const CHANGES = `SELECT (sequence << ${ORDINAL_BITS}) + ordinal AS place, sequence, ordinal, site, kind, action, key, version, mac
  FROM changes WHERE (sequence, ordinal) > ({after} >> ${ORDINAL_BITS}, {after} & ${2 ** ORDINAL_BITS - 1})
  ORDER BY sequence, ordinal LIMIT {limit}`;

/** The chain from the first commit to the last, and every change against the row that it made. */
export async function verifyLog(verifying: Verifying): Promise<void> {
  await verifyChain(verifying);
  const erased = await erasures(verifying);
  for await (const page of verifying.pages('changes', CHANGES)) {
    for (const row of rowsOf(page)) {
      if (row.action === 'erase') verifyErasure(verifying, row);
      else if (Number(row.sequence) > (erased.get(keyOf(row)) ?? 0)) verifyChange(verifying, row);
    }
  }
}

const CHAIN = 'the chain of commits holds';

async function verifyChain({ key, rows, pages, found }: Verifying): Promise<void> {
  let sequence = 0;
  let chain = '';
  for await (const page of pages('commits', COMMITS)) {
    for (const row of rowsOf(page)) {
      const macs = JSON.parse(String(row.macs)) as string[];
      const [site, at] = [String(row.site), String(row.at)];
      const holds =
        row.sequence === sequence + 1 && row.chain === chainOf(key, chain, { sequence: sequence + 1, site, at, macs });
      // From a break on the chain is followed as it stands: so that each commit that was changed is counted.
      if (!holds) found(CHAIN, row.sequence);
      sequence = Number(row.sequence);
      chain = String(row.chain);
    }
  }
  const [stray] = rows(
    'SELECT min(sequence) AS first FROM changes WHERE sequence NOT IN (SELECT sequence FROM commits)',
  );
  if (stray?.first !== null) found(CHAIN, stray?.first);
}

/** Of each thing that was erased, the commit that did it last. */
async function erasures({ pages }: Verifying): Promise<Map<string, number>> {
  const erased = new Map<string, number>();
  const sql = CHANGES.replace('ORDER BY', "AND action = 'erase' ORDER BY");
  for await (const page of pages('erasures', sql)) {
    for (const row of rowsOf(page)) erased.set(keyOf(row), Number(row.sequence));
  }
  return erased;
}

const keyOf = ({ site, kind, key }: Row): string => JSON.stringify([site, kind, key]);

const REMAINS: Readonly<Record<string, string>> = {
  resource: `SELECT 1 FROM resource_versions WHERE site = ?1 AND type || '/' || id = ?2 AND type = ?3 AND id = ?4
    AND sequence < ?5`,
  study: `SELECT 1 FROM study_keys WHERE site = ?1 AND study = ?2 AND ?3 IS NOT NULL AND ?4 IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM changes c WHERE c.sequence > ?5 AND c.site = ?1 AND c.kind = 'study' AND c.key = ?2
      AND c.action <> 'erase')`,
};

/** What was erased is not there any more: nobody put a row of it back. */
function verifyErasure({ key, rows, found }: Verifying, row: Row): void {
  const [site, kind, name] = [String(row.site), String(row.kind), String(row.key)];
  if (row.mac !== macOf(key, 'erasure', [site, kind, name])) found('erasures are what was written', row.sequence);
  const sql = REMAINS[kind];
  if (!sql) return;
  const [type = '', id = ''] = name.split('/');
  if (rows(sql, [site, name, type, id, row.sequence!]).length > 0) found('what was erased is gone', row.sequence);
}

/** The row that a change made is there as it was made; of a document a later version may have replaced it. */
function verifyChange({ rows, found }: Verifying, row: Row): void {
  const { site, kind, key, version, mac, sequence } = row;
  if (kind === 'resource') {
    const [type = '', id = ''] = String(key).split('/');
    const sql = `SELECT mac, sequence, json IS NULL AS gone FROM resource_versions
      WHERE site = ? AND type = ? AND id = ? AND version = ?`;
    const [written] = rows(sql, [site!, type, id, version!] as Value[]);
    const action = written?.gone === 1 ? 'delete' : version === 1 ? 'create' : 'update';
    const isThere = written?.mac === mac && written?.sequence === sequence && row.action === action;
    if (!isThere) found('every version that was written is there', sequence);
  } else if (kind === 'document') {
    const name = String(key);
    const slash = name.indexOf('/');
    const sql = 'SELECT version, mac FROM documents WHERE site = ? AND kind = ? AND id = ?';
    const [now] = rows(sql, [site!, name.slice(0, slash), name.slice(slash + 1)]);
    const isThere = Number(now?.version) > Number(version) || (now?.version === version && now?.mac === mac);
    if (!isThere) found('every document is at its last version', sequence);
  }
}
