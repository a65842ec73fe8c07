import { describe, expect, it } from '@jest/globals';
import type { ResourceVersion } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { queryOf, versionOf } from './resource-searches.ts';

/** Bytes of one resource in the tests: its text is made so long. */
const SIZE = 1000;
const BUDGET = 3 * SIZE;
const tooLarge = expect.objectContaining({ kind: 'limit-exceeded' });

/** Every ResourceReader refuses a page that is larger than it reads at once. */
export function describeResourceBudget(name: string, open: (mostPageBytes: number) => Promise<Store>): void {
  describe(`ResourceReader, size of a page: ${name}`, () => {
    const { store, newSite } = openedStore(() => open(BUDGET));

    /** Half of the bytes are of characters that take three. */
    const sized = (id: string, versionId = 1): ResourceVersion => {
      const version = { ...versionOf({ id }), versionId };
      const plain = JSON.stringify({ ...version.resource, note: '' });
      const rest = SIZE - plain.length;
      const euros = Math.floor(rest / 6);
      const note = '\u20ac'.repeat(euros) + 'x'.repeat(rest - 3 * euros);
      return { ...version, json: plain.replace('"note":""', `"note":"${note}"`) };
    };
    const search = (site: string, count: number) => store().resources.search(site, queryOf({ count, total: true }));
    const history = (site: string, count: number, scope = {}) =>
      store().resources.history(site, { ...scope, count, offset: 0 });

    it('counts the resources of a search in bytes, and not the row that tells whether more follows', async () => {
      const site = newSite();
      const resources = ['a', 'b', 'c', 'd'].map((id) => ({ expected: 0, row: sized(id) }));
      await store().ledger.commit({ site, resources });
      const page = await search(site, 3);
      expect(page).toMatchObject({ more: true, total: 4 });
      expect(page.rows.map(({ json }) => Buffer.byteLength(json!))).toEqual([SIZE, SIZE, SIZE]);
      await expect(search(site, 4)).rejects.toEqual(tooLarge);
      expect((await search(site, 1)).rows).toHaveLength(1);
    });

    it('counts the versions of a history, of which a deletion has no size', async () => {
      const site = newSite();
      const deletion = { ...versionOf({ id: 'a' }), versionId: 5, resource: undefined, method: 'DELETE' as const };
      for (const row of [...[1, 2, 3, 4].map((version) => sized('a', version)), deletion]) {
        await store().ledger.commit({ site, resources: [{ expected: row.versionId - 1, row }] });
      }
      for (const scope of [{}, { resourceType: 'Observation', id: 'a' }]) {
        const page = await history(site, 4, scope);
        expect(page.rows.map(({ versionId, json }) => [versionId, json && Buffer.byteLength(json)])).toEqual([
          [5, undefined],
          [4, SIZE],
          [3, SIZE],
          [2, SIZE],
        ]);
        await expect(history(site, 5, scope)).rejects.toEqual(tooLarge);
      }
    });
  });
}
