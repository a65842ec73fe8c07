import type { NeuroInsightError } from '../../domain/errors.ts';
import type { Table, Value } from './database.ts';
import { type MacKey, requireMac } from './row-mac.ts';
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
 * Holds each row of an answer to the MACs that it carries.
 *
 * @throws damaged for the first row that is not what was written.
 */
export function requireSealed(key: MacKey, table: Table, seals: readonly SealName[]): void {
  for (const name of seals) for (const error of brokenSeals(key, table, name)) if (error) throw error;
}

/**
 * The error, or nothing, for each row of the answer. Rows that repeat a part of the row before them (instances their
 * study) have it checked once.
 */
export function* brokenSeals(
  key: MacKey,
  { columns, rows }: Table,
  name: SealName,
): Generator<NeuroInsightError | undefined> {
  const seal = sealOf(name);
  const places = [...seal.columns, seal.mac].map((column) => placeOf(columns, column));
  let before: readonly Value[] | undefined;
  let broken: NeuroInsightError | undefined;
  for (const row of rows) {
    const isRepeated = before !== undefined && places.every((place) => row[place] === before![place]);
    if (!isRepeated)
      broken = brokenSeal(
        key,
        seal.kind,
        places.map((place) => row[place] ?? null),
      );
    before = row;
    yield broken;
  }
}

/** @param values that the MAC covers, and the MAC. */
function brokenSeal(key: MacKey, kind: SealedKind, values: readonly Value[]): NeuroInsightError | undefined {
  try {
    requireMac(key, kind, values.slice(0, -1), values.at(-1));
    return undefined;
  } catch (error) {
    return error as NeuroInsightError;
  }
}

function placeOf(columns: readonly string[], name: string): number {
  const place = columns.indexOf(name);
  if (place < 0) throw new Error(`the answer has no column ${name} to check`);
  return place;
}
