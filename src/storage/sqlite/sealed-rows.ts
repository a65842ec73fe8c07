import type { PackRow } from '../../ports/index.ts';
import type { Value } from './database.ts';
import { type MacKey, macOf } from './row-mac.ts';

/**
 * What the MAC of each kind of row covers: the names of the columns in the order in which their values are given to
 * `macOf`, which is told the kind. A row holds what it is found by as well as what it says, so that no row can be put in
 * another's place; what is not covered is derived from what is (columns that searches compare, counts of a study) and
 * can hide a row from a search but never change an answer's content.
 *
 * An instance has two: `mac` over what never changes, `place_mac` over where its bytes lie, which a compaction moves.
 * A study key has none: its wrapping is authenticated and bound to site and study.
 */
export const SEALED = {
  /** The same in `resources` and `resource_versions`; json is null for a deletion. */
  resource: ['site', 'type', 'id', 'version', 'last_updated', 'method', 'json'],
  study: ['site', 'StudyInstanceUID', 'attributes'],
  series: ['site', 'StudyInstanceUID', 'SeriesInstanceUID', 'attributes'],
  instance: [
    'site',
    'StudyInstanceUID',
    'SeriesInstanceUID',
    'SOPInstanceUID',
    'SOPClassUID',
    'InstanceNumber',
    'transfer_syntax',
    'frames',
    'received_sha256',
    'stored_sha256',
    'received_at',
    'received_from',
    'is_source',
    'attributes',
  ],
  place: [
    'site',
    'SOPInstanceUID',
    'pack',
    'blob_offset',
    'blob_length',
    'metadata_pack',
    'metadata_offset',
    'metadata_length',
  ],
  run: ['site', 'id', 'row'],
  'run log': ['site', 'run_id', 'at', 'level', 'message'],
  outbox: ['site', 'id', 'row'],
  'api key': ['site', 'id', 'secret_sha256', 'row'],
  seen: ['site', 'source', 'study', 'row'],
  audit: ['site', 'id', 'row'],
  pack: ['site', 'pack', 'study', 'bytes', 'sha256', 'sealed_at', 'tier', 'checked_at', 'damage'],
  document: ['site', 'kind', 'id', 'version', 'row'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type SealedKind = keyof typeof SEALED;

/** The values of a row of a kind, by column. */
export type SealedValues<Kind extends SealedKind> = Readonly<Record<(typeof SEALED)[Kind][number], Value>>;

/** The MAC of a row, from its values by column. */
export function sealOf<Kind extends SealedKind>(key: MacKey, kind: Kind, row: SealedValues<Kind>): string {
  const columns: readonly string[] = SEALED[kind];
  const values = row as Readonly<Record<string, Value>>;
  return macOf(
    key,
    kind,
    columns.map((column) => values[column]!),
  );
}

/** The columns of a pack's row. */
export function packColumns(site: string, row: PackRow): SealedValues<'pack'> {
  return {
    site,
    pack: row.pack,
    study: row.studyInstanceUid,
    bytes: row.bytes,
    sha256: row.sha256,
    sealed_at: row.sealedAt,
    tier: row.tier,
    checked_at: row.checkedAt ?? null,
    damage: row.damage ?? null,
  };
}
