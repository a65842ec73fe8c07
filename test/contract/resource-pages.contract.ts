import { describe, expect, it } from '@jest/globals';
import type { Condition, IndexEntry, ResourceQuery, SortKey } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import {
  AT,
  bounds,
  date,
  key,
  quantity,
  queryOf,
  reference,
  type Searchable,
  searchedStore,
  text,
  token,
  uri,
} from './resource-searches.ts';

/** In what order and in what pages every ResourceReader answers. */
export function describeResourcePages(name: string, open: () => Promise<Store>): void {
  describe(`ResourceReader, pages: ${name}`, () => {
    const { store, stored, idsOf } = searchedStore(open);

    describe('order', () => {
      const days = (...numbers: number[]): IndexEntry[] => numbers.map((day) => date('date', day * 1000));

      it('is the newest first where none is asked for, and by id among equals', async () => {
        const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z'];
        const site = await stored([
          { id: 'b', lastUpdated: early },
          { id: 'c', lastUpdated: late },
          { id: 'a', lastUpdated: early },
          { id: 'd', lastUpdated: late },
        ]);
        expect(await idsOf(site, { sort: [] })).toEqual(['c', 'd', 'a', 'b']);
        expect(await idsOf(site, { sort: [key('_lastUpdated', 'lastUpdated')] })).toEqual(['a', 'b', 'c', 'd']);
        expect(await idsOf(site, { sort: [key('_id', 'id', true)] })).toEqual(['d', 'c', 'b', 'a']);
      });

      it('has what lacks the value last, both ways, and ties by id', async () => {
        const site = await stored([
          { id: 'e', index: days(2) },
          { id: 'a', index: days(2) },
          { id: 'd' },
          { id: 'c', index: days(1) },
          { id: 'b' },
        ]);
        expect(await idsOf(site, { sort: [key('date', 'date')] })).toEqual(['c', 'a', 'e', 'b', 'd']);
        expect(await idsOf(site, { sort: [key('date', 'date', true)] })).toEqual(['a', 'e', 'c', 'b', 'd']);
      });

      it('goes by the value that comes first, and each resource comes once', async () => {
        const site = await stored([
          { id: 'a', index: days(1, 9, 9) },
          { id: 'b', index: days(5) },
          { id: 'c', index: days(3, 7) },
        ]);
        expect(await idsOf(site, { sort: [key('date', 'date')] })).toEqual(['a', 'c', 'b']);
        expect(await idsOf(site, { sort: [key('date', 'date', true)] })).toEqual(['a', 'c', 'b']);
        const upTo8: Condition = { kind: 'date', param: 'date', anyOf: [bounds('le', 8000)] };
        expect(await idsOf(site, { sort: [key('date', 'date', true)], where: [upTo8] })).toEqual(['c', 'b', 'a']);
      });

      it.each<[SortKey['kind'], IndexEntry[][], string]>([
        ['string', [[text('p', 'ß')], [text('p', 'Ärger')], [text('p', 'ara')], []], 'cbad'],
        ['token', [[token('p', 'b')], [token('p', 'A', 'z')], [token('p', 'a')], [token('p', undefined, 's')]], 'bcad'],
        ['quantity', [[{ ...quantity(10), param: 'p' }], [{ ...quantity(9), param: 'p' }], [], []], 'bacd'],
        ['uri', [[{ ...uri('b'), param: 'p' } as IndexEntry], [{ ...uri('a'), param: 'p' } as IndexEntry], []], 'bac'],
        ['reference', [[reference('p', 'Patient', '2')], [reference('p', 'Group', '3')], []], 'bac'],
        ['string', [[text('p', '\u{1f600}')], [text('p', '\uffee')], [text('p', 'z')]], 'cba'],
      ])('is by the %s of a parameter', async (kind, indexes, expected) => {
        const site = await stored(indexes.map((index, i) => ({ id: 'abcd'[i]!, index })));
        expect((await idsOf(site, { sort: [key('p', kind)] })).join('')).toBe(expected);
      });

      it('takes several keys, each in its direction', async () => {
        const site = await stored([
          { id: 'a', index: [token('status', 'final'), ...days(1)] },
          { id: 'b', index: [token('status', 'final'), ...days(2)] },
          { id: 'c', index: [token('status', 'amended'), ...days(1)] },
          { id: 'd', index: [token('status', 'final')] },
        ]);
        const sort = [key('status', 'token'), key('date', 'date', true)];
        expect(await idsOf(site, { sort })).toEqual(['c', 'b', 'a', 'd']);
        expect(await idsOf(site, { sort: [key('date', 'date'), key('status', 'token', true)] })).toEqual([
          'a',
          'c',
          'b',
          'd',
        ]);
      });
    });

    describe('pages', () => {
      const many = Array.from({ length: 25 }, (_, i): Searchable => {
        const index = [token('code', 'x'), ...(i % 5 === 0 ? [] : [date('date', (i % 3) * 1000)])];
        return { id: `o${String(i).padStart(2, '0')}`, index };
      });

      it.each<[string, readonly SortKey[]]>([
        ['in the order of the server', []],
        ['by date', [key('date', 'date')]],
        ['by date backwards', [key('date', 'date', true)]],
        ['by a value that all share', [key('code', 'token')]],
      ])('show every match once, %s', async (_, sort) => {
        const site = await stored(many);
        const where: Condition[] = [{ kind: 'token', param: 'code', anyOf: [{ code: 'x' }] }];
        for (const conditions of [[], where]) {
          const seen: string[] = [];
          for (let offset = 0, more = true; more; offset += 4) {
            const query = queryOf({ where: conditions, sort, count: 4, offset, total: true });
            const page = await store().resources.search(site, query);
            expect(page.total).toBe(25);
            seen.push(...page.rows.map(({ id }) => id));
            more = page.more;
          }
          expect(seen).toEqual(await idsOf(site, { where: conditions, sort }));
          expect(new Set(seen).size).toBe(25);
        }
      });

      it('tell whether more follows, and the total only when asked', async () => {
        const site = await stored(many);
        const page = (given: Partial<ResourceQuery>) => store().resources.search(site, queryOf(given));
        expect(await page({ count: 25 })).toMatchObject({ more: false, total: undefined });
        expect(await page({ count: 24 })).toMatchObject({ more: true });
        expect(await page({ count: 5, offset: 20 })).toMatchObject({ more: false });
        expect(await page({ count: 5, offset: 100, total: true })).toEqual({ rows: [], more: false, total: 25 });
        expect(await page({ count: 0, total: true })).toEqual({ rows: [], more: false, total: 25 });
      });

      it('carry the stored rows', async () => {
        const site = await stored([{ id: 'a', index: [token('code', 'x')] }]);
        const { rows } = await store().resources.search(site, queryOf({}));
        expect(rows).toEqual([
          {
            resourceType: 'Observation',
            id: 'a',
            versionId: 1,
            lastUpdated: AT,
            method: 'POST',
            json: JSON.stringify({ resourceType: 'Observation', id: 'a', meta: { versionId: '1', lastUpdated: AT } }),
          },
        ]);
      });
    });
  });
}
