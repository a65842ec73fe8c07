import { createHash } from 'node:crypto';
import type { KeyRing } from '../../src/ports/index.ts';
import type { DataKeys } from '../../src/storage/keys/data-keys.ts';
import { createKeyRing, kekIdOf } from '../../src/storage/keys/key-ring.ts';

const bytesOf = (name: string): Buffer => createHash('sha256').update(`test key ${name}`).digest();

/** Keys for tests: always the same, so that a store can be opened again. */
export const TEST_DATA_KEYS: DataKeys = {
  database: bytesOf('database').toString('hex'),
  rowMac: bytesOf('row mac'),
  signingSeed: bytesOf('signing'),
};

/** A ring with one KEK for each name; the first is current. */
export function testKeyRing(...names: readonly string[]): KeyRing {
  const keys = (names.length === 0 ? ['kek'] : names).map(bytesOf);
  return createKeyRing(keys.map((key) => ({ id: kekIdOf(key), key })));
}
