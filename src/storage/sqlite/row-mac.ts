import { createHmac, timingSafeEqual } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Value } from './database.ts';

const MAC_BYTES = 16;

/**
 * The MAC that a row carries: HMAC-SHA256 of the table's name and the row's values, cut to 128 bits, base64url. The
 * cipher of the file hides rows but lets somebody who can write to the disk flip bits of them.
 */
export function macOf(key: Uint8Array, table: string, values: readonly Value[]): string {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify([table, ...values]))
    .digest();
  return mac.subarray(0, MAC_BYTES).toString('base64url');
}

/** @throws damaged when the row is not the one that was written. */
export function requireMac(key: Uint8Array, table: string, values: readonly Value[], mac: Value | undefined): void {
  const expected = Buffer.from(macOf(key, table, values));
  const found = Buffer.from(String(mac ?? ''));
  if (expected.length !== found.length || !timingSafeEqual(expected, found)) {
    throw new NeuroInsightError('damaged', `a row of ${table} is not what was written`);
  }
}
