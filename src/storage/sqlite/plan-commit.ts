import type { ApiKeyRow, AuditRow, Change, Commit, OutboxRow, ResourceQuery, RunRow } from '../../ports/index.ts';
import type { Value } from './database.ts';
import type { Operation } from './operation.ts';
import { planInstances } from './plan-instances.ts';
import { planRemovals } from './plan-removals.ts';
import { planResource } from './plan-resource.ts';
import { planSealing } from './plan-sealing.ts';
import type { MacKey } from './row-mac.ts';
import { sealOf } from './sealed-rows.ts';
import type { StatementName } from './statements.ts';

/** The statement that gives a row when a query of `noneMatching` finds anything. */
export type CompileQuery = (
  site: string,
  query: ResourceQuery,
) => { readonly sql: string; readonly params: readonly Value[] };

/**
 * A commit as the flat list of operations that the writer applies in order. All JSON and the MACs of rows are made
 * here, on the thread that asks.
 *
 * @param key of the MACs of rows.
 */
export function planCommit(commit: Commit, key: MacKey, compile: CompileQuery): Operation[] {
  const { site } = commit;
  return [
    ...(commit.noneMatching ?? []).map((query): Operation => {
      const { sql, params } = compile(site, query);
      return [sql, params, 'none'];
    }),
    ...(commit.resources ?? []).flatMap((change) => planResource(site, change, key)),
    ...planInstances(site, commit.instances ?? [], key),
    ...(commit.runs ?? []).flatMap((change) => planRun(site, change, key)),
    ...(commit.runLog ?? []).map(({ runId: run_id, at, level, message }): Operation => {
      const columns = { site, run_id, at, level, message };
      return ['add run log', [...Object.values(columns), sealOf(key, 'run log', columns)]];
    }),
    ...(commit.outbox ?? []).flatMap((change) => planOutbox(site, change, key)),
    ...(commit.considered ?? []).map(
      (study): Operation => ['consider study', [site, study.studyInstanceUid, study.sourceReceivedAt]],
    ),
    ...(commit.apiKeys ?? []).map((change) => planApiKey(site, change, key)),
    ...(commit.seen ?? []).map((row): Operation => {
      const columns = { site, source: row.source, study: row.studyInstanceUid, row: JSON.stringify(row) };
      return ['see study', [...Object.values(columns), sealOf(key, 'seen', columns)]];
    }),
    ...(commit.audit ?? []).flatMap((row) => planAudit(site, row, key)),
    ...planSealing(commit, key),
    ...planRemovals(site, commit.removals ?? {}, key),
  ];
}

/** Throws an Error when the row does not carry the version after the expected one: then its writer is mistaken. */
export function assertNextVersion(expected: number, written: number): void {
  if (written !== expected + 1) throw new Error(`a change of version ${expected} cannot write version ${written}`);
}

function planRun(site: string, { expected, row }: Change<RunRow>, key: MacKey): Operation[] {
  assertNextVersion(expected, row.version);
  const json = JSON.stringify(row);
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
    json,
    sealOf(key, 'run', { site, id: row.id, row: json }),
  ];
  const packs = Object.values(row.files).map(({ pack }) => pack);
  return [
    versioned(expected, 'create run', 'update run', params),
    ...planPackReferences(site, `run/${row.id}`, packs, expected),
  ];
}

function planOutbox(site: string, { expected, row }: Change<OutboxRow>, key: MacKey): Operation[] {
  assertNextVersion(expected, row.version);
  const json = JSON.stringify(row);
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
    json,
    sealOf(key, 'outbox', { site, id: row.id, row: json }),
  ];
  const packs = row.payload.kind === 'fhir' ? [row.payload.bundle.pack] : [];
  return [
    versioned(expected, 'create outbox', 'update outbox', params),
    ...planPackReferences(site, `outbox/${row.id}`, packs, expected),
  ];
}

function planApiKey(site: string, { expected, row }: Change<ApiKeyRow>, key: MacKey): Operation {
  assertNextVersion(expected, row.version);
  const { id, version, name, secretSha256: secret_sha256 } = row;
  const json = JSON.stringify(row);
  const mac = sealOf(key, 'api key', { site, id, secret_sha256, row: json });
  const params: Value[] = [site, id, version, name, secret_sha256, row.revokedAt ?? null, json, mac];
  return versioned(expected, 'create api key', 'update api key', params);
}

function planAudit(site: string, row: AuditRow, key: MacKey): Operation[] {
  const json = JSON.stringify(row);
  const mac = sealOf(key, 'audit', { site, id: row.id, row: json });
  const params = [site, row.id, row.recorded, row.action, row.outcome, row.agent.id, json, mac];
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
