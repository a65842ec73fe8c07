import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Value } from './database.ts';

const MAC_BYTES = 16;

/** The key of the MACs of rows, as bytes or made ready: Node takes several times as long for bytes. */
export type MacKey = Uint8Array | KeyObject;

export const readyMacKey = (bytes: Uint8Array): KeyObject => createSecretKey(bytes);

/**
 * The MAC that a row carries: HMAC-SHA256 of the row's kind and values, cut to 128 bits, base64url. The cipher of the
 * file hides rows but lets somebody who can write to the disk flip bits of them. Each text has its length before it, so
 * that no two lists of values read alike.
 */
export function macOf(key: MacKey, kind: string, values: readonly Value[]): string {
  let text = framed(kind);
  for (const value of values) text += framed(value);
  return createHmac('sha256', key).update(text).digest().subarray(0, MAC_BYTES).toString('base64url');
}

const framed = (value: Value): string => (typeof value === 'string' ? `${value.length}:${value}` : `${value};`);

/** @throws damaged when the row is not the one that was written. */
export function requireMac(key: MacKey, kind: string, values: readonly Value[], mac: Value | undefined): void {
  const expected = Buffer.from(macOf(key, kind, values));
  const found = Buffer.from(String(mac ?? ''));
  if (expected.length !== found.length || !timingSafeEqual(expected, found)) {
    throw new NeuroInsightError('damaged', `a row of the kind ${kind} is not what was written`);
  }
}
