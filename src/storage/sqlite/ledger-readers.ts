import type {
  ApiKeyReader,
  AuditLog,
  AuditQuery,
  AuditRow,
  OutboxReader,
  OutboxRow,
  OutboxState,
  RunReader,
  RunRow,
  RunState,
  SeenReader,
  SeenStudy,
} from '../../ports/index.ts';
import type { Row, Value } from './database.ts';
import type { Readers } from './readers.ts';
import { parsed } from './rows.ts';

const RUN_STATES: readonly RunState[] = ['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'];
const OUTBOX_STATES: readonly OutboxState[] = ['pending', 'delivered', 'dead'];

const withSite = <T>(row: Row): { readonly site: string; readonly row: T } => ({
  site: String(row.site),
  row: parsed<T>(row.row),
});

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
  const one = async (where: string, params: readonly Value[]): Promise<RunRow | undefined> => {
    const row = await readers.point(`SELECT row FROM runs WHERE ${where}`, params);
    return row && parsed<RunRow>(row.row);
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
          sql: `SELECT row FROM runs WHERE ${where.sql} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`,
          params: [...where.params, limit, offset],
        },
        { sql: `SELECT count(*) AS total FROM runs WHERE ${where.sql}`, params: where.params },
      ]);
      return { rows: rows!.map((row) => parsed<RunRow>(row.row)), total: Number(total![0]!.total) };
    },
    async claimable(now, limit) {
      const sql = `SELECT site, row FROM (
          SELECT site, row, created_at, id FROM runs WHERE state = 'queued' AND not_before <= ?1
          UNION ALL SELECT site, row, created_at, id FROM runs WHERE state = 'running' AND lease_until <= ?1)
        ORDER BY created_at, id LIMIT ?2`;
      return (await readers.all(sql, [now, limit])).map((row) => withSite<RunRow>(row));
    },
    async log(site, runId) {
      const sql = 'SELECT at, level, message FROM run_log WHERE site = ? AND run_id = ? ORDER BY rowid';
      return (await readers.all(sql, [site, runId])).map(({ at, level, message }) => ({
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
  const rowsOf = (rows: readonly Row[]): OutboxRow[] => rows.map((row) => parsed<OutboxRow>(row.row));
  return {
    async get(site, id) {
      const row = await readers.point('SELECT row FROM outbox WHERE site = ? AND id = ?', [site, id]);
      return row && parsed<OutboxRow>(row.row);
    },
    async due(now, limit) {
      const sql = `SELECT site, row FROM outbox WHERE state = 'pending' AND not_before <= ?1
        AND (lease_until IS NULL OR lease_until <= ?1) ORDER BY created_at, id LIMIT ?2`;
      return (await readers.all(sql, [now, limit])).map((row) => withSite<OutboxRow>(row));
    },
    ofRun: async (site, runId) =>
      rowsOf(
        await readers.all('SELECT row FROM outbox WHERE site = ? AND run_id = ? ORDER BY created_at, id', [
          site,
          runId,
        ]),
      ),
    async list(site, { destination, state, limit, offset }) {
      const where = whereOf([
        ['site = ?', site],
        ['destination = ?', destination],
        ['state = ?', state],
      ]);
      const sql = `SELECT row FROM outbox WHERE ${where.sql} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`;
      return rowsOf(await readers.all(sql, [...where.params, limit, offset]));
    },
    countByState: async () =>
      counted(OUTBOX_STATES, await readers.all('SELECT state, count(*) AS number FROM outbox GROUP BY state', [])),
  };
}

export function createApiKeyReader(readers: Readers): ApiKeyReader {
  return {
    async findBySecret(secretSha256) {
      const row = await readers.point('SELECT site, row FROM api_keys WHERE secret_sha256 = ?', [secretSha256]);
      return row && withSite(row);
    },
    list: async (site) =>
      (await readers.all('SELECT row FROM api_keys WHERE site = ? ORDER BY name, id', [site])).map((row) =>
        parsed(row.row),
      ),
  };
}

export function createAuditLog(readers: Readers): AuditLog {
  return {
    async get(site, id) {
      const row = await readers.point('SELECT row FROM audit WHERE site = ? AND id = ?', [site, id]);
      return row && parsed<AuditRow>(row.row);
    },
    async search(site, query) {
      const where = auditWhere(site, query);
      const [rows, total] = await readers.together([
        {
          sql: `SELECT row FROM audit WHERE ${where.sql} ORDER BY recorded DESC, sequence DESC LIMIT ? OFFSET ?`,
          params: [...where.params, query.count, query.offset],
        },
        { sql: `SELECT count(*) AS total FROM audit WHERE ${where.sql}`, params: where.params },
      ]);
      return { rows: rows!.map((row) => parsed<AuditRow>(row.row)), total: Number(total![0]!.total) };
    },
  };
}

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
  return {
    async seen(site, source, studyInstanceUids) {
      const sql = `SELECT row FROM seen_studies WHERE site = ? AND source = ?
        AND study IN (SELECT value FROM json_each(?)) ORDER BY study`;
      const rows = await readers.all(sql, [site, source, JSON.stringify(studyInstanceUids)]);
      return rows.map((row) => parsed<SeenStudy>(row.row));
    },
  };
}
