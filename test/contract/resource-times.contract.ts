import { describe, expect, it } from '@jest/globals';
import type { ResourceVersion } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { patientVersion } from './store-rows.ts';

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 24, 10, minute)).toISOString();

/** Version `versionId` as of a minute of the hour; without a resource it is a deletion. */
const version = (id: string, versionId: number, minute: number, deleted = false): ResourceVersion => ({
  ...patientVersion(id, versionId, `${id}${versionId}`),
  lastUpdated: at(minute),
  ...(deleted && { method: 'DELETE', resource: undefined, index: [] }),
});

/** What every ResourceReader promises of the past. */
export function describeResourceTimes(name: string, open: () => Promise<Store>): void {
  describe(`ResourceReader, as things were: ${name}`, () => {
    const { store, newSite } = openedStore(open);

    /** a: versions at 10, 20, deleted at 30, again at 40; b: at 20; c: at 50. */
    const filled = async (): Promise<string> => {
      const site = newSite();
      const rows = [
        version('a', 1, 10),
        version('a', 2, 20),
        version('b', 1, 20),
        version('a', 3, 30, true),
        version('a', 4, 40),
        version('c', 1, 50),
      ];
      for (const row of rows) await store().ledger.commit({ site, resources: [{ expected: row.versionId - 1, row }] });
      return site;
    };

    it('gives the version that was current at a moment', async () => {
      const site = await filled();
      const versionAt = async (id: string, minute: number) =>
        (await store().resources.getAt(site, 'Patient', id, at(minute)))?.versionId;
      expect(await versionAt('a', 9)).toBeUndefined();
      expect(await versionAt('a', 10)).toBe(1);
      expect(await versionAt('a', 19)).toBe(1);
      expect(await versionAt('a', 20)).toBe(2);
      expect(await versionAt('a', 59)).toBe(4);
      expect(await versionAt('none', 59)).toBeUndefined();
      const deleted = await store().resources.getAt(site, 'Patient', 'a', at(35));
      expect(deleted).toMatchObject({ versionId: 3, method: 'DELETE', json: undefined });
      expect(await store().resources.getAt(newSite(), 'Patient', 'a', at(59))).toBeUndefined();
    });

    it('lists the resources of a type as they were, without those that were deleted then', async () => {
      const site = await filled();
      const asOf = async (minute: number, after = '', limit = 10) => {
        const query = { resourceType: 'Patient', instant: at(minute), after, limit };
        return (await store().resources.asOf(site, query)).map(({ id, versionId }) => `${id}${versionId}`);
      };
      expect(await asOf(9)).toEqual([]);
      expect(await asOf(15)).toEqual(['a1']);
      expect(await asOf(25)).toEqual(['a2', 'b1']);
      expect(await asOf(35)).toEqual(['b1']);
      expect(await asOf(59)).toEqual(['a4', 'b1', 'c1']);
      expect(await asOf(59, '', 2)).toEqual(['a4', 'b1']);
      expect(await asOf(59, 'b', 2)).toEqual(['c1']);
      const others = { resourceType: 'Observation', instant: at(59), after: '', limit: 10 };
      expect(await store().resources.asOf(site, others)).toEqual([]);
    });

    it('finds the versions that were current at some moment of a time', async () => {
      const site = await filled();
      const during = async (from: number, to: number, id?: string) => {
        const of = id === undefined ? {} : { resourceType: 'Patient', id };
        const query = { ...of, at: { from: at(from), to: at(to) }, count: 10, offset: 0 };
        const { rows, total } = await store().resources.history(site, query);
        expect(total).toBe(rows.length);
        return rows.map((row) => `${row.id}${row.versionId}`).sort();
      };
      expect(await during(0, 9)).toEqual([]);
      expect(await during(12, 15)).toEqual(['a1']);
      expect(await during(15, 25)).toEqual(['a1', 'a2', 'b1']);
      expect(await during(20, 20)).toEqual(['a2', 'b1']);
      expect(await during(32, 35, 'a')).toEqual(['a3']);
      expect(await during(45, 59)).toEqual(['a4', 'b1', 'c1']);
    });
  });
}
