import { describe, expect, it } from '@jest/globals';
import type { Bounds, Comparator, Condition, IndexEntry } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { bounds, date, quantity, reference, searchedStore, text, token, uri } from './resource-searches.ts';

/** How every ResourceReader finds resources by the values of their parameters, whatever keeps them. */
export function describeResourceValues(name: string, open: () => Promise<Store>): void {
  describe(`ResourceReader, values: ${name}`, () => {
    const { stored, idsOf, found } = searchedStore(open);

    describe('tokens', () => {
      const codes = [
        [token('code', 'x', 'urn:s')],
        [token('code', 'x', 'urn:t')],
        [token('code', 'x')],
        [token('code', 'y', 'urn:s')],
        [token('code')],
        [token('other', 'x', 'urn:s')],
        [],
      ];
      it.each<[string, { system?: string; code?: string }[], string]>([
        ['code: in any system or none', [{ code: 'x' }], 'abc'],
        ['system|code', [{ system: 'urn:s', code: 'x' }], 'a'],
        ['|code: without a system', [{ system: '', code: 'x' }], 'c'],
        ['system|: any code', [{ system: 'urn:s' }], 'ad'],
        [
          'alternatives of one form',
          [
            { system: 'urn:t', code: 'x' },
            { system: 'urn:s', code: 'y' },
          ],
          'bd',
        ],
        ['alternatives of every form', [{ code: 'y' }, { system: '', code: 'x' }, { system: 'urn:t' }], 'bcd'],
        [
          'no pair made of two alternatives',
          [
            { system: 'urn:t', code: 'y' },
            { system: 'urn:u', code: 'x' },
          ],
          '',
        ],
        ['case counts', [{ code: 'X' }], ''],
        ['a code that looks like a wildcard', [{ code: '%' }, { code: '*' }, { code: '_' }], ''],
        ['no alternatives', [], ''],
      ])('finds by %s', async (_, anyOf, expected) => {
        expect(await found(codes, { kind: 'token', param: 'code', anyOf })).toBe(expected);
      });

      it('finds with :not what has no such value, and what has no value at all', async () => {
        expect(await found(codes, { kind: 'token', param: 'code', anyOf: [{ code: 'x' }], not: true })).toBe('defg');
      });

      it('takes thousands of alternatives', async () => {
        const anyOf = Array.from({ length: 10_000 }, (_, i) => ({ system: 'urn:s', code: `code ${i}` }));
        const list = [...anyOf, { system: 'urn:s', code: 'y' }];
        expect(await found(codes, { kind: 'token', param: 'code', anyOf: list })).toBe('d');
      });

      it('requires every condition', async () => {
        const both = [token('code', 'x', 'urn:s'), token('status', 'final')];
        const where = (['code', 'status'] as const).map(
          (param): Condition => ({ kind: 'token', param, anyOf: [{ code: param === 'code' ? 'x' : 'final' }] }),
        );
        expect(await found([both, both.slice(0, 1), both.slice(1), []], ...where)).toBe('a');
      });
    });

    describe('text', () => {
      const names = ['Müller', 'MULLER-Lüdenscheidt', 'Müll', '100% _name*', '山田 太郎', 'Ωmega', 'Łukasz'];
      const indexes = names.map((value) => [text('name', value)]);
      it.each<[string, 'starts' | 'exact' | 'contains', string, string]>([
        ['its beginning, without case and diacritics', 'starts', 'muller', 'ab'],
        ['its beginning', 'starts', 'mull', 'abc'],
        ['exactly itself', 'exact', 'Müller', 'a'],
        ['no other case', 'exact', 'müller', ''],
        ['no other diacritics', 'exact', 'Muller', ''],
        ['a part', 'contains', 'ludensch', 'b'],
        ['another script', 'starts', '山', 'e'],
        ['a part in another script', 'contains', '太', 'e'],
        ['a Greek letter', 'starts', 'ω', 'f'],
        ['a letter with a stroke', 'starts', 'luk', 'g'],
        ['a percent sign, literally', 'contains', '%', 'd'],
        ['an underscore, literally', 'contains', '_', 'd'],
        ['an asterisk, literally', 'contains', '*', 'd'],
        ['a percent sign at the beginning, literally', 'starts', '%', ''],
        ['a question mark, literally', 'starts', '?', ''],
        ['a bracket, literally', 'contains', '[a-z]', ''],
        ['a quote, literally', 'contains', "'", ''],
        ['a backslash, literally', 'contains', '\\', ''],
      ])('finds by %s', async (_, match, value, expected) => {
        expect(await found(indexes, { kind: 'string', param: 'name', match, anyOf: [value] })).toBe(expected);
      });

      it('finds the beginning before the last character of Unicode and beside the surrogates', async () => {
        const odd = ['\ud7ff', '\ud7ffx', '\ue000', '\u{10ffff}', '\u{10ffff}x', '\u{1f600}'];
        const entries = odd.map((value): IndexEntry[] => [{ kind: 'string', param: 'name', value, folded: value }]);
        const starts = (value: string): Condition => ({
          kind: 'string',
          param: 'name',
          match: 'starts',
          anyOf: [value],
        });
        expect(await found(entries, starts('\ud7ff'))).toBe('ab');
        expect(await found(entries, starts('\u{10ffff}'))).toBe('de');
        expect(await found(entries, starts('\u{1f600}'))).toBe('f');
      });

      it('finds by any of several values and any of several alternatives', async () => {
        const several = [[text('name', 'Eva'), text('name', 'Maria')], [text('name', 'Mario')], [text('name', 'Evi')]];
        const anyOf = ['maria', 'evi'];
        expect(await found(several, { kind: 'string', param: 'name', match: 'starts', anyOf })).toBe('ac');
      });
    });

    describe('dates', () => {
      const DAY = 86_400_000;
      const noon = Date.UTC(2024, 4, 10, 12);
      const [first, last] = [Date.UTC(2024, 4, 10), Date.UTC(2024, 4, 11) - 1];
      const indexes = [
        [date('date', first - DAY, first - 1)], // a: the day before
        [date('date', noon)], // b: a moment of the day
        [date('date', first, last)], // c: the day itself
        [date('date', last + 1)], // d: the day after
        [date('date', first - 100 * DAY, last + 100 * DAY)], // e: a period around the day
        [date('date', noon, last + 100 * DAY)], // f: a period that begins on the day
        [date('date', first - 100 * DAY, noon)], // g: a period that ends on the day
        [], // h
        [date('issued', noon)], // i
      ];
      it.each<[Comparator, string]>([
        ['eq', 'bc'],
        ['ne', 'adefg'],
        ['gt', 'def'],
        ['lt', 'aeg'],
        ['ge', 'bcdef'],
        ['le', 'abceg'],
        ['sa', 'd'],
        ['eb', 'a'],
        ['ap', 'bcefg'],
      ])('compares periods by %s', async (comparator, expected) => {
        const condition: Condition = { kind: 'date', param: 'date', anyOf: [bounds(comparator, first, last)] };
        expect(await found(indexes, condition)).toBe(expected);
      });

      it('finds by any of several alternatives', async () => {
        const anyOf = [bounds('sa', first, last), bounds('eb', first, last)];
        expect(await found(indexes, { kind: 'date', param: 'date', anyOf })).toBe('ad');
      });

      it('takes two conditions for a range that one value lies in', async () => {
        const range = (from: number, to: number): Condition[] => [
          { kind: 'date', param: 'date', anyOf: [bounds('ge', from)] },
          { kind: 'date', param: 'date', anyOf: [bounds('le', to)] },
        ];
        const around = [[date('date', 0), date('date', 1000)], [date('date', 500)], [date('date', 400, 600)]];
        expect(await found(around, ...range(300, 700))).toBe('bc');
        expect(await found(around, ...range(500, 500))).toBe('bc');
        expect(await found(around, ...range(501, 499))).toBe('c');
      });

      it('holds the ends of time', async () => {
        const [begin, end] = [-62_167_219_200_000, 253_402_300_799_999];
        const all = [[date('date', begin, 5)], [date('date', 5, end)], [date('date', begin, end)]];
        expect(await found(all, { kind: 'date', param: 'date', anyOf: [bounds('gt', 10, 20)] })).toBe('bc');
        expect(await found(all, { kind: 'date', param: 'date', anyOf: [bounds('lt', -20, -10)] })).toBe('ac');
      });
    });

    describe('quantities', () => {
      const indexes = [[quantity(4)], [quantity(5)], [quantity(6)], [quantity(4.5, 5.5)], [quantity(5, 5, 'ml')], []];
      it.each<[Comparator, string]>([
        ['eq', 'be'],
        ['ne', 'acd'],
        ['gt', 'cd'],
        ['lt', 'ad'],
        ['ge', 'bcde'],
        ['le', 'abde'],
        ['sa', 'c'],
        ['eb', 'a'],
        ['ap', 'bde'],
      ])('compares ranges by %s', async (comparator, expected) => {
        const condition: Condition = { kind: 'quantity', param: 'value-quantity', anyOf: [bounds(comparator, 5)] };
        expect(await found(indexes, condition)).toBe(expected);
      });

      it('compares units and systems where they are given', async () => {
        const by = (unit: { system?: string; code?: string }): Condition => ({
          kind: 'quantity',
          param: 'value-quantity',
          anyOf: [{ ...bounds('ge', 5), ...unit }],
        });
        expect(await found(indexes, by({ code: 'ml' }))).toBe('e');
        expect(await found(indexes, by({ system: 'http://unitsofmeasure.org', code: 'mm3' }))).toBe('bcd');
        expect(await found(indexes, by({ system: 'urn:other', code: 'mm3' }))).toBe('');
      });

      it('keeps half-lines apart', async () => {
        const half = [[quantity(-Number.MAX_VALUE, 3)], [quantity(3, Number.MAX_VALUE)]];
        const by = (one: Bounds): Condition => ({ kind: 'quantity', param: 'value-quantity', anyOf: [one] });
        expect(await found(half, by(bounds('gt', 10)))).toBe('b');
        expect(await found(half, by(bounds('lt', -10)))).toBe('a');
        expect(await found(half, by(bounds('ap', 3)))).toBe('ab');
      });
    });

    describe('references and addresses', () => {
      const indexes: IndexEntry[][] = [
        [reference('subject', 'Patient', '1')],
        [reference('subject', 'Group', '1')],
        [reference('subject', 'Patient', '2')],
        [{ kind: 'reference', param: 'subject', url: 'http://other.org/Patient/1' }],
        [{ kind: 'reference', param: 'subject', system: 'urn:mrn', code: '4711' }],
        [reference('performer', 'Patient', '1')],
      ];
      it.each<[string, { type?: string; id?: string; url?: string }[], string]>([
        ['id, of any type', [{ id: '1' }], 'ab'],
        ['type and id', [{ type: 'Patient', id: '1' }], 'a'],
        ['type', [{ type: 'Patient' }], 'ac'],
        ['address', [{ url: 'http://other.org/Patient/1' }], 'd'],
        ['several of them', [{ type: 'Patient', id: '2' }, { url: 'http://other.org/Patient/1' }, { id: '9' }], 'cd'],
        ['part of an address: nothing', [{ url: 'http://other.org/' }], ''],
      ])('finds references by %s', async (_, anyOf, expected) => {
        expect(await found(indexes, { kind: 'reference', param: 'subject', anyOf })).toBe(expected);
      });

      it('finds references by identifier', async () => {
        const by = (value: { system?: string; code?: string }): Condition => ({
          kind: 'referenceIdentifier',
          param: 'subject',
          anyOf: [value],
        });
        expect(await found(indexes, by({ code: '4711' }))).toBe('e');
        expect(await found(indexes, by({ system: 'urn:mrn', code: '4711' }))).toBe('e');
        expect(await found(indexes, by({ system: '', code: '4711' }))).toBe('');
      });

      it('finds addresses exactly, or all that begin so', async () => {
        const urls = [
          [uri('http://a.org/fhir')],
          [uri('http://a.org/fhir/1')],
          [uri('http://a.org/%')],
          [uri('urn:x')],
        ];
        const by = (match: 'exact' | 'below', ...anyOf: string[]): Condition => ({
          kind: 'uri',
          param: 'url',
          match,
          anyOf,
        });
        expect(await found(urls, by('exact', 'http://a.org/fhir'))).toBe('a');
        expect(await found(urls, by('below', 'http://a.org/fhir'))).toBe('ab');
        expect(await found(urls, by('below', 'http://a.org/%', 'urn:'))).toBe('cd');
        expect(await found(urls, by('exact', 'HTTP://A.ORG/fhir', 'urn:x'))).toBe('d');
      });
    });

    it('tells what is missing, whatever kind of value it would be', async () => {
      const indexes = [
        [token('p')],
        [text('p', 'x')],
        [date('p', 0)],
        [reference('p', 'Patient', '1')],
        [uri('x')],
        [],
      ];
      expect(await found(indexes, { kind: 'missing', param: 'p', missing: true })).toBe('ef');
      expect(await found(indexes, { kind: 'missing', param: 'p', missing: false })).toBe('abcd');
    });

    it('finds by id and by the time of the update', async () => {
      const times = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'];
      const site = await stored(times.map((lastUpdated, i) => ({ id: 'abc'[i]!, lastUpdated })));
      expect(await idsOf(site, { where: [{ kind: 'id', anyOf: ['c', 'a', 'z', 'A'] }] })).toEqual(['a', 'c']);
      const day = [Date.parse(times[1]!), Date.parse(times[2]!) - 1] as const;
      const by = async (comparator: Comparator) =>
        (await idsOf(site, { where: [{ kind: 'lastUpdated', anyOf: [bounds(comparator, ...day)] }] })).join('');
      expect(await Promise.all((['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const).map(by))).toEqual([
        'b',
        'ac',
        'c',
        'a',
        'bc',
        'ab',
        'c',
        'a',
        'b',
      ]);
      const forever = { kind: 'lastUpdated', anyOf: [bounds('lt', 9e15)] } as const;
      expect(await idsOf(site, { where: [forever] })).toEqual(['a', 'b', 'c']);
    });
  });
}
