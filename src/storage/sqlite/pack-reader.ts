import type { PackReader, PackRow, SitedPack, StudyKeyRow } from '../../ports/index.ts';
import type { Row } from './database.ts';
import type { Readers } from './readers.ts';
import { textOrNone } from './rows.ts';

const PACKS = `SELECT site, pack, study, bytes, sha256, sealed_at, tier, checked_at, damage, mac FROM packs`;
const KEYS = `SELECT site, study, kek_id, wrapped, created_at FROM study_keys`;

export function createPackReader(readers: Readers): PackReader {
  return {
    async get(pack) {
      const row = await readers.point(`${PACKS} WHERE pack = ?`, [pack], ['pack']);
      return row && sitedPackOf(row);
    },
    async ofStudy(site, studyInstanceUid) {
      const sql = `${PACKS} WHERE site = ? AND study = ? ORDER BY pack`;
      return (await readers.all(sql, [site, studyInstanceUid], ['pack'])).map(packOf);
    },
    async list(after, limit) {
      const sql = `${PACKS} WHERE pack > ? ORDER BY pack LIMIT ?`;
      return (await readers.all(sql, [after, limit], ['pack'])).map(sitedPackOf);
    },
    async studyKey(site, studyInstanceUid) {
      const row = await readers.point(`${KEYS} WHERE site = ? AND study = ?`, [site, studyInstanceUid]);
      return row && studyKeyOf(row);
    },
    async keysNotUnder(kekId, limit) {
      // Two ranges of the index: an inequality would read all of it once the rotation is nearly done.
      const sql = `${KEYS} WHERE kek_id < ?1 UNION ALL ${KEYS} WHERE kek_id > ?1 LIMIT ?2`;
      const rows = await readers.all(sql, [kekId, limit]);
      return rows.map((row) => ({ site: String(row.site), row: studyKeyOf(row) }));
    },
    async countKeysNotUnder(kekId) {
      const sql = `SELECT (SELECT count(*) FROM study_keys WHERE kek_id < ?1) +
        (SELECT count(*) FROM study_keys WHERE kek_id > ?1) AS number`;
      return Number((await readers.all(sql, [kekId]))[0]!.number);
    },
    async bytesOf(site) {
      const sql = 'SELECT coalesce(sum(bytes), 0) AS bytes FROM packs WHERE site = ?';
      return Number((await readers.all(sql, [site]))[0]!.bytes);
    },
  };
}

const sitedPackOf = (row: Row): SitedPack => ({ site: String(row.site), row: packOf(row) });

function packOf(row: Row): PackRow {
  const [checkedAt, damage] = [textOrNone(row.checked_at), textOrNone(row.damage)];
  return {
    pack: String(row.pack),
    studyInstanceUid: String(row.study),
    bytes: Number(row.bytes),
    sha256: String(row.sha256),
    sealedAt: String(row.sealed_at),
    tier: row.tier as PackRow['tier'],
    ...(checkedAt !== undefined && { checkedAt }),
    ...(damage !== undefined && { damage }),
  };
}

/** A wrapped key needs no MAC: it opens only under its KEK and for its study, see KeyRing. */
function studyKeyOf(row: Row): StudyKeyRow {
  return {
    studyInstanceUid: String(row.study),
    kekId: String(row.kek_id),
    wrapped: String(row.wrapped),
    createdAt: String(row.created_at),
  };
}
