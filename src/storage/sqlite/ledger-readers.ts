import type {
  ApiKeyReader,
  AuditLog,
  AuditQuery,
  AuditRow,
  OutboxReader,
  OutboxState,
  RunReader,
  RunRow,
  RunState,
  SeenReader,
} from '../../ports/index.ts';
import { agreesWithContent, type ContentKind, type ContentOf } from './content-columns.ts';
import type { Row, Value } from './database.ts';
import type { Readers } from './readers.ts';
import { parsed } from './rows.ts';
import type { SealedKind } from './sealed-rows.ts';

const RUN_STATES: readonly RunState[] = ['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'];
const OUTBOX_STATES: readonly OutboxState[] = ['pending', 'delivered', 'dead'];

/** Reads rows of one kind, and holds the columns that they are found by to their content. */
interface Contents<T> {
  of(row: Row): T;
  sited(row: Row): { readonly site: string; readonly row: T };
  readonly seals: readonly [SealedKind];
}

function contentsOf<Kind extends ContentKind>(readers: Readers, kind: Kind): Contents<ContentOf<Kind>> {
  const of = (row: Row): ContentOf<Kind> => {
    const content = parsed<ContentOf<Kind>>(row.row);
    if (!agreesWithContent(kind, row, content)) throw readers.damaged(kind);
    return content;
  };
  return { of, sited: (row) => ({ site: String(row.site), row: of(row) }), seals: [kind] };
}

/** Numbers by state, every state among them. */
function counted<State extends string>(states: readonly State[], rows: readonly Row[]): Record<State, number> {
  const found = new Map(rows.map((row) => [row.state, Number(row.number)]));
  return Object.fromEntries(states.map((state) => [state, found.get(state) ?? 0])) as Record<State, number>;
}

interface Where {
  readonly sql: string;
  readonly params: readonly Value[];
}

/** Conditions whose value is given, joined; each condition takes its value once. */
function whereOf(conditions: readonly (readonly [sql: string, value: Value | undefined])[]): Where {
  const given = conditions.filter((condition): condition is readonly [string, Value] => condition[1] !== undefined);
  return { sql: given.map(([sql]) => sql).join(' AND '), params: given.map(([, value]) => value) };
}

export function createRunReader(readers: Readers): RunReader {
  const runs = contentsOf(readers, 'run');
  const one = async (where: string, params: readonly Value[]): Promise<RunRow | undefined> => {
    const row = await readers.point(`SELECT * FROM runs WHERE ${where}`, params, runs.seals);
    return row && runs.of(row);
  };
  return {
    get: (site, id) => one('site = ? AND id = ?', [site, id]),
    findByKey: (site, key) => one('site = ? AND key = ?', [site, key]),
    findByAnalysisKey: (site, analysisKey) =>
      one(`site = ? AND analysis_key = ? ORDER BY created_at, id LIMIT 1`, [site, analysisKey]),
    async list(site, { state, studyInstanceUid, limit, offset }) {
      const where = whereOf([
        ['site = ?', site],
        ['state IN (SELECT value FROM json_each(?))', state && JSON.stringify(state)],
        ['study = ?', studyInstanceUid],
      ]);
      const [rows, total] = await readers.together([
        {
          sql: `SELECT * FROM runs WHERE ${where.sql} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`,
          params: [...where.params, limit, offset],
          seals: runs.seals,
        },
        { sql: `SELECT count(*) AS total FROM runs WHERE ${where.sql}`, params: where.params },
      ]);
      return { rows: rows!.map(runs.of), total: Number(total![0]!.total) };
    },
    async claimable(now, limit) {
      const sql = `SELECT * FROM (SELECT * FROM runs WHERE state = 'queued' AND not_before <= ?1
          UNION ALL SELECT * FROM runs WHERE state = 'running' AND lease_until <= ?1)
        ORDER BY created_at, id LIMIT ?2`;
      return (await readers.all(sql, [now, limit], runs.seals)).map(runs.sited);
    },
    async log(site, runId) {
      const sql = 'SELECT * FROM run_log WHERE site = ? AND run_id = ? ORDER BY rowid';
      return (await readers.all(sql, [site, runId], ['run log'])).map(({ at, level, message }) => ({
        runId,
        at: String(at),
        level: level as 'info' | 'warn' | 'error',
        message: String(message),
      }));
    },
    countByState: async () =>
      counted(RUN_STATES, await readers.all('SELECT state, count(*) AS number FROM runs GROUP BY state', [])),
  };
}

export function createOutboxReader(readers: Readers): OutboxReader {
  const outbox = contentsOf(readers, 'outbox');
  return {
    async get(site, id) {
      const row = await readers.point('SELECT * FROM outbox WHERE site = ? AND id = ?', [site, id], outbox.seals);
      return row && outbox.of(row);
    },
    async due(now, limit) {
      const sql = `SELECT * FROM outbox WHERE state = 'pending' AND not_before <= ?1
        AND (lease_until IS NULL OR lease_until <= ?1) ORDER BY created_at, id LIMIT ?2`;
      return (await readers.all(sql, [now, limit], outbox.seals)).map(outbox.sited);
    },
    async ofRun(site, runId) {
      const sql = 'SELECT * FROM outbox WHERE site = ? AND run_id = ? ORDER BY created_at, id';
      return (await readers.all(sql, [site, runId], outbox.seals)).map(outbox.of);
    },
    async list(site, { destination, state, limit, offset }) {
      const where = whereOf([
        ['site = ?', site],
        ['destination = ?', destination],
        ['state = ?', state],
      ]);
      const sql = `SELECT * FROM outbox WHERE ${where.sql} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`;
      return (await readers.all(sql, [...where.params, limit, offset], outbox.seals)).map(outbox.of);
    },
    countByState: async () =>
      counted(OUTBOX_STATES, await readers.all('SELECT state, count(*) AS number FROM outbox GROUP BY state', [])),
  };
}

export function createApiKeyReader(readers: Readers): ApiKeyReader {
  const keys = contentsOf(readers, 'api key');
  return {
    async findBySecret(secretSha256) {
      const sql = 'SELECT * FROM api_keys WHERE secret_sha256 = ?';
      const row = await readers.point(sql, [secretSha256], keys.seals);
      return row && keys.sited(row);
    },
    async list(site) {
      const sql = 'SELECT * FROM api_keys WHERE site = ? ORDER BY name, id';
      return (await readers.all(sql, [site], keys.seals)).map(keys.of);
    },
  };
}

export function createAuditLog(readers: Readers): AuditLog {
  const audit = contentsOf(readers, 'audit');
  return {
    async get(site, id) {
      const row = await readers.point('SELECT * FROM audit WHERE site = ? AND id = ?', [site, id], audit.seals);
      return row && audit.of(row);
    },
    async search(site, query) {
      const where = auditWhere(site, query);
      const [rows, total] = await readers.together([
        {
          sql: `SELECT * FROM audit WHERE ${where.sql} ORDER BY recorded DESC, sequence DESC LIMIT ? OFFSET ?`,
          params: [...where.params, query.count, query.offset],
          seals: audit.seals,
        },
        { sql: `SELECT count(*) AS total FROM audit WHERE ${where.sql}`, params: where.params },
      ]);
      const found = rows!.map(audit.of);
      if (!found.every((row) => concerns(row, query))) throw readers.damaged('audit');
      return { rows: found, total: Number(total![0]!.total) };
    },
  };
}

const concerns = ({ patients, entities }: AuditRow, { patient, entity }: AuditQuery): boolean =>
  [patient, entity].every((one) => one === undefined || patients.includes(one) || entities.includes(one));

function auditWhere(site: string, query: AuditQuery): Where {
  const concerned = [query.patient, query.entity].filter((entity) => entity !== undefined);
  const where = whereOf([
    // The rows of one patient are few: the plus keeps the planner from walking through all rows of the site for them.
    [concerned.length > 0 ? '+site = ?' : 'site = ?', site],
    ['recorded >= ?', query.from],
    ['recorded <= ?', query.to],
    ['agent = ?', query.agent],
    ['action = ?', query.action],
    ['outcome = ?', query.outcome],
  ]);
  const concerns = concerned.map(
    () => ' AND sequence IN (SELECT sequence FROM audit_entity WHERE audit_entity.site = ? AND entity = ?)',
  );
  return {
    sql: where.sql + concerns.join(''),
    params: [...where.params, ...concerned.flatMap((entity) => [site, entity])],
  };
}

export function createSeenReader(readers: Readers): SeenReader {
  const seen = contentsOf(readers, 'seen');
  return {
    async seen(site, source, studyInstanceUids) {
      const sql = `SELECT * FROM seen_studies WHERE site = ? AND source = ?
        AND study IN (SELECT value FROM json_each(?)) ORDER BY study`;
      const rows = await readers.all(sql, [site, source, JSON.stringify(studyInstanceUids)], seen.seals);
      return rows.map(seen.of);
    },
  };
}
