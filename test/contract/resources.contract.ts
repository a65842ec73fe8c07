import { describe, expect, it } from '@jest/globals';
import { foldText } from '../../src/domain/fold-text.ts';
import type {
  Bounds,
  Comparator,
  Condition,
  IndexEntry,
  ResourceQuery,
  ResourceVersion,
  SortKey,
} from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';

/** A resource to be stored as its first version; `index` is all that a search can find it by, beside id and time. */
export interface Searchable {
  readonly type?: string;
  readonly id: string;
  readonly index?: readonly IndexEntry[];
  readonly lastUpdated?: string;
}

const AT = '2026-11-24T10:00:00.000Z';

export function versionOf({ type = 'Observation', id, index = [], lastUpdated = AT }: Searchable): ResourceVersion {
  const meta = { versionId: '1', lastUpdated };
  // The store keeps what it is given; it knows no profiles.
  const resource = { resourceType: type, id, meta } as unknown as NonNullable<ResourceVersion['resource']>;
  return { resourceType: type, id, versionId: 1, lastUpdated, method: 'POST', resource, index };
}

const token = (param: string, code?: string, system?: string): IndexEntry => ({
  kind: 'token',
  param,
  ...(system !== undefined && { system }),
  ...(code !== undefined && { code }),
});
const text = (param: string, value: string): IndexEntry => ({ kind: 'string', param, value, folded: foldText(value) });
const date = (param: string, low: number, high = low): IndexEntry => ({ kind: 'date', param, low, high });
const quantity = (low: number, high = low, code = 'mm3'): IndexEntry => ({
  kind: 'quantity',
  param: 'value-quantity',
  low,
  high,
  system: 'http://unitsofmeasure.org',
  code,
});
const reference = (param: string, type: string, id: string): IndexEntry => ({ kind: 'reference', param, type, id });
const uri = (value: string): IndexEntry => ({ kind: 'uri', param: 'url', value });
const bounds = (comparator: Comparator, low: number, high = low): Bounds => ({ comparator, low, high });
const key = (param: string, kind: SortKey['kind'], descending = false): SortKey => ({ param, kind, descending });

const queryOf = (given: Partial<ResourceQuery>): ResourceQuery => ({
  resourceType: 'Observation',
  where: [],
  sort: [key('_id', 'id')],
  count: 1000,
  offset: 0,
  total: false,
  ...given,
});

/** Behaviour of every ResourceReader's search, whatever keeps the resources. */
export function describeResources(name: string, open: () => Promise<Store>): void {
  describe(`ResourceReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);

    const put = async (site: string, resources: readonly Searchable[]): Promise<void> => {
      await store().ledger.commit({
        site,
        resources: resources.map((resource) => ({ expected: 0, row: versionOf(resource) })),
      });
    };
    const stored = async (resources: readonly Searchable[]): Promise<string> => {
      const site = newSite();
      await put(site, resources);
      return site;
    };
    const idsOf = async (site: string, query: Partial<ResourceQuery>): Promise<string[]> =>
      (await store().resources.search(site, queryOf(query))).rows.map(({ id }) => id);
    /** Stores one resource for each list of entries, named a, b, c, ..., and says which are found. */
    const found = async (indexes: readonly (readonly IndexEntry[])[], ...where: readonly Condition[]) => {
      const site = await stored(indexes.map((index, i) => ({ id: String.fromCharCode(97 + i), index })));
      return (await idsOf(site, { where })).join('');
    };

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

    describe('chains', () => {
      const family = (value: string): Condition => ({
        kind: 'string',
        param: 'family',
        match: 'starts',
        anyOf: [value],
      });
      const world = (): Searchable[] => [
        {
          type: 'Patient',
          id: 'p1',
          index: [text('family', 'Müller'), reference('organization', 'Organization', 'o1')],
        },
        { type: 'Patient', id: 'p2', index: [text('family', 'Meier')] },
        { type: 'Group', id: 'p1', index: [text('family', 'Meier')] },
        { type: 'Organization', id: 'o1', index: [text('name', 'Clinic')] },
        { id: 'a', index: [reference('subject', 'Patient', 'p1'), token('code', 'x')] },
        { id: 'b', index: [reference('subject', 'Patient', 'p2'), token('code', 'x')] },
        { id: 'c', index: [reference('subject', 'Group', 'p1'), token('code', 'y')] },
        { id: 'd', index: [reference('subject', 'Patient', 'nobody')] },
        { id: 'e', index: [reference('performer', 'Patient', 'p1')] },
      ];
      const subject = (...where: Condition[]): Condition => ({
        kind: 'chain',
        param: 'subject',
        type: 'Patient',
        where,
      });

      it('finds by what is referred to', async () => {
        const site = await stored(world());
        expect(await idsOf(site, { where: [subject(family('mu'))] })).toEqual(['a']);
        expect(await idsOf(site, { where: [subject(family('m'))] })).toEqual(['a', 'b']);
        expect(await idsOf(site, { where: [subject({ kind: 'id', anyOf: ['p1'] })] })).toEqual(['a']);
        expect(
          await idsOf(site, { where: [subject({ kind: 'missing', param: 'organization', missing: true })] }),
        ).toEqual(['b']);
        expect(await idsOf(site, { where: [subject(family('m')), subject(family('me'))] })).toEqual(['b']);
      });

      it('finds by what that refers to in turn', async () => {
        const site = await stored(world());
        const clinic: Condition = { kind: 'string', param: 'name', match: 'exact', anyOf: ['Clinic'] };
        const through: Condition = { kind: 'chain', param: 'organization', type: 'Organization', where: [clinic] };
        expect(await idsOf(site, { where: [subject(through)] })).toEqual(['a']);
      });

      it('finds by what refers here', async () => {
        const site = await stored(world());
        const has = (...where: Condition[]): Condition => ({
          kind: 'has',
          type: 'Observation',
          param: 'subject',
          where,
        });
        const code = (value: string): Condition => ({ kind: 'token', param: 'code', anyOf: [{ code: value }] });
        const patients = async (...where: Condition[]) => idsOf(site, { resourceType: 'Patient', where });
        expect(await patients(has(code('x')))).toEqual(['p1', 'p2']);
        expect(await patients(has(code('y')))).toEqual([]);
        expect(await patients(has(code('x')), family('mei'))).toEqual(['p2']);
        expect(await patients(has({ ...code('x'), not: true } as Condition))).toEqual([]);
        expect(await idsOf(site, { resourceType: 'Group', where: [has(code('y'))] })).toEqual(['p1']);
        expect(await idsOf(site, { resourceType: 'Patient', where: [has({ kind: 'id', anyOf: ['b'] })] })).toEqual([
          'p2',
        ]);
      });

      it('never leads through a deleted resource', async () => {
        const site = await stored(world());
        await store().ledger.commit({
          site,
          resources: [
            {
              expected: 1,
              row: {
                ...versionOf({ type: 'Patient', id: 'p1' }),
                versionId: 2,
                method: 'DELETE',
                resource: undefined,
                index: [],
              },
            },
          ],
        });
        expect(await idsOf(site, { where: [subject(family('mu'))] })).toEqual([]);
        expect(await idsOf(site, { where: [subject({ kind: 'missing', param: 'family', missing: true })] })).toEqual(
          [],
        );
        expect(await idsOf(site, { resourceType: 'Patient' })).toEqual(['p2']);
      });
    });

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
          expect([...new Set(seen)].length).toBe(25);
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

    it('never shows a resource of another site or type, by no condition', async () => {
      const index = [token('code', 'x'), text('name', 'x'), date('date', 5), quantity(5), uri('x')];
      const links = [reference('subject', 'Patient', 'p'), { ...token('mrn', '1'), kind: 'reference' } as IndexEntry];
      const site = await stored([
        { id: 'ours', index: [...index, ...links] },
        { id: 'ours', type: 'Condition', index: [...index, ...links] },
        { id: 'p', type: 'Patient', index: [text('family', 'x')] },
      ]);
      const other = await stored([
        { id: 'theirs', index: [...index, ...links] },
        { id: 'q', type: 'Patient', index: [text('family', 'x')] },
      ]);
      const conditions: Condition[] = [
        { kind: 'token', param: 'code', anyOf: [{ code: 'x' }] },
        { kind: 'token', param: 'code', anyOf: [{ code: 'y' }], not: true },
        { kind: 'string', param: 'name', match: 'starts', anyOf: ['x'] },
        { kind: 'string', param: 'name', match: 'contains', anyOf: ['x'] },
        { kind: 'date', param: 'date', anyOf: [bounds('ge', 0)] },
        { kind: 'quantity', param: 'value-quantity', anyOf: [bounds('ge', 0)] },
        { kind: 'uri', param: 'url', match: 'below', anyOf: ['x'] },
        { kind: 'reference', param: 'subject', anyOf: [{ id: 'p' }] },
        { kind: 'referenceIdentifier', param: 'mrn', anyOf: [{ code: '1' }] },
        { kind: 'missing', param: 'absent', missing: true },
        { kind: 'lastUpdated', anyOf: [bounds('ge', 0)] },
        { kind: 'id', anyOf: ['ours', 'theirs'] },
      ];
      for (const condition of conditions) {
        expect([condition, await idsOf(site, { where: [condition] })]).toEqual([condition, ['ours']]);
        expect([condition, await idsOf(other, { where: [condition] })]).toEqual([condition, ['theirs']]);
      }
      // The patient that the other site's observation names lies in this site alone.
      const family: Condition = { kind: 'string', param: 'family', match: 'starts', anyOf: ['x'] };
      const chain: Condition = { kind: 'chain', param: 'subject', type: 'Patient', where: [family] };
      expect(await idsOf(site, { where: [chain] })).toEqual(['ours']);
      expect(await idsOf(other, { where: [chain] })).toEqual([]);
    });

    it('never shows a deleted resource nor what an older version said', async () => {
      const site = await stored([
        { id: 'a', index: [token('code', 'x')] },
        { id: 'b', index: [token('code', 'x')] },
      ]);
      const next = { versionId: 2, method: 'PUT' } as const;
      const gone = { versionId: 2, method: 'DELETE', resource: undefined, index: [] } as const;
      await store().ledger.commit({
        site,
        resources: [
          { expected: 1, row: { ...versionOf({ id: 'a', index: [token('code', 'y')] }), ...next } },
          { expected: 1, row: { ...versionOf({ id: 'b' }), ...gone } },
        ],
      });
      const code = (value: string, not = false): Condition => ({
        kind: 'token',
        param: 'code',
        anyOf: [{ code: value }],
        not,
      });
      expect(await idsOf(site, {})).toEqual(['a']);
      expect(await idsOf(site, { where: [code('x')] })).toEqual([]);
      expect(await idsOf(site, { where: [code('y')] })).toEqual(['a']);
      expect(await idsOf(site, { where: [code('z', true)] })).toEqual(['a']);
      expect(await idsOf(site, { where: [{ kind: 'id', anyOf: ['a', 'b'] }] })).toEqual(['a']);
    });

    it('refuses more alternatives of text and ranges than it would try', async () => {
      const site = newSite();
      const anyOf = Array.from({ length: 101 }, (_, i) => `name ${i}`);
      const name: Condition = { kind: 'string', param: 'name', match: 'starts', anyOf };
      const chain: Condition = { kind: 'chain', param: 'subject', type: 'Patient', where: [name] };
      for (const condition of [name, chain]) {
        const search = store().resources.search(site, queryOf({ where: [condition] }));
        await expect(search).rejects.toMatchObject({ kind: 'invalid-request' });
      }
      const allowed: Condition = { kind: 'string', param: 'name', match: 'starts', anyOf: anyOf.slice(0, 100) };
      expect(await idsOf(site, { where: [allowed] })).toEqual([]);
    });
  });
}
