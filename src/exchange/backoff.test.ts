import { describe, expect, it } from '@jest/globals';
import { nextAttemptAt } from './backoff.ts';

const now = new Date('2026-11-24T10:00:00.000Z');
const secondsAfter = (attempt: number, random = 0): number =>
  (Date.parse(nextAttemptAt(now, attempt, random)) - now.getTime()) / 1000;

describe('the wait before another attempt', () => {
  it('begins with five seconds and doubles with each failure', () => {
    expect([1, 2, 3, 4].map((attempt) => secondsAfter(attempt))).toEqual([5, 10, 20, 40]);
  });

  it('is an hour at most, however often it failed', () => {
    expect([10, 11, 1000, 5000].map((attempt) => secondsAfter(attempt))).toEqual([2560, 3600, 3600, 3600]);
  });

  it('is spread by up to a fifth, so that what failed together does not come back together', () => {
    expect([0, 0.5, 1].map((random) => secondsAfter(1, random))).toEqual([5, 5.5, 6]);
  });

  it('is never shorter than the first, whatever number it is asked for', () => {
    expect([0, -3].map((attempt) => secondsAfter(attempt))).toEqual([5, 5]);
  });
});
