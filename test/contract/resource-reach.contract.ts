import { describe, expect, it } from '@jest/globals';
import type { Condition, IndexEntry } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import {
  bounds,
  date,
  key,
  quantity,
  reference,
  type Searchable,
  searchedStore,
  text,
  token,
  uri,
  versionOf,
} from './resource-searches.ts';

/** How far every ResourceReader looks: through references, and never into other sites or what is deleted. */
export function describeResourceReach(name: string, open: () => Promise<Store>): void {
  describe(`ResourceReader, reach: ${name}`, () => {
    const { store, newSite, stored, idsOf } = searchedStore(open);

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

    it('follows four references one after the other, and refuses five', async () => {
      const chain = (links: number): Condition =>
        links === 0
          ? { kind: 'id', anyOf: ['z'] }
          : {
              kind: links % 2 === 0 ? 'chain' : 'has',
              param: 'part-of',
              type: 'Observation',
              where: [chain(links - 1)],
            };
      const site = await stored([
        { id: 'x', index: [reference('part-of', 'Observation', 'y')] },
        { id: 'y', index: [reference('part-of', 'Observation', 'y')] },
        { id: 'z', index: [reference('part-of', 'Observation', 'y')] },
      ]);
      expect(await idsOf(site, { where: [chain(4)] })).toEqual(['x', 'y', 'z']);
      await expect(idsOf(site, { where: [chain(5)] })).rejects.toMatchObject({ kind: 'invalid-request' });
    });

    it('refuses more alternatives of text and ranges than it would try', async () => {
      const site = newSite();
      const anyOf = Array.from({ length: 101 }, (_, i) => `name ${i}`);
      const name: Condition = { kind: 'string', param: 'name', match: 'starts', anyOf };
      const dates: Condition = { kind: 'date', param: 'date', anyOf: anyOf.map((_, i) => bounds('eq', i)) };
      const chain: Condition = { kind: 'chain', param: 'subject', type: 'Patient', where: [name] };
      for (const where of [
        [name, name],
        [dates, chain],
        [chain, chain],
      ]) {
        await expect(idsOf(site, { where })).rejects.toMatchObject({ kind: 'invalid-request' });
      }
      expect(await idsOf(site, { where: [dates, { ...name, anyOf: anyOf.slice(0, 99) }] })).toEqual([]);
    });

    it('answers a search of many conditions and keys', async () => {
      const site = await stored([{ id: 'a', index: [token('code', 'x'), date('date', 1, 5)] }]);
      const where = Array.from({ length: 50 }, (_, i): Condition => {
        const dates: Condition = {
          kind: 'date',
          param: 'date',
          anyOf: [0, 1, 2, 3].map((low) => bounds('ge', low - i)),
        };
        const code: Condition = { kind: 'token', param: 'code', anyOf: [{ code: 'x' }, { system: `urn:${i}` }] };
        return [dates, code, { ...code, not: true, anyOf: [{ code: 'y' }] } as Condition][i % 3]!;
      });
      const has = (links: number): Condition => ({
        kind: 'has',
        type: 'Observation',
        param: 'derived-from',
        where: links === 0 ? where.slice(0, 3) : [has(links - 1), ...where.slice(0, 3)],
      });
      const kinds = ['date', 'string', 'token', 'quantity', 'reference'] as const;
      const sort = kinds.map((kind, i) => key('date', kind, i % 2 === 0));
      expect(await idsOf(site, { where, sort })).toEqual(['a']);
      expect(
        await idsOf(site, { where: [...where.slice(0, 30), ...Array.from({ length: 10 }, () => has(3))], sort }),
      ).toEqual([]);
    });
  });
}
