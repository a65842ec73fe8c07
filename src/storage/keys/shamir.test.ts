import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { joinShares, type Share, splitSecret } from './shamir.ts';

const SECRET = createHash('sha256').update('secret').digest();

/** Every choice of so many members. */
function choices<T>(from: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return from.flatMap((first, at) => choices(from.slice(at + 1), size - 1).map((rest) => [first, ...rest]));
}

describe("Shamir's scheme", () => {
  it.each([
    [2, 2],
    [2, 5],
    [3, 5],
    [5, 5],
    [4, 7],
  ])('gives the secret back from any %d of %d shares, in any order, and from more', (threshold, count) => {
    const shares = splitSecret(SECRET, { threshold, count }, randomBytes);
    expect(shares.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, place) => place + 1));
    for (let size = threshold; size <= count; size++) {
      for (const some of choices(shares, size)) {
        expect(Buffer.from(joinShares(some))).toEqual(SECRET);
        expect(Buffer.from(joinShares(some.toReversed()))).toEqual(SECRET);
      }
    }
  });

  it('says nothing with one share less: any secret is as likely', () => {
    // One byte, two of two: whatever the secret is, its first share takes each value for exactly one coefficient.
    for (const secret of [0, 1, 0x53, 0xff]) {
      const first = Array.from({ length: 256 }, (_, coefficient) => {
        const [share] = splitSecret(Uint8Array.of(secret), { threshold: 2, count: 2 }, () =>
          Uint8Array.of(coefficient),
        );
        return share!.bytes[0];
      });
      expect(new Set(first).size).toBe(256);
    }
  });

  it('reckons in the field of AES', () => {
    // FIPS 197 4.2: {57} x {83} = {c1}; a line through 0 with the slope {57} has that value at {83}.
    const shares = splitSecret(Uint8Array.of(0), { threshold: 2, count: 0x83 }, () => Uint8Array.of(0x57));
    expect(shares[0x83 - 1]).toEqual({ index: 0x83, bytes: Uint8Array.of(0xc1) });
  });

  it('works with the most shares that the field has places for', () => {
    const shares = splitSecret(SECRET, { threshold: 255, count: 255 }, randomBytes);
    expect(Buffer.from(joinShares(shares))).toEqual(SECRET);
    expect(Buffer.from(joinShares(shares.slice(1)))).not.toEqual(SECRET);
  });

  it('refuses splits that are none, and shares given twice', () => {
    for (const [threshold, count] of [
      [1, 2],
      [3, 2],
      [0, 0],
      [2, 256],
      [2.5, 3],
      [2, Number.NaN],
    ] as const) {
      expect(() => splitSecret(SECRET, { threshold, count }, randomBytes)).toThrow('cannot be split');
    }
    const share: Share = { index: 1, bytes: SECRET };
    expect(() => joinShares([share, share])).toThrow('each once');
    expect(() => joinShares([])).toThrow('must be there');
  });
});
