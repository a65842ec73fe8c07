import { describe, expect, it } from '@jest/globals';
import { inTurns } from './in-turns.ts';

const NUMBERS = Array.from({ length: 25 }, (_, index) => index);

describe('inTurns', () => {
  it('answers in the order of the items', async () => {
    for (const aTurn of [1, 7, 25, 100]) {
      expect(await inTurns(NUMBERS, aTurn, (number) => 2 * number)).toEqual(NUMBERS.map((number) => 2 * number));
    }
    expect(await inTurns([], 10, () => 1)).toEqual([]);
  });

  it('lets others run after each turn, and not in the middle of one', async () => {
    let done = 0;
    const seen: number[] = [];
    const look = (): void => {
      seen.push(done);
      if (done < NUMBERS.length) setImmediate(look);
    };
    setImmediate(look);
    await inTurns(NUMBERS, 10, () => done++);
    expect(seen).toEqual([10, 20]);
  });

  it('ends with the first failure', async () => {
    let done = 0;
    const work = (): void => {
      done++;
      if (done === 12) throw new RangeError('enough');
    };
    await expect(inTurns(NUMBERS, 10, work)).rejects.toThrow('enough');
    expect(done).toBe(12);
  });
});
