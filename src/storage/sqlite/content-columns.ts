import type { ApiKeyRow, AuditRow, OutboxRow, RunRow, SeenStudy } from '../../ports/index.ts';
import type { Row, Value } from './database.ts';

/** Kinds of rows whose content is JSON, which their MAC covers. */
interface Contents {
  run: RunRow;
  outbox: OutboxRow;
  'api key': ApiKeyRow;
  seen: SeenStudy;
  audit: AuditRow;
}

export type ContentKind = keyof Contents;
export type ContentOf<Kind extends ContentKind> = Contents[Kind];

type Columns = Readonly<Record<string, Value | undefined>>;

/** The columns that rows are found by, as their content has them. */
const COLUMNS: { readonly [Kind in ContentKind]: (content: Contents[Kind]) => Columns } = {
  run: (run) => ({
    id: run.id,
    key: run.key,
    study: run.studyInstanceUid,
    state: run.state,
    version: run.version,
    created_at: run.createdAt,
    not_before: run.notBefore,
    lease_until: run.leaseUntil,
    analysis_key: run.result?.analysisKey,
  }),
  outbox: (delivery) => ({
    id: delivery.id,
    key: delivery.key,
    destination: delivery.destination,
    run_id: delivery.runId,
    state: delivery.state,
    version: delivery.version,
    created_at: delivery.createdAt,
    not_before: delivery.notBefore,
    lease_until: delivery.leaseUntil,
  }),
  'api key': (key) => ({
    id: key.id,
    version: key.version,
    name: key.name,
    secret_sha256: key.secretSha256,
    revoked_at: key.revokedAt,
  }),
  seen: (seen) => ({ source: seen.source, study: seen.studyInstanceUid }),
  audit: (row) => ({
    id: row.id,
    recorded: row.recorded,
    action: row.action,
    outcome: row.outcome,
    agent: row.agent.id,
  }),
};

/** Whether a row is found by what its content says: who edits a column to have a query find the row gains nothing. */
export function agreesWithContent<Kind extends ContentKind>(kind: Kind, row: Row, content: Contents[Kind]): boolean {
  return Object.entries(COLUMNS[kind](content)).every(([name, value]) => row[name] === (value ?? null));
}
