import type { ApiKeyRow, AuditRow, DocumentKind, OutboxRow, RunRow, SeenStudy } from '../../ports/index.ts';
import type { ExportReader, RunWithAll, Sited } from '../transfer/export-reader.ts';
import type { Checkpoint, Snapshot } from './checkpoint.ts';
import type { Row, Value } from './database.ts';
import { requireMac } from './row-mac.ts';
import { instancesOf, parsed, storedResourceOf, studyStateOf } from './rows.ts';
import { SEALED, type SealedKind } from './sealed-rows.ts';

const PAGE = 500;
/** Resources may be large. */
const RESOURCE_PAGE = 50;

/**
 * Everything in the database as it is now, page by page in the order of writing. The file stands still until it is
 * released. Every row is held to its MAC. @throws damaged, overloaded
 *
 * @param rowMac key of the MACs, see DataKeys.
 */
export async function openExportReader(
  checkpoint: Pick<Checkpoint, 'snapshot'>,
  rowMac: Uint8Array,
): Promise<ExportReader> {
  const snapshot = await checkpoint.snapshot();
  const [head] = await snapshot.rows('SELECT sequence, chain FROM commits ORDER BY sequence DESC LIMIT 1');
  const read = pagesOf(snapshot, rowMac);
  const rowsOf = async function* <T>(kind: SealedKind, table: string): AsyncGenerator<Sited<T>> {
    for await (const row of read(kind, `SELECT rowid AS place, * FROM ${table}`)) yield sited(row, parsed<T>(row.row));
  };
  return {
    log: { sequence: Number(head?.sequence ?? 0), chain: String(head?.chain ?? '') },
    async *resources() {
      const sql = 'SELECT rowid AS place, * FROM resource_versions';
      for await (const row of read('resource', sql, [], RESOURCE_PAGE)) yield sited(row, storedResourceOf(row));
    },
    async *studies() {
      for await (const row of read('study', 'SELECT sid AS place, * FROM studies')) yield sited(row, studyStateOf(row));
    },
    async *instancesOf(site, studyInstanceUid) {
      for await (const row of read('instance', INSTANCES, [site, studyInstanceUid])) {
        requireRow(rowMac, 'place', row, row.place_mac);
        requireRow(rowMac, 'study', { ...row, attributes: row.study_attributes! }, row.study_mac);
        requireRow(rowMac, 'series', { ...row, attributes: row.series_attributes! }, row.series_mac);
        yield instancesOf([row])[0]!;
      }
    },
    async *runs() {
      for await (const { site, row } of rowsOf<RunRow>('run', 'runs')) {
        yield { site, row: await withAll(snapshot, rowMac, site, row) };
      }
    },
    async *looseOutbox() {
      const sql = `SELECT rowid AS place, * FROM outbox
        WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.site = outbox.site AND runs.id = outbox.run_id)`;
      for await (const row of read('outbox', sql)) yield sited(row, parsed<OutboxRow>(row.row));
    },
    apiKeys: () => rowsOf<ApiKeyRow>('api key', 'api_keys'),
    seen: () => rowsOf<SeenStudy>('seen', 'seen_studies'),
    async *documents() {
      for await (const row of read('document', 'SELECT rowid AS place, * FROM documents')) {
        const kind = row.kind as DocumentKind;
        yield sited(row, { kind, id: String(row.id), version: Number(row.version), content: parsed(row.row) });
      }
    },
    audit: () => rowsOf<AuditRow>('audit', 'audit'),
    release: () => snapshot.release(),
  };
}

const INSTANCES = `SELECT i.iid AS place, s.StudyInstanceUID, e.SeriesInstanceUID, i.*,
    s.attributes AS study_attributes, s.mac AS study_mac, e.attributes AS series_attributes, e.mac AS series_mac
  FROM studies s JOIN instances i ON i.sid = s.sid JOIN series e ON e.eid = i.eid
  WHERE s.site = ? AND s.StudyInstanceUID = ?`;

const sited = <T>(row: Row, content: T): Sited<T> => ({ site: String(row.site), row: content });

/** Pages of a statement by its column `place`, which no two rows share; each row held to the MAC of its kind. */
function pagesOf(snapshot: Snapshot, rowMac: Uint8Array) {
  return async function* (
    kind: SealedKind,
    sql: string,
    params: readonly Value[] = [],
    page: number = PAGE,
  ): AsyncGenerator<Row> {
    for (let after = -1; ; ) {
      const paged = `SELECT * FROM (${sql}) WHERE place > ? ORDER BY place LIMIT ?`;
      const rows = await snapshot.rows(paged, [...params, after, page]);
      for (const row of rows) {
        requireRow(rowMac, kind, row, row.mac);
        yield row;
      }
      if (rows.length < page) return;
      after = Number(rows.at(-1)!.place);
    }
  };
}

function requireRow(rowMac: Uint8Array, kind: SealedKind, row: Row, mac: Value | undefined): void {
  const columns: readonly string[] = SEALED[kind];
  const values = columns.map((column) => row[column] ?? null);
  requireMac(rowMac, kind, values, mac);
}

async function withAll(snapshot: Snapshot, rowMac: Uint8Array, site: string, run: RunRow): Promise<RunWithAll> {
  const log = await snapshot.rows('SELECT * FROM run_log WHERE site = ? AND run_id = ? ORDER BY rowid', [site, run.id]);
  const outbox = await snapshot.rows('SELECT * FROM outbox WHERE site = ? AND run_id = ? ORDER BY rowid', [
    site,
    run.id,
  ]);
  for (const row of log) requireRow(rowMac, 'run log', row, row.mac);
  for (const row of outbox) requireRow(rowMac, 'outbox', row, row.mac);
  return {
    run,
    log: log.map(({ run_id, at, level, message }) => ({
      runId: String(run_id),
      at: String(at),
      level: level as RunWithAll['log'][number]['level'],
      message: String(message),
    })),
    outbox: outbox.map(({ row }) => parsed<OutboxRow>(row)),
  };
}
