import { describe, expect, it } from '@jest/globals';
import type { PackRow, StudyKeyRow } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, LATER, sha256Of } from './store-rows.ts';

export const packRow = (pack: string, given: Partial<PackRow> = {}): PackRow => ({
  pack,
  studyInstanceUid: '1.2.3',
  bytes: 1_000,
  sha256: sha256Of(pack),
  sealedAt: AT,
  tier: 'online',
  ...given,
});

export const studyKeyRow = (studyInstanceUid: string, kekId: string, wrapped = 'w1'): StudyKeyRow => ({
  studyInstanceUid,
  kekId,
  wrapped,
  createdAt: AT,
});

/** What every PackReader promises. Packs have names that no other pack of the store has, whatever the site. */
export function describePacks(name: string, open: () => Promise<Store>): void {
  describe(`PackReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const add = (site: string, ...packs: readonly PackRow[]) => {
      const studyKeys = packs.map(({ studyInstanceUid }) => studyKeyRow(studyInstanceUid, 'kek'));
      return store().ledger.commit({ site, packs, studyKeys });
    };
    const addKeys = (site: string, ...studyKeys: readonly StudyKeyRow[]) => store().ledger.commit({ site, studyKeys });

    it('gives a pack back as it was last written, with its site', async () => {
      const site = newSite();
      const [first, other] = [packRow(`${site}-1`), packRow(`${site}-2`, { studyInstanceUid: '1.9', bytes: 5 })];
      await add(site, first, other);
      expect(await store().packs.get(first.pack)).toEqual({ site, row: first });
      const archived = { ...first, tier: 'archived', checkedAt: LATER, damage: 'a chunk does not open' } as const;
      await add(site, archived);
      expect(await store().packs.get(first.pack)).toEqual({ site, row: archived });
      expect(await store().packs.get(other.pack)).toEqual({ site, row: other });
      expect(await store().packs.get(`${site}-3`)).toBeUndefined();
    });

    it('lists the packs of a study and counts the bytes of a site', async () => {
      const [site, other] = [newSite(), newSite()];
      await add(site, packRow(`${site}-b`), packRow(`${site}-a`), packRow(`${site}-c`, { studyInstanceUid: '1.9' }));
      await add(other, packRow(`${other}-a`));
      const names = (await store().packs.ofStudy(site, '1.2.3')).map(({ pack }) => pack);
      expect(names).toEqual([`${site}-a`, `${site}-b`]);
      expect(await store().packs.ofStudy(site, '9')).toEqual([]);
      expect(await store().packs.bytesOf(site)).toBe(3_000);
      expect(await store().packs.bytesOf(newSite())).toBe(0);
    });

    it('walks through all packs by name, whatever their site', async () => {
      const [site, other] = [newSite(), newSite()];
      const mark = `zz-${site}`;
      await add(site, packRow(`${mark}-1`), packRow(`${mark}-3`));
      await add(other, packRow(`${mark}-2`));
      const walked: string[] = [];
      let after = mark;
      for (let page = await store().packs.list(after, 2); page.length > 0; page = await store().packs.list(after, 2)) {
        after = page.at(-1)!.row.pack;
        walked.push(...page.filter(({ row }) => row.pack.startsWith(mark)).map((found) => found.site));
      }
      expect(walked).toEqual([site, other, site]);
    });

    it('keeps the key of each study and finds those that lie under another KEK', async () => {
      const site = newSite();
      const [old, current] = [`old ${site}`, `current ${site}`];
      await addKeys(site, studyKeyRow('1', old), studyKeyRow('2', old), studyKeyRow('3', current));
      expect(await store().packs.studyKey(site, '1')).toEqual(studyKeyRow('1', old));
      expect(await store().packs.studyKey(site, '9')).toBeUndefined();
      expect(await store().packs.studyKey(newSite(), '1')).toBeUndefined();
      const notUnder = async (kekId: string) =>
        (await store().packs.keysNotUnder(kekId, 100_000))
          .filter((found) => found.site === site)
          .map(({ row }) => row.studyInstanceUid)
          .sort();
      expect(await notUnder(current)).toEqual(['1', '2']);
      expect(await notUnder(old)).toEqual(['3']);
      expect(await store().packs.keysNotUnder('none', 1)).toHaveLength(1);

      const before = await store().packs.countKeysNotUnder(current);
      const rewrap = { fromKekId: old, row: studyKeyRow('1', current, 'w2') };
      await store().ledger.commit({ site, rewraps: [rewrap] });
      expect(await store().packs.studyKey(site, '1')).toEqual(rewrap.row);
      expect(await notUnder(current)).toEqual(['2']);
      expect(await store().packs.countKeysNotUnder(current)).toBe(before - 1);
      await expect(store().ledger.commit({ site, rewraps: [rewrap] })).rejects.toMatchObject({ kind: 'conflict' });
    });

    it('has neither packs nor key of a study that was removed', async () => {
      const site = newSite();
      await store().ledger.commit({ site, packs: [packRow(`${site}-1`)], studyKeys: [studyKeyRow('1.2.3', 'k')] });
      await store().ledger.commit({ site, removals: { studies: ['1.2.3'] } });
      expect(await store().packs.get(`${site}-1`)).toBeUndefined();
      expect(await store().packs.studyKey(site, '1.2.3')).toBeUndefined();
      expect(await store().packs.bytesOf(site)).toBe(0);
    });
  });
}
