import type { BlobLocation, Change, Commit, DocumentRow, Relocation, Rewrap, StudyKeyRow } from '../../ports/index.ts';
import { assertCurrent, type Changes, keyOf, movedOn, type Tables, taken } from './tables.ts';

/** Keys, packs, moves between packs, and documents of a commit. */
export function applySealing(tables: Tables, changes: Changes, commit: Commit): void {
  const { site } = commit;
  for (const row of commit.studyKeys ?? []) applyStudyKey(tables, changes, site, row);
  for (const rewrap of commit.rewraps ?? []) applyRewrap(tables, changes, site, rewrap);
  for (const row of commit.packs ?? []) {
    const known = tables.packs.get(row.pack);
    if (known && known.site !== site) throw taken();
    if (!tables.studyKeys.has(keyOf(site, row.studyInstanceUid))) throw movedOn();
    changes.set(tables.packs, row.pack, site, row);
  }
  for (const relocation of commit.relocations ?? []) applyRelocation(tables, changes, site, relocation);
  for (const change of commit.documents ?? []) applyDocument(tables, changes, site, change);
}

function applyStudyKey(tables: Tables, changes: Changes, site: string, row: StudyKeyRow): void {
  const key = keyOf(site, row.studyInstanceUid);
  const known = tables.studyKeys.get(key)?.row;
  if (known === undefined) changes.set(tables.studyKeys, key, site, row);
  else if (known.wrapped !== row.wrapped) throw taken();
}

function applyRewrap(tables: Tables, changes: Changes, site: string, { fromKekId, row }: Rewrap): void {
  const key = keyOf(site, row.studyInstanceUid);
  if (tables.studyKeys.get(key)?.row.kekId !== fromKekId) throw movedOn();
  changes.set(tables.studyKeys, key, site, row);
}

function applyRelocation(tables: Tables, changes: Changes, site: string, relocation: Relocation): void {
  const key = keyOf(site, relocation.sopInstanceUid);
  const row = tables.instances.get(key)?.row;
  if (row?.blob.pack !== relocation.fromPack) throw movedOn();
  const { blob, metadata }: { readonly blob: BlobLocation; readonly metadata: BlobLocation } = relocation;
  changes.set(tables.instances, key, site, { ...row, blob, metadata });
}

function applyDocument(tables: Tables, changes: Changes, site: string, { expected, row }: Change<DocumentRow>): void {
  const key = keyOf(site, row.kind, row.id);
  assertCurrent(expected, tables.documents.get(key)?.row.version, row.version);
  changes.set(tables.documents, key, site, row);
  const action = expected === 0 ? 'create' : 'update';
  changes.said.push({ kind: 'document', action, key: `${row.kind}/${row.id}`, version: row.version });
}
