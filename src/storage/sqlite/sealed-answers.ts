import type { Table, Value } from './database.ts';
import { requireMac } from './row-mac.ts';
import { SEALED, type SealedKind } from './sealed-rows.ts';

/**
 * What a row of an answer carries a MAC of: a row of a kind with its columns as they are named, or a part of a joined
 * row, whose columns say whose they are: study_attributes, study_mac.
 */
export type SealName = SealedKind | `joined ${'study' | 'series' | 'instance'}`;

interface Seal {
  readonly kind: SealedKind;
  /** Names of the answer's columns that the MAC covers, in its order. */
  readonly columns: readonly string[];
  /** Name of the column with the MAC. */
  readonly mac: string;
}

function sealOf(name: SealName): Seal {
  if (!name.startsWith('joined ')) {
    const kind = name as SealedKind;
    return { kind, columns: SEALED[kind], mac: kind === 'place' ? 'place_mac' : 'mac' };
  }
  const kind = name.slice('joined '.length) as 'study' | 'series' | 'instance';
  const columns = SEALED[kind].map((column) => (column === 'attributes' ? `${kind}_attributes` : column));
  return { kind, columns, mac: `${kind}_mac` };
}

/**
 * Holds each row of an answer to the MACs that it carries. Rows that repeat a part of the row before them (instances
 * their study) have it checked once.
 *
 * @throws damaged for the first row that is not what was written.
 */
export function requireSealed(key: Uint8Array, { columns, rows }: Table, seals: readonly SealName[]): void {
  for (const seal of seals.map(sealOf)) {
    const places = seal.columns.map((name) => placeOf(columns, name));
    const macPlace = placeOf(columns, seal.mac);
    let checked: readonly Value[] | undefined;
    for (const row of rows) {
      if (checked && row[macPlace] === checked[macPlace] && places.every((place) => row[place] === checked![place])) {
        continue;
      }
      const values = places.map((place) => row[place] ?? null);
      requireMac(key, seal.kind, values, row[macPlace]);
      checked = row;
    }
  }
}

function placeOf(columns: readonly string[], name: string): number {
  const place = columns.indexOf(name);
  if (place < 0) throw new Error(`the answer has no column ${name} to check`);
  return place;
}
