import type { ApiKeyRow, AuditRow, Change, Commit, OutboxRow, ResourceQuery, RunRow } from '../../ports/index.ts';
import type { Value } from './database.ts';
import type { Operation } from './operation.ts';
import { planInstances } from './plan-instances.ts';
import { planResource } from './plan-resource.ts';
import type { StatementName } from './statements.ts';

/** The statement that gives a row when a query of `noneMatching` finds anything. */
export type CompileQuery = (
  site: string,
  query: ResourceQuery,
) => { readonly sql: string; readonly params: readonly Value[] };

/**
 * A commit as the flat list of operations that the writer applies in order; the first gives back the sequence. All
 * JSON is made here, on the thread that asks.
 */
export function planCommit(commit: Commit, at: string, compile: CompileQuery): Operation[] {
  const { site } = commit;
  return [
    ['begin commit', [site, at], 'rowid'],
    ...(commit.noneMatching ?? []).map((query): Operation => {
      const { sql, params } = compile(site, query);
      return [sql, params, 'none'];
    }),
    ...(commit.resources ?? []).flatMap((change) => planResource(site, change)),
    ...planInstances(site, commit.instances ?? []),
    ...(commit.runs ?? []).flatMap((change) => planRun(site, change)),
    ...(commit.runLog ?? []).map(
      (line): Operation => ['add run log', [site, line.runId, line.at, line.level, line.message]],
    ),
    ...(commit.outbox ?? []).flatMap((change) => planOutbox(site, change)),
    ...(commit.considered ?? []).map(
      (study): Operation => ['consider study', [site, study.studyInstanceUid, study.sourceReceivedAt]],
    ),
    ...(commit.apiKeys ?? []).map((change) => planApiKey(site, change)),
    ...(commit.seen ?? []).map(
      (study): Operation => ['see study', [site, study.source, study.studyInstanceUid, JSON.stringify(study)]],
    ),
    ...(commit.audit ?? []).flatMap((row) => planAudit(site, row)),
  ];
}

/** Throws an Error when the row does not carry the version after the expected one: then its writer is mistaken. */
export function assertNextVersion(expected: number, written: number): void {
  if (written !== expected + 1) throw new Error(`a change of version ${expected} cannot write version ${written}`);
}

function planRun(site: string, { expected, row }: Change<RunRow>): Operation[] {
  assertNextVersion(expected, row.version);
  const params: Value[] = [
    site,
    row.id,
    row.version,
    row.key,
    row.studyInstanceUid,
    row.state,
    row.createdAt,
    row.notBefore,
    row.leaseUntil ?? null,
    row.result?.analysisKey ?? null,
    JSON.stringify(row),
  ];
  const packs = Object.values(row.files).map(({ pack }) => pack);
  return [
    versioned(expected, 'create run', 'update run', params),
    ...planPackReferences(site, `run/${row.id}`, packs, expected),
  ];
}

function planOutbox(site: string, { expected, row }: Change<OutboxRow>): Operation[] {
  assertNextVersion(expected, row.version);
  const params: Value[] = [
    site,
    row.id,
    row.version,
    row.key,
    row.destination,
    row.runId,
    row.state,
    row.createdAt,
    row.notBefore,
    row.leaseUntil ?? null,
    JSON.stringify(row),
  ];
  const packs = row.payload.kind === 'fhir' ? [row.payload.bundle.pack] : [];
  return [
    versioned(expected, 'create outbox', 'update outbox', params),
    ...planPackReferences(site, `outbox/${row.id}`, packs, expected),
  ];
}

function planApiKey(site: string, { expected, row }: Change<ApiKeyRow>): Operation {
  assertNextVersion(expected, row.version);
  const params: Value[] = [
    site,
    row.id,
    row.version,
    row.name,
    row.secretSha256,
    row.revokedAt ?? null,
    JSON.stringify(row),
  ];
  return versioned(expected, 'create api key', 'update api key', params);
}

function planAudit(site: string, row: AuditRow): Operation[] {
  const params = [site, row.id, row.recorded, row.action, row.outcome, row.agent.id, JSON.stringify(row)];
  const concerned = new Set([...row.patients, ...row.entities]);
  return [['add audit', params], ...[...concerned].map((entity): Operation => ['add audit entity', [site, entity]])];
}

/** Compare-and-set: a new row relies on its unique keys, a later one on the version in the WHERE clause. */
function versioned(expected: number, create: StatementName, update: StatementName, params: Value[]): Operation {
  return [expected === 0 ? create : update, params, 'one'];
}

function planPackReferences(site: string, owner: string, packs: readonly string[], expected: number): Operation[] {
  return [
    ...(expected === 0 ? [] : [['forget packs', [site, owner]] as Operation]),
    ...[...new Set(packs)].map((pack): Operation => ['refer to pack', [site, owner, pack]]),
  ];
}
