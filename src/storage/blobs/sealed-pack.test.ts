import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BlobLocation } from '../../ports/index.ts';
import { openPackReads, type PackAccess } from './open-packs.ts';
import { chunkAt, createChunkSealer, HEADER_BYTES, layoutOf, packSealOf, TAG_BYTES } from './sealed-pack.ts';

const CHUNK_LOG2 = 12;
const CHUNK = 2 ** CHUNK_LOG2;
const STUDY_KEY = createHash('sha256').update('study').digest();
const nameOf = (n: number): string => n.toString(16).padStart(32, '0');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-sealed-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Sealed {
  readonly pack: string;
  readonly plain: Buffer;
  readonly file: Buffer;
  readonly access: PackAccess;
}

function seal(
  pack: string,
  plain: Buffer,
  pieceBytes = 1000,
  owner = { site: 'main', studyInstanceUid: '1.2.3' },
): Sealed {
  const key = packSealOf(STUDY_KEY, { pack, ...owner });
  const sealer = createChunkSealer(key, CHUNK_LOG2, Buffer.alloc(7, 9));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += pieceBytes) {
    for (const sealed of sealer.take(plain.subarray(at, at + pieceBytes))) pieces.push(...sealed);
  }
  const end = sealer.end();
  const file = Buffer.concat([...pieces, ...end.pieces]);
  expect([end.bytes, end.sha256]).toEqual([file.length, createHash('sha256').update(file).digest('hex')]);
  return { pack, plain, file, access: { ...key, bytes: file.length } };
}

const pathOf = (pack: string): string => join(folder, '00', `${pack}.pack`);

/** What a store gives for a pack whose file is this one now: the bytes, or the kind of its refusal. */
async function readAs({ access, pack, plain }: Sealed, file: Uint8Array, range?: readonly [number, number]) {
  writeFileSync(pathOf(pack), file);
  const reads = openPackReads(folder, async () => access);
  const location: BlobLocation = { pack, offset: 0, length: plain.length };
  try {
    return Buffer.from(await reads.read(location, range));
  } catch (error) {
    return (error as { readonly kind?: string }).kind ?? error;
  } finally {
    await reads.close();
  }
}

beforeAll(async () => {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(folder, '00'));
});

describe('a sealed pack', () => {
  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])(
    'of %d bytes gives every range of them, in whatever pieces they came',
    async (bytes) => {
      for (const pieceBytes of [1, CHUNK, CHUNK + 1, 10 * CHUNK]) {
        const sealed = seal(nameOf(1), randomBytes(bytes), pieceBytes);
        expect(layoutOf(sealed.file.length, CHUNK)).toMatchObject({ plainBytes: bytes });
        expect(await readAs(sealed, sealed.file)).toEqual(sealed.plain);
        for (const [first, last] of [
          [0, 0],
          [CHUNK - 1, CHUNK],
          [CHUNK, 2 * CHUNK - 1],
          [1, bytes - 2],
          [bytes - 1, bytes - 1],
        ] as const) {
          if (first < 0 || last >= bytes || last < first) continue;
          expect(await readAs(sealed, sealed.file, [first, last])).toEqual(sealed.plain.subarray(first, last + 1));
        }
      }
    },
  );

  it('holds nothing of its bytes, its study or its site in clear', () => {
    const text = 'CANARY^NAME '.repeat(1000);
    const { file } = seal(nameOf(1), Buffer.from(text), 999, { site: 'clinic', studyInstanceUid: '1.2.840.99999' });
    for (const canary of ['CANARY', 'clinic', '99999']) expect(file.includes(canary)).toBe(false);
  });

  it('is damaged when one bit of any of its bytes is another', async () => {
    const sealed = seal(nameOf(2), randomBytes(2 * CHUNK + 9));
    const survived: number[] = [];
    // Every byte of the header, of the tags and of the last chunk, and a part of the others, so that it is quick.
    for (let at = 0; at < sealed.file.length; at++) {
      const isWithin = at > HEADER_BYTES + 40 && at < chunkAt(2, CHUNK) - TAG_BYTES - 40 && at % 37 !== 0;
      if (isWithin) continue;
      const flipped = Buffer.from(sealed.file);
      flipped[at]! ^= 1 << (at % 8);
      if ((await readAs(sealed, flipped)) !== 'damaged') survived.push(at);
    }
    expect(survived).toEqual([]);
  });

  it('is damaged when it was cut anywhere, or grew', async () => {
    const sealed = seal(nameOf(3), randomBytes(CHUNK + 9));
    const survived: number[] = [];
    for (let size = 0; size < sealed.file.length; size += size > 60 && size < CHUNK - 60 ? 29 : 1) {
      if ((await readAs(sealed, sealed.file.subarray(0, size))) !== 'damaged') survived.push(size);
    }
    expect(survived).toEqual([]);
    for (const more of [Buffer.alloc(1), Buffer.alloc(CHUNK + TAG_BYTES), sealed.file.subarray(HEADER_BYTES)]) {
      expect(await readAs(sealed, Buffer.concat([sealed.file, more]))).toBe('damaged');
    }
  });

  it('is damaged when chunks changed places, were doubled or left out', async () => {
    const sealed = seal(nameOf(4), randomBytes(4 * CHUNK));
    const chunks = [0, 1, 2, 3].map((i) => sealed.file.subarray(chunkAt(i, CHUNK), chunkAt(i + 1, CHUNK)));
    const header = sealed.file.subarray(0, HEADER_BYTES);
    for (const order of [[1, 0, 2, 3], [0, 1, 3, 2], [0, 0, 2, 3], [0, 1, 2], [0, 2, 3], [3], [0, 1, 2, 3, 3], []]) {
      expect(await readAs(sealed, Buffer.concat([header, ...order.map((i) => chunks[i]!)]))).toBe('damaged');
    }
  });

  it('is damaged under every other header, also one of another pack of the study', async () => {
    const plain = randomBytes(2 * CHUNK);
    const [one, other] = [seal(nameOf(5), plain), seal(nameOf(6), plain)];
    expect(await readAs(one, other.file)).toBe('damaged');
    const mixed = (header: Buffer, body: Buffer) =>
      Buffer.concat([header.subarray(0, HEADER_BYTES), body.subarray(HEADER_BYTES)]);
    expect(await readAs(one, mixed(one.file, other.file))).toBe('damaged');
    expect(await readAs(one, mixed(other.file, one.file))).toBe('damaged');
    for (const [at, values] of [
      [5, [0, 11, 13, 20, 21, 255]],
      [4, [0, 2]],
      [6, [1]],
      [15, [1]],
    ] as const) {
      for (const value of values) {
        const edited = Buffer.from(one.file);
        edited[at] = value;
        expect(await readAs(one, edited)).toBe('damaged');
      }
    }
  });

  it('opens for nobody who puts it into another study, site or name', async () => {
    const sealed = seal(nameOf(7), randomBytes(10));
    for (const owner of [
      { pack: nameOf(7), site: 'main', studyInstanceUid: '1.2.4' },
      { pack: nameOf(7), site: 'other', studyInstanceUid: '1.2.3' },
      { pack: nameOf(8), site: 'main', studyInstanceUid: '1.2.3' },
    ]) {
      const access = { ...packSealOf(STUDY_KEY, owner), bytes: sealed.file.length };
      expect(await readAs({ ...sealed, access, pack: owner.pack }, sealed.file)).toBe('damaged');
    }
  });

  it('gives the chunks that verify of a file that was cut or flipped elsewhere', async () => {
    const sealed = seal(nameOf(9), randomBytes(3 * CHUNK));
    const flipped = Buffer.from(sealed.file);
    flipped[chunkAt(1, CHUNK)]! ^= 1;
    expect(await readAs(sealed, flipped, [0, CHUNK - 1])).toEqual(sealed.plain.subarray(0, CHUNK));
    expect(await readAs(sealed, flipped, [0, CHUNK])).toBe('damaged');
    expect(await readAs(sealed, flipped, [2 * CHUNK, 3 * CHUNK - 1])).toEqual(sealed.plain.subarray(2 * CHUNK));
    const cut = sealed.file.subarray(0, chunkAt(2, CHUNK));
    expect(await readAs(sealed, cut, [0, 2 * CHUNK - 1])).toEqual(sealed.plain.subarray(0, 2 * CHUNK));
    expect(await readAs(sealed, cut, [0, 2 * CHUNK])).toBe('damaged');
  });

  it('streams nothing of a chunk that does not verify', async () => {
    const sealed = seal(nameOf(10), randomBytes(2 * CHUNK));
    const flipped = Buffer.from(sealed.file);
    flipped[flipped.length - 1]! ^= 1;
    writeFileSync(pathOf(sealed.pack), flipped);
    const reads = openPackReads(folder, async () => sealed.access);
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of reads.stream({ pack: sealed.pack, offset: 0, length: sealed.plain.length }))
        seen.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ kind: 'damaged' });
    expect(seen).toEqual([]);
    await reads.close();
  });

  it('says that a file is missing that the rows know', async () => {
    const sealed = seal(nameOf(11), randomBytes(10));
    const reads = openPackReads(folder, async () => sealed.access);
    const location = { pack: sealed.pack, offset: 0, length: 10 };
    await expect(reads.read(location)).rejects.toMatchObject({ kind: 'damaged' });
    writeFileSync(pathOf(sealed.pack), sealed.file);
    expect(await reads.read(location)).toEqual(sealed.plain);
    copyFileSync(pathOf(sealed.pack), pathOf(nameOf(12)));
    truncateSync(pathOf(nameOf(12)), 5);
    expect(readFileSync(pathOf(nameOf(12)))).toHaveLength(5);
    await reads.close();
  });
});
