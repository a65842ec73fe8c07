import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  ApiKeyRow,
  AuditRow,
  Change,
  Clock,
  Commit,
  InstanceRow,
  Ledger,
  OutboxRow,
  ResourceVersion,
  RunRow,
} from '../../ports/index.ts';
import { logCommit } from './memory-log.ts';
import { applyRemovals } from './memory-removals.ts';
import { findResources } from './memory-resources.ts';
import { applySealing } from './memory-sealing.ts';
import { assertCurrent, type Changes, keyOf, rowsOfSite, startChanges, type Tables, taken } from './tables.ts';

/** Commits into the tables at once: nothing else runs meanwhile, and a refused commit is taken back. */
export function createMemoryLedger(tables: Tables, clock: Clock): Ledger {
  let rows = 0;
  return {
    async commit(commit) {
      const changes = startChanges(() => ++rows);
      try {
        // A copy: what the caller does with its rows afterwards is its own business.
        apply(tables, changes, structuredClone(commit));
      } catch (error) {
        changes.undo();
        throw error;
      }
      return { sequence: logCommit(tables, commit.site, changes.said, clock.now().toISOString()) };
    },
  };
}

function apply(tables: Tables, changes: Changes, commit: Commit): void {
  const { site } = commit;
  for (const query of commit.noneMatching ?? []) {
    const { rows } = findResources(tables, site, { ...query, sort: [], count: 1, offset: 0, total: false });
    if (rows.length > 0) throw new NeuroInsightError('conflict', 'a resource that must not exist does exist');
  }
  for (const change of commit.resources ?? []) applyResource(tables, changes, site, change);
  applyInstances(tables, changes, site, commit.instances ?? []);
  for (const change of commit.runs ?? []) applyRun(tables, changes, site, change);
  for (const line of commit.runLog ?? []) changes.set(tables.runLog, keyOf(String(changes.next())), site, line);
  for (const change of commit.outbox ?? []) applyOutbox(tables, changes, site, change);
  for (const { studyInstanceUid, sourceReceivedAt } of commit.considered ?? []) {
    const study = tables.studies.get(keyOf(site, studyInstanceUid))?.row;
    if (!study || (study.consideredAt ?? '') >= sourceReceivedAt) continue;
    changes.set(tables.studies, keyOf(site, studyInstanceUid), site, { ...study, consideredAt: sourceReceivedAt });
  }
  for (const change of commit.apiKeys ?? []) applyApiKey(tables, changes, site, change);
  for (const study of commit.seen ?? []) {
    changes.set(tables.seen, keyOf(site, study.source, study.studyInstanceUid), site, study);
  }
  for (const row of commit.audit ?? []) applyAudit(tables, changes, site, row);
  applySealing(tables, changes, commit);
  applyRemovals(tables, changes, site, commit.removals ?? {});
}

function applyResource(
  tables: Tables,
  changes: Changes,
  site: string,
  { expected, row }: Change<ResourceVersion>,
): void {
  const { resourceType, id, versionId, lastUpdated, method, resource, index } = row;
  const key = keyOf(site, resourceType, id);
  assertCurrent(expected, tables.resources.get(key)?.row.stored.versionId, versionId);
  const json = resource === undefined ? undefined : (row.json ?? JSON.stringify(resource));
  const stored = { resourceType, id, versionId, lastUpdated, method, json };
  changes.set(tables.resources, key, site, { stored, index });
  changes.set(tables.versions, keyOf(site, resourceType, id, String(versionId)), site, stored);
  const action = json === undefined ? 'delete' : expected === 0 ? 'create' : 'update';
  changes.said.push({ kind: 'resource', action, key: `${resourceType}/${id}`, version: versionId });
}

function applyInstances(tables: Tables, changes: Changes, site: string, rows: readonly InstanceRow[]): void {
  const byStudy = Map.groupBy(rows, ({ studyInstanceUid }) => studyInstanceUid);
  for (const [key, ofStudy] of byStudy) {
    const action = tables.studies.has(keyOf(site, key)) ? 'update' : 'create';
    const added = ofStudy.filter((row) => applyInstance(tables, changes, site, row)).length;
    if (added > 0) changes.said.push({ kind: 'study', action, key, version: added });
  }
}

/** @returns false for an instance that is stored already. */
function applyInstance(tables: Tables, changes: Changes, site: string, row: InstanceRow): boolean {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, receivedSha256, attributes } = row;
  const key = keyOf(site, sopInstanceUid);
  const stored = tables.instances.get(key)?.row;
  if (stored && stored.receivedSha256 !== receivedSha256) {
    const message = 'an instance with this SOP Instance UID and other content is stored';
    throw new NeuroInsightError('duplicate-instance', message);
  }
  if (stored) return false;
  const studyKey = keyOf(site, studyInstanceUid);
  const seriesKey = keyOf(site, studyInstanceUid, seriesInstanceUid);
  const study = tables.studies.get(studyKey)?.row ?? {
    studyInstanceUid,
    attributes: attributes.study,
    sourceReceivedAt: undefined,
    consideredAt: undefined,
  };
  const isNewest = row.isSource && row.receivedAt > (study.sourceReceivedAt ?? '');
  changes.set(tables.studies, studyKey, site, isNewest ? { ...study, sourceReceivedAt: row.receivedAt } : study);
  changes.set(tables.series, seriesKey, site, tables.series.get(seriesKey)?.row ?? attributes.series);
  changes.set(tables.instances, key, site, row);
  return true;
}

function applyRun(tables: Tables, changes: Changes, site: string, { expected, row }: Change<RunRow>): void {
  const key = keyOf(site, row.id);
  assertCurrent(expected, tables.runs.get(key)?.row.version, row.version);
  if (rowsOfSite(tables.runs, site).some((other) => other.row.key === row.key && other.row.id !== row.id))
    throw taken();
  changes.set(tables.runs, key, site, row);
}

function applyOutbox(tables: Tables, changes: Changes, site: string, { expected, row }: Change<OutboxRow>): void {
  const key = keyOf(site, row.id);
  assertCurrent(expected, tables.outbox.get(key)?.row.version, row.version);
  const others = rowsOfSite(tables.outbox, site);
  if (others.some((other) => other.row.key === row.key && other.row.id !== row.id)) throw taken();
  changes.set(tables.outbox, key, site, row);
}

function applyApiKey(tables: Tables, changes: Changes, site: string, { expected, row }: Change<ApiKeyRow>): void {
  const key = keyOf(site, row.id);
  assertCurrent(expected, tables.apiKeys.get(key)?.row.version, row.version);
  for (const [otherKey, other] of tables.apiKeys) {
    if (otherKey === key) continue;
    const { name, revokedAt, secretSha256 } = other.row;
    const isNameTaken =
      other.site === site && name === row.name && revokedAt === undefined && row.revokedAt === undefined;
    if (isNameTaken || secretSha256 === row.secretSha256) throw taken();
  }
  changes.set(tables.apiKeys, key, site, row);
}

function applyAudit(tables: Tables, changes: Changes, site: string, row: AuditRow): void {
  const key = keyOf(site, row.id);
  if (tables.audit.has(key)) throw taken();
  changes.set(tables.audit, key, site, row);
}
