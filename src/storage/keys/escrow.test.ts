import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readEscrow, writeEscrow } from './escrow.ts';
import { kekIdOf } from './key-ring.ts';

const keyOf = (name: string): Buffer => createHash('sha256').update(name).digest();
const kekOf = (name: string) => ({ id: kekIdOf(keyOf(name)), key: keyOf(name) });
const KEK = kekOf('kek');
const whole = (): string => writeEscrow(KEK, undefined, randomBytes)[0]!;
const split = (threshold: number, count: number, kek = KEK) => writeEscrow(kek, { threshold, count }, randomBytes);
const read = (...texts: string[]): string => Buffer.from(readEscrow(texts).key).toString('hex');
const HEX = keyOf('kek').toString('hex');
const refused = (message: string) => expect.objectContaining({ kind: 'invalid-request', message });

describe('an escrow copy', () => {
  it('gives the key back, and shows what key it is of', () => {
    const text = whole();
    expect(text).toContain(`key-encryption key ${KEK.id}: whole copy`);
    expect(readEscrow([text])).toEqual({ id: KEK.id, key: KEK.key });
    expect(text.split('\n').every((line) => line.length <= 72)).toBe(true);
    expect(text).not.toContain(KEK.key.toString('base64').slice(0, 10));
  });

  it('is read as people type: small letters, no separators, digits that look alike, only the lines that count', () => {
    const typed = whole()
      .toLowerCase()
      .replaceAll('-', '')
      .replaceAll('o', '0')
      .replaceAll('b', '8')
      .replaceAll(':', '. ');
    expect(read(typed)).toBe(HEX);
    expect(read(whole().split('\n').slice(1).join('\r\n\r\n'))).toBe(HEX);
  });

  it('names the line in which something was typed wrongly', () => {
    const lines = whole().split('\n');
    for (let number = 1; number < lines.length - 1; number++) {
      const line = lines[number]!;
      for (const at of [3, 8, line.length - 1]) {
        const other = line[at] === 'A' ? 'C' : 'A';
        const typed = lines.with(number, `${line.slice(0, at)}${other}${line.slice(at + 1)}`).join('\n');
        if (line[at] === '-') continue;
        expect(() => read(typed)).toThrow(refused(`line ${number} of an escrow copy is not as it was printed`));
      }
    }
  });

  it('tells lines that are missing, doubled or in another order', () => {
    const [head = '', first = '', second = '', ...rest] = whole().split('\n');
    for (const lines of [
      [head, second, first, ...rest],
      [head, first, first, second, ...rest],
      [head, second, ...rest],
      [head, first, second, ...rest.slice(0, -2)],
      [head],
    ]) {
      expect(() => read(lines.join('\n'))).toThrow(expect.objectContaining({ kind: 'invalid-request' }));
    }
    expect(() => readEscrow([])).toThrow(refused('there is no escrow copy'));
    expect(() => read('')).toThrow(refused('an escrow copy is not complete, or of another version'));
  });

  it('can be split among holders, so many of whom are needed', () => {
    const shares = split(3, 5);
    expect(shares).toHaveLength(5);
    expect(shares[3]).toContain('share 4, any 3 shares give the key');
    expect(read(shares[4]!, shares[0]!, shares[2]!)).toBe(HEX);
    expect(read(...shares)).toBe(HEX);
    expect(read(shares[1]!, shares[1]!, shares[2]!, shares[3]!)).toBe(HEX);
    expect(() => read(shares[1]!, shares[2]!)).toThrow(refused('3 different shares are needed, and there are 2'));
    expect(() => read(shares[1]!, shares[1]!, shares[1]!)).toThrow(
      refused('3 different shares are needed, and there are 1'),
    );
  });

  it('does not mix with copies of another split or another key', () => {
    const [first, second] = [split(2, 3), split(2, 3)];
    const message = 'these escrow copies do not belong together';
    expect(() => read(first[0]!, second[1]!)).toThrow(refused(message));
    expect(() => read(first[0]!, split(2, 3, kekOf('other'))[1]!)).toThrow(refused(message));
    expect(() => read(first[0]!, whole())).toThrow(refused(message));
  });

  it('is no copy when its key is not the one that it names', () => {
    const lying = writeEscrow({ id: kekIdOf(keyOf('other')), key: KEK.key }, undefined, randomBytes);
    expect(() => read(...lying)).toThrow(refused('these escrow copies do not give the key that they name'));
  });

  it.each([
    [1, 3],
    [4, 3],
    [2, 17],
    [2, 2.5],
    [Number.NaN, 3],
  ])('is not split %d of %d', (threshold, count) => {
    expect(() => split(threshold, count)).toThrow(expect.objectContaining({ kind: 'invalid-request' }));
  });
});
