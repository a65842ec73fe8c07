import { describe, expect, it } from '@jest/globals';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT } from './store-rows.ts';

/** What every SeenReader promises. */
export function describeSeen(name: string, open: () => Promise<Store>): void {
  describe(`SeenReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const study = (studyInstanceUid: string, source = 'pacs') => ({
      source,
      studyInstanceUid,
      numberOfInstances: 3,
      pulledInstances: undefined,
      refusedInstances: 0,
      attempt: 1,
      seenAt: AT,
    });

    it('remembers the last that was said of each study of a source', async () => {
      const site = newSite();
      await store().ledger.commit({ site, seen: [study('1'), study('2'), study('2', 'other')] });
      await store().ledger.commit({ site, seen: [{ ...study('2'), pulledInstances: 3 }] });
      const seen = await store().seen.seen(site, 'pacs', ['2', '1', '9']);
      expect(seen.map(({ studyInstanceUid, pulledInstances }) => [studyInstanceUid, pulledInstances])).toEqual([
        ['1', undefined],
        ['2', 3],
      ]);
      expect(await store().seen.seen(newSite(), 'pacs', ['1'])).toEqual([]);
      expect(await store().seen.seen(site, 'pacs', [])).toEqual([]);
    });
  });
}
