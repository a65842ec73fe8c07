import { createCipheriv, createDecipheriv, createHash, type Hash, hkdfSync } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';

/*
 * The sealed pack, format "NIE1": a header of 32 bytes, then the bytes in chunks of AES-256-GCM, each with its tag.
 *
 *   0  magic 'NIE1' | 4 algorithm 1 | 5 log2 of the chunk size | 6 two zeros | 8 nonce prefix, 7 bytes | 15 zero
 *   16 the first 16 bytes of the SHA-256 of the pack's name
 *
 * The nonce of chunk i is prefix || u32 i || 1 for the last chunk, else 0 (the STREAM construction of Hoang, Reyhanitabar,
 * Rogaway and Vizár, 2015): a chunk that was swapped, dropped or added does not verify. AAD is the header and a digest of
 * pack name, site and study, and the key is derived from the study's key with the pack's name: neither a chunk nor a whole
 * file verifies under another name. No name of a person, and no UID, stands in the file.
 */

export const HEADER_BYTES = 32;
export const TAG_BYTES = 16;
const MAGIC = Buffer.from('NIE1');
const ALGORITHM = 1;
const PREFIX_AT = 8;
const NAME_AT = 16;
export const PREFIX_BYTES = 7;
const LEAST_CHUNK_LOG2 = 12;
const MOST_CHUNK_LOG2 = 20;
const MOST_CHUNKS = 2 ** 32;

/** What a pack belongs to. */
export interface PackOwner {
  readonly pack: string;
  readonly site: string;
  readonly studyInstanceUid: string;
}

/** What the chunks of one pack are sealed with: derived, so that it opens this pack and nothing else. */
export interface PackSeal {
  readonly pack: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes: digest of what the pack belongs to; a part of the AAD. */
  readonly context: Uint8Array;
}

export function packSealOf(studyKey: Uint8Array, { pack, site, studyInstanceUid }: PackOwner): PackSeal {
  const context = createHash('sha256').update(JSON.stringify(['neuroinsight pack', pack, site, studyInstanceUid]));
  const key = new Uint8Array(hkdfSync('sha256', studyKey, pack, 'neuroinsight pack', 32));
  return { pack, key, context: context.digest() };
}

export interface PackHeader {
  readonly bytes: Uint8Array;
  readonly chunkBytes: number;
}

export function newHeader(pack: string, chunkLog2: number, prefix: Uint8Array): PackHeader {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes[4] = ALGORITHM;
  bytes[5] = chunkLog2;
  bytes.set(prefix, PREFIX_AT);
  nameDigest(pack).copy(bytes, NAME_AT);
  return { bytes, chunkBytes: 2 ** chunkLog2 };
}

const nameDigest = (pack: string): Buffer => createHash('sha256').update(pack).digest().subarray(0, 16);

/** @throws damaged for what is no header of this pack. */
export function parseHeader(bytes: Uint8Array, pack: string): PackHeader {
  const chunkLog2 = bytes[5] ?? 0;
  const known = chunkLog2 >= LEAST_CHUNK_LOG2 && chunkLog2 <= MOST_CHUNK_LOG2;
  const prefix = bytes.subarray(PREFIX_AT, PREFIX_AT + PREFIX_BYTES);
  if (!known || Buffer.compare(newHeader(pack, chunkLog2, prefix).bytes, bytes) !== 0) {
    throw damaged('the header of a pack is not the one that was written');
  }
  return { bytes, chunkBytes: 2 ** chunkLog2 };
}

export function damaged(message: string, cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('damaged', message, { cause });
}

export interface PackLayout {
  readonly chunks: number;
  /** Bytes that were appended. */
  readonly plainBytes: number;
}

/** @throws damaged for a size that no pack has. */
export function layoutOf(fileBytes: number, chunkBytes: number): PackLayout {
  const body = fileBytes - HEADER_BYTES;
  const chunks = Math.max(1, Math.ceil(body / (chunkBytes + TAG_BYTES)));
  const last = body - (chunks - 1) * (chunkBytes + TAG_BYTES);
  if (last < TAG_BYTES || (last === TAG_BYTES && chunks > 1) || chunks > MOST_CHUNKS) {
    throw damaged('a pack has a size that no pack has');
  }
  return { chunks, plainBytes: body - chunks * TAG_BYTES };
}

/** Where chunk `index` begins in the file. */
export const chunkAt = (index: number, chunkBytes: number): number => HEADER_BYTES + index * (chunkBytes + TAG_BYTES);

function nonceOf(header: PackHeader, index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.set(header.bytes.subarray(PREFIX_AT, PREFIX_AT + PREFIX_BYTES));
  nonce.writeUInt32BE(index, PREFIX_BYTES);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** Opens chunks of one pack. */
export interface ChunkOpener {
  readonly header: PackHeader;
  /** @param sealed ciphertext and tag. @throws damaged when one bit of it, or its place, is another. */
  open(index: number, isLast: boolean, sealed: Uint8Array): Buffer;
}

export function createChunkOpener({ key, context }: PackSeal, header: PackHeader): ChunkOpener {
  const aad = Buffer.concat([header.bytes, context]);
  return {
    header,
    open(index, isLast, sealed) {
      const nonce = nonceOf(header, index, isLast);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(aad);
      if (sealed.length < TAG_BYTES) throw damaged('a chunk of a pack is cut off');
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const plain = decipher.update(sealed.subarray(0, -TAG_BYTES));
      try {
        decipher.final();
      } catch (cause) {
        throw damaged('a chunk of a pack is not the one that was written', cause);
      }
      return plain;
    },
  };
}

/** Seals the bytes of one pack from front to back. */
export interface ChunkSealer {
  /** Pieces of the file, in order, a chunk at a time. What of `bytes` does not fill a chunk is copied and kept. */
  take(bytes: Uint8Array): Generator<readonly Uint8Array[]>;
  /** The end of the file, and what is known of the whole. Once. */
  end(): { readonly pieces: readonly Uint8Array[]; readonly bytes: number; readonly sha256: string };
}

export function createChunkSealer(seal: PackSeal, chunkLog2: number, prefix: Uint8Array): ChunkSealer {
  const header = newHeader(seal.pack, chunkLog2, prefix);
  const { chunkBytes } = header;
  const aad = Buffer.concat([header.bytes, seal.context]);
  const pending = Buffer.allocUnsafeSlow(chunkBytes);
  const hash: Hash = createHash('sha256');
  let filled = 0;
  let index = 0;
  let written = 0;
  const sealChunk = (plain: Uint8Array, isLast: boolean): readonly Uint8Array[] => {
    if (index >= MOST_CHUNKS) throw new NeuroInsightError('storage-full', 'a pack takes no more chunks');
    const cipher = createCipheriv('aes-256-gcm', seal.key, nonceOf(header, index, isLast));
    cipher.setAAD(aad);
    const sealed = cipher.update(plain);
    cipher.final();
    const pieces = [...(index === 0 ? [header.bytes] : []), sealed, cipher.getAuthTag()];
    for (const piece of pieces) {
      hash.update(piece);
      written += piece.length;
    }
    index++;
    return pieces;
  };
  return {
    *take(bytes) {
      let at = 0;
      while (at < bytes.length) {
        // Only when more follows is it known that a chunk is not the last one.
        if (filled === chunkBytes) {
          yield sealChunk(pending, false);
          filled = 0;
        }
        if (filled === 0 && bytes.length - at > chunkBytes) {
          yield sealChunk(bytes.subarray(at, at + chunkBytes), false);
          at += chunkBytes;
          continue;
        }
        const part = bytes.subarray(at, at + chunkBytes - filled);
        pending.set(part, filled);
        filled += part.length;
        at += part.length;
      }
    },
    end() {
      const pieces = sealChunk(pending.subarray(0, filled), true);
      return { pieces, bytes: written, sha256: hash.digest('hex') };
    },
  };
}
