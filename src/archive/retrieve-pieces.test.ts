import { describe, expect, it } from '@jest/globals';
import type { BlobLocation } from '../ports/index.ts';
import { type Piece, readInOrder, readWhole } from './retrieve-pieces.ts';

const MIB = 1 << 20;
const content = Buffer.from(Uint8Array.from({ length: 5 * MIB }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

function store() {
  const reads: BlobLocation[] = [];
  const read = async (location: BlobLocation): Promise<Uint8Array> => {
    reads.push(location);
    if (location.pack === 'gone') throw new Error('gone');
    return content.subarray(location.offset, location.offset + location.length);
  };
  return { reads, read };
}

const at = (offset: number, length: number, pack = 'a'): BlobLocation => ({ pack, offset, length });

async function gather(locations: readonly BlobLocation[], blobs = store()): Promise<Buffer[]> {
  const found: Buffer[][] = locations.map(() => []);
  const ended = new Set<number>();
  for await (const group of readInOrder(blobs, locations)) {
    for (const { index, bytes, last } of group) {
      expect(ended.has(index)).toBe(false);
      found[index]!.push(Buffer.from(bytes));
      if (last) ended.add(index);
    }
  }
  expect(ended.size).toBe(locations.length);
  return found.map((pieces) => Buffer.concat(pieces));
}

describe('reading in order', () => {
  it.each<[string, BlobLocation[]]>([
    ['neighbours', [at(0, 100), at(100, 50), at(150, 1)]],
    ['with small gaps, large gaps and back again', [at(0, 10), at(20, 10), at(2 * MIB, 10), at(5, 10)]],
    ['overlapping', [at(0, 100), at(50, 100)]],
    ['in other packs', [at(0, 10), at(10, 10, 'b'), at(20, 10)]],
    ['larger than one read, between small ones', [at(0, 10), at(10, 3 * MIB + 7), at(3 * MIB + 17, 9)]],
    ['of exactly one read, and one more', [at(0, MIB), at(MIB, MIB + 1)]],
    ['empty', [at(0, 10), at(10, 0), at(10, 5)]],
    ['empty alone', [at(7, 0)]],
    ['none', []],
  ])('gives every byte of locations %s', async (_, locations) => {
    const expected = locations.map(({ offset, length }) => content.subarray(offset, offset + length));
    expect((await gather(locations)).every((bytes, i) => bytes.equals(expected[i]!))).toBe(true);
  });

  it('reads a study of neighbours in few reads of a bounded size', async () => {
    const blobs = store();
    await gather(
      Array.from({ length: 160 }, (_, i) => at(i * 32_000, 32_000)),
      blobs,
    );
    expect(blobs.reads.length).toBeLessThan(8);
    expect(Math.max(...blobs.reads.map(({ length }) => length))).toBeLessThanOrEqual(MIB);
  });

  it('stops reading when the reader stops', async () => {
    const blobs = store();
    for await (const _ of readInOrder(blobs, [at(0, 5 * MIB)])) break;
    expect(blobs.reads.length).toBeLessThan(5);
  });

  it('fails where the store fails, after what came before', async () => {
    const seen: Piece[] = [];
    const reading = (async () => {
      for await (const group of readInOrder(store(), [at(0, 10), at(0, 10, 'gone'), at(0, 10)])) seen.push(...group);
    })();
    await expect(reading).rejects.toThrow('gone');
    expect(seen).toHaveLength(1);
  });

  it('puts a location together again that took several reads', async () => {
    const whole: Uint8Array[] = [];
    for await (const bytes of readWhole(store(), [at(0, 2 * MIB + 5), at(2 * MIB + 5, 3)])) whole.push(bytes);
    expect(whole.map(({ length }) => length)).toEqual([2 * MIB + 5, 3]);
    expect(Buffer.from(whole[0]!).equals(content.subarray(0, 2 * MIB + 5))).toBe(true);
  });
});
