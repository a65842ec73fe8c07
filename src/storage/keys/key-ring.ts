import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { KeyRing, WrappedKey } from '../../ports/index.ts';

/** A key-encryption key in memory. */
export interface Kek {
  /** Derived from the key, so that no key goes by another's name: see `kekIdOf`. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** The name of a KEK: 16 hexadecimal digits that tell keys apart and say nothing about them. */
export function kekIdOf(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'neuroinsight kek id', 8)).toString('hex');
}

/** @param keks the first is current, the others can only unwrap. */
export function createKeyRing(keks: readonly Kek[]): KeyRing {
  const [current] = keks;
  if (!current) throw new Error('a key ring holds at least one key');
  const wrapping = new Map(
    keks.map(({ id, key }) => [id, Buffer.from(hkdfSync('sha256', key, '', 'neuroinsight kek wrap', KEY_BYTES))]),
  );
  return {
    currentKekId: current.id,
    wrap(key, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', wrapping.get(current.id)!, nonce);
      cipher.setAAD(Buffer.from(context));
      const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
      return { kekId: current.id, wrapped: wrapped.toString('base64') };
    },
    unwrap: (wrapped, context) => unwrap(wrapping.get(wrapped.kekId), wrapped, context),
  };
}

function unwrap(kek: Uint8Array | undefined, { kekId, wrapped }: WrappedKey, context: string): Uint8Array {
  if (!kek) throw new NeuroInsightError('wrong-key', `the key-encryption key ${kekId} is not at hand`);
  const bytes = Buffer.from(wrapped, 'base64');
  if (bytes.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) throw unwrapped();
  const decipher = createDecipheriv('aes-256-gcm', kek, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw unwrapped(cause);
  }
}

function unwrapped(cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('wrong-key', 'a wrapped key is damaged or belongs to something else', { cause });
}
