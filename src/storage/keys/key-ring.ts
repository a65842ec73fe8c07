import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { KeyRing, Ledger, PackReader, WrappedKey } from '../../ports/index.ts';

/** A key-encryption key in memory. */
export interface Kek {
  /** Derived from the key, so that no key goes by another's name: see `kekIdOf`. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** A ring that goes on to other keys while those who hold it go on using it. */
export interface LiveKeyRing extends KeyRing {
  /** The same key under the current KEK; the same bytes however often it is asked. @throws wrong-key, as unwrap does. */
  rewrap(wrapped: WrappedKey, context: string): WrappedKey;
  /** Wraps under this KEK from now on. What lies under the ones before can still be unwrapped until the process ends. */
  become(current: Kek): void;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** The name of a KEK: 16 hexadecimal digits that tell keys apart and say nothing about them. */
export function kekIdOf(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'neuroinsight kek id', 8)).toString('hex');
}

/** What a KEK is used by: one key to wrap with, another to choose nonces with. */
interface Wrapping {
  readonly id: string;
  readonly key: Uint8Array;
  readonly nonces: Uint8Array;
}

const wrappingOf = ({ id, key }: Kek): Wrapping => ({
  id,
  key: Buffer.from(hkdfSync('sha256', key, '', 'neuroinsight kek wrap', KEY_BYTES)),
  nonces: Buffer.from(hkdfSync('sha256', key, '', 'neuroinsight kek rewrap nonce', KEY_BYTES)),
});

/** @param keks the first is current, the others can only unwrap. */
export function createKeyRing(keks: readonly Kek[]): LiveKeyRing {
  const [first] = keks;
  if (!first) throw new Error('a key ring holds at least one key');
  const known = new Map(keks.map((kek) => [kek.id, wrappingOf(kek)]));
  let current = known.get(first.id)!;
  return {
    get currentKekId() {
      return current.id;
    },
    wrap: (key, context) => wrap(current, key, context, randomBytes(NONCE_BYTES)),
    unwrap: (wrapped, context) => unwrap(known.get(wrapped.kekId), wrapped, context),
    rewrap(wrapped, context) {
      if (wrapped.kekId === current.id) return { kekId: wrapped.kekId, wrapped: wrapped.wrapped };
      const key = unwrap(known.get(wrapped.kekId), wrapped, context);
      // The nonce of one key in one place comes again with that very key and context only, and then gives the same bytes:
      // so two who carry the same row over at once write the same.
      const nonce = createHmac('sha256', current.nonces)
        .update(JSON.stringify([wrapped.kekId, wrapped.wrapped, context]))
        .digest()
        .subarray(0, NONCE_BYTES);
      return wrap(current, key, context, nonce);
    },
    become(kek) {
      const wrapping = known.get(kek.id) ?? wrappingOf(kek);
      known.set(kek.id, wrapping);
      current = wrapping;
    },
  };
}

/** The context in which the key of a study is wrapped: no row can be moved to another study. */
export const studyContext = (site: string, studyInstanceUid: string): string => `study/${site}/${studyInstanceUid}`;

/**
 * A ledger that stores study keys under the current KEK: a key that was wrapped before a rotation began, for an upload
 * that takes long, would otherwise come to lie under a KEK that is given up.
 */
export function keepingUp(
  ledger: Ledger,
  ring: Pick<LiveKeyRing, 'currentKekId' | 'rewrap'>,
  packs: Pick<PackReader, 'studyKey'>,
): Ledger {
  return {
    async commit(commit) {
      const { site, studyKeys = [] } = commit;
      if (studyKeys.every(({ kekId }) => kekId === ring.currentKekId)) return ledger.commit(commit);
      const moved = studyKeys.map((row) => ({ ...row, ...ring.rewrap(row, studyContext(site, row.studyInstanceUid)) }));
      try {
        return await ledger.commit({ ...commit, studyKeys: moved });
      } catch (error) {
        if (!(error instanceof NeuroInsightError && error.kind === 'conflict')) throw error;
        // The same key may have been stored as it was, and wait to be moved.
        const stored = await Promise.all(studyKeys.map((row) => packs.studyKey(site, row.studyInstanceUid)));
        const left = moved.filter((_, n) => stored[n]?.wrapped !== studyKeys[n]!.wrapped);
        if (left.length === moved.length) throw error;
        return ledger.commit({ ...commit, studyKeys: left });
      }
    },
  };
}

function wrap({ id, key: kek }: Wrapping, key: Uint8Array, context: string, nonce: Uint8Array): WrappedKey {
  const cipher = createCipheriv('aes-256-gcm', kek, nonce);
  cipher.setAAD(Buffer.from(context));
  const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  return { kekId: id, wrapped: wrapped.toString('base64') };
}

function unwrap(kek: Wrapping | undefined, { kekId, wrapped }: WrappedKey, context: string): Uint8Array {
  if (!kek) throw new NeuroInsightError('wrong-key', `the key-encryption key ${kekId} is not at hand`);
  const bytes = Buffer.from(wrapped, 'base64');
  if (bytes.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) throw unwrapped();
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: TAG_BYTES });
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
