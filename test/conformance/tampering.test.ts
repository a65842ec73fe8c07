import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tamperAll } from '../harness/tamper-all.ts';
import { makeTamperWorld } from '../harness/tamper-world.ts';
import { differenceOf, isUnforeseen, outcomeOf, type Tried } from '../harness/tampering.ts';

let folder = '';
let tried: Tried[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-tampering-'));
  await makeTamperWorld(folder);
  tried = await tamperAll({ folder, seed: 5, times: 1, rows: 0, every: 4 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a data folder that somebody tampered with', () => {
  it('is refused, answered with errors, or answered rightly: one in four of the attempts of npm run bench:tamper', () => {
    expect(tried.filter(isUnforeseen)).toEqual([]);
    expect(tried.length).toBeGreaterThan(8);
    const outcomes = tried.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(expect.arrayContaining(['refused', 'damaged when read']));
  });
});

describe('the judge of answers', () => {
  const expected = new Map([['one', ['new']]]);
  const known = new Map([['one', new Set(['new', 'old'])]]);
  const judged = (answer: readonly string[], found: readonly string[] = []) =>
    outcomeOf(differenceOf(new Map([['one', answer]]), { expected, known }), found, 0);

  it('tells what was never there from what is older, missing, an error, or right', () => {
    expect(judged(['new'])).toBe('harmless');
    expect(judged(['new'], ['a check'])).toBe('found by verify');
    expect(judged(['!damaged'])).toBe('damaged when read');
    expect(judged(['old'])).toBe('old, not found');
    expect(judged([])).toBe('old, not found');
    expect(judged(['!not-found'], ['a check'])).toBe('old, found');
    expect(judged(['another'], ['a check'])).toBe('MISSED');
  });
});
