import type { Change, Commit, DocumentRow, PackRow, Relocation, Rewrap, StudyKeyRow } from '../../ports/index.ts';
import type { Operation } from './operation.ts';
import { assertNextVersion } from './plan-commit.ts';
import { placeColumns } from './plan-instances.ts';
import type { MacKey } from './row-mac.ts';
import { packColumns, sealOf } from './sealed-rows.ts';

/** Keys, packs, moves between packs, and documents of a commit. @param key of the MACs of rows. */
export function planSealing(commit: Commit, key: MacKey): Operation[] {
  const { site } = commit;
  return [
    ...(commit.studyKeys ?? []).flatMap((row) => planStudyKey(site, row)),
    ...(commit.rewraps ?? []).map((rewrap) => planRewrap(site, rewrap)),
    ...(commit.packs ?? []).map((row) => planPack(site, row, key)),
    ...(commit.relocations ?? []).flatMap((relocation) => planRelocation(site, relocation, key)),
    ...(commit.documents ?? []).map((change) => planDocument(site, change, key)),
  ];
}

function planStudyKey(site: string, { studyInstanceUid: study, kekId, wrapped, createdAt }: StudyKeyRow): Operation[] {
  return [
    ['find other study key', [site, study, wrapped], 'none'],
    ['add study key', [site, study, kekId, wrapped, createdAt]],
  ];
}

function planRewrap(site: string, { fromKekId, row }: Rewrap): Operation {
  return ['rewrap study key', [site, row.studyInstanceUid, fromKekId, row.kekId, row.wrapped, row.createdAt], 'one'];
}

function planPack(site: string, row: PackRow, key: MacKey): Operation {
  const columns = packColumns(site, row);
  return ['put pack', [...Object.values(columns), sealOf(key, 'pack', columns)], 'one'];
}

function planRelocation(site: string, relocation: Relocation, key: MacKey): Operation[] {
  const { sopInstanceUid: uid, fromPack, blob, metadata } = relocation;
  const place = placeColumns(site, relocation);
  const mac = sealOf(key, 'place', place);
  const owner = `metadata/${uid}`;
  return [
    ['relocate instance', [...Object.values(place), mac, fromPack], 'one'],
    ['forget packs', [site, owner]],
    ...(metadata.pack === blob.pack ? [] : [['refer to pack', [site, owner, metadata.pack]] as Operation]),
  ];
}

function planDocument(site: string, { expected, row }: Change<DocumentRow>, key: MacKey): Operation {
  assertNextVersion(expected, row.version);
  const { kind, id, version } = row;
  const columns = { site, kind, id, version, row: JSON.stringify(row.content) };
  const mac = sealOf(key, 'document', columns);
  const action = expected === 0 ? 'create' : 'update';
  return [
    expected === 0 ? 'create document' : 'update document',
    [...Object.values(columns), mac],
    'one',
    { said: { kind: 'document', action, key: `${kind}/${id}`, version, mac } },
  ];
}
