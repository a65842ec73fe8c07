import type { Removals } from '../../ports/index.ts';
import { contentsOf } from './memory-retention.ts';
import { type Changes, keyOf, movedOn, rowsOfSite, type Table, type Tables } from './tables.ts';

/** What leaves for good, at the end of a commit; what is not there is passed over. */
export function applyRemovals(tables: Tables, changes: Changes, site: string, removals: Removals): void {
  for (const { studyInstanceUid, instances } of removals.counted ?? []) {
    const rows = rowsOfSite(tables.instances, site).filter(({ row }) => row.studyInstanceUid === studyInstanceUid);
    if (rows.length !== instances) throw movedOn();
  }
  for (const study of removals.studies ?? []) removeStudy(tables, changes, site, study);
  for (const [study, rows] of Map.groupBy(removals.instances ?? [], ({ studyInstanceUid }) => studyInstanceUid)) {
    const gone = rows.filter((row) => removeInstance(tables, changes, site, study, row.sopInstanceUid));
    if (gone.length > 0) changes.said.push({ kind: 'study', action: 'delete', key: study, version: gone.length });
  }
  for (const { resourceType, id } of removals.resources ?? []) removeResource(tables, changes, site, resourceType, id);
  for (const study of removals.runsOfStudies ?? []) removeRuns(tables, changes, site, study);
  const { auditBefore } = removals;
  if (auditBefore !== undefined) removeWhere(tables.audit, changes, site, (row) => row.recorded < auditBefore);
  for (const pack of removals.packs ?? []) removePack(tables, changes, site, pack);
}

function removeWhere<Row>(table: Table<Row>, changes: Changes, site: string, isGone: (row: Row) => boolean): void {
  for (const [key, entry] of table) if (entry.site === site && isGone(entry.row)) changes.remove(table, key);
}

function removeStudy(tables: Tables, changes: Changes, site: string, study: string): void {
  removeWhere(tables.instances, changes, site, (row) => row.studyInstanceUid === study);
  for (const key of tables.series.keys()) {
    const [ofSite, ofStudy] = JSON.parse(key) as string[];
    if (ofSite === site && ofStudy === study) changes.remove(tables.series, key);
  }
  const known = tables.studies.has(keyOf(site, study)) || tables.studyKeys.has(keyOf(site, study));
  changes.remove(tables.studies, keyOf(site, study));
  removeWhere(tables.packs, changes, site, (row) => row.studyInstanceUid === study);
  changes.remove(tables.studyKeys, keyOf(site, study));
  if (known) changes.said.push({ kind: 'study', action: 'erase', key: study, version: 0 });
}

function removeResource(tables: Tables, changes: Changes, site: string, resourceType: string, id: string): void {
  if (!tables.resources.has(keyOf(site, resourceType, id))) return;
  changes.remove(tables.resources, keyOf(site, resourceType, id));
  removeWhere(tables.versions, changes, site, (row) => row.resourceType === resourceType && row.id === id);
  changes.said.push({ kind: 'resource', action: 'erase', key: `${resourceType}/${id}`, version: 0 });
}

/** @returns whether it was there. */
function removeInstance(tables: Tables, changes: Changes, site: string, study: string, uid: string): boolean {
  const gone = tables.instances.get(keyOf(site, uid))?.row;
  if (gone?.studyInstanceUid !== study) return false;
  changes.remove(tables.instances, keyOf(site, uid));
  const left = rowsOfSite(tables.instances, site)
    .map(({ row }) => row)
    .filter((row) => row.studyInstanceUid === study);
  if (!left.some(({ seriesInstanceUid }) => seriesInstanceUid === gone.seriesInstanceUid)) {
    changes.remove(tables.series, keyOf(site, study, gone.seriesInstanceUid));
  }
  const key = keyOf(site, study);
  if (left.length === 0) {
    changes.remove(tables.studies, key);
    return true;
  }
  const sourceReceivedAt = left
    .filter(({ isSource }) => isSource)
    .map(({ receivedAt }) => receivedAt)
    .sort()
    .at(-1);
  changes.set(tables.studies, key, site, { ...tables.studies.get(key)!.row, sourceReceivedAt });
  return true;
}

function removeRuns(tables: Tables, changes: Changes, site: string, study: string): void {
  const runs = rowsOfSite(tables.runs, site).filter(({ row }) => row.studyInstanceUid === study);
  const ids = new Set(runs.map(({ row }) => row.id));
  removeWhere(tables.runs, changes, site, ({ id }) => ids.has(id));
  removeWhere(tables.runLog, changes, site, ({ runId }) => ids.has(runId));
  removeWhere(tables.outbox, changes, site, ({ runId }) => ids.has(runId));
}

function removePack(tables: Tables, changes: Changes, site: string, pack: string): void {
  if (tables.packs.get(pack)?.site !== site) return;
  const { instances, runs, outbox } = contentsOf(tables, site, pack);
  if (instances.length + runs.length + outbox.length > 0) throw movedOn();
  changes.remove(tables.packs, pack);
}
