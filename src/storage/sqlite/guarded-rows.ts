import { NeuroInsightError } from '../../domain/errors.ts';

/*
 * The driver ends the whole process for text that is not UTF-8, which is what a bit that was flipped under the cipher
 * makes of sixteen bytes. So each row is fetched as one run of bytes, JSON, and decoded here.
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether the statement only reads; others give back no text that is stored. */
export const isGuarded = (sql: string): boolean => /^\s*(SELECT|WITH)\b/i.test(sql);

/** The statement with each row of so many columns as one value. Reals lose what is beyond 15 digits: none is read. */
export function guardedSql(sql: string, columns: number): string {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`).join(', ');
  return `WITH answer(${names}) AS (${sql}) SELECT CAST(json_array(${names}) AS BLOB) FROM answer`;
}

/** @throws damaged for bytes that are not what this software writes. */
export function guardedRow(bytes: Uint8Array): (string | number | null)[] {
  try {
    return JSON.parse(decoder.decode(bytes)) as (string | number | null)[];
  } catch (cause) {
    throw new NeuroInsightError('damaged', 'a page of the database is not what was written', { cause });
  }
}
