import { describe, expect, it } from '@jest/globals';
import type { ApiKeyRow } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, apiKeyRow, sha256Of } from './store-rows.ts';

/** What every ApiKeyReader promises, and which keys a Ledger refuses. */
export function describeApiKeys(name: string, open: () => Promise<Store>): void {
  describe(`ApiKeyReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const add = (site: string, row: ApiKeyRow) =>
      store().ledger.commit({ site, apiKeys: [{ expected: row.version - 1, row }] });

    it('finds a key by the digest of its secret, with its site', async () => {
      const site = newSite();
      const row = apiKeyRow(`key of ${site}`);
      await add(site, row);
      expect(await store().apiKeys.findBySecret(row.secretSha256)).toMatchObject({ site, row: { id: row.id } });
      expect(await store().apiKeys.findBySecret(sha256Of('unknown'))).toBeUndefined();
    });

    it('refuses a secret that is known in any site', async () => {
      const [site, other] = [newSite(), newSite()];
      const secretSha256 = sha256Of(`secret of ${site}`);
      await add(site, apiKeyRow('1', { secretSha256 }));
      await expect(add(other, apiKeyRow('2', { secretSha256 }))).rejects.toMatchObject({ kind: 'conflict' });
    });

    it('frees a name when its key is revoked', async () => {
      const site = newSite();
      const key = (id: string) => apiKeyRow(id, { name: 'viewer', secretSha256: sha256Of(`${id} ${site}`) });
      await add(site, key('1'));
      await expect(add(site, key('2'))).rejects.toMatchObject({ kind: 'conflict' });
      await add(site, { ...key('1'), version: 2, revokedAt: AT });
      await add(site, key('2'));
      expect((await store().apiKeys.list(site)).map(({ id, revokedAt }) => [id, revokedAt])).toEqual([
        ['1', AT],
        ['2', undefined],
      ]);
    });

    it('lists the keys of one site by name', async () => {
      const site = newSite();
      for (const id of ['b', 'a']) await add(site, apiKeyRow(id, { secretSha256: sha256Of(`${id} ${site}`) }));
      expect((await store().apiKeys.list(site)).map(({ id }) => id)).toEqual(['a', 'b']);
      expect(await store().apiKeys.list(newSite())).toEqual([]);
    });
  });
}
