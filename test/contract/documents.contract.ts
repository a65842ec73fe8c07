import { describe, expect, it } from '@jest/globals';
import type { DocumentKind } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';

/** What every DocumentReader promises, and which documents a Ledger refuses. */
export function describeDocuments(name: string, open: () => Promise<Store>): void {
  describe(`DocumentReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const put = (site: string, kind: DocumentKind, id: string, version: number, content: unknown) =>
      store().ledger.commit({ site, documents: [{ expected: version - 1, row: { kind, id, version, content } }] });

    it('gives a document back as it was last written, in its own site and kind alone', async () => {
      const [site, other] = [newSite(), newSite()];
      const content = { reason: 'Löschverbot "A"', studies: ['1.2'], nested: { none: null, count: 0.5, yes: true } };
      await put(site, 'legal-hold', 'h', 1, { reason: 'first' });
      await put(site, 'legal-hold', 'h', 2, content);
      expect(await store().documents.get(site, 'legal-hold', 'h')).toEqual({
        kind: 'legal-hold',
        id: 'h',
        version: 2,
        content,
      });
      expect(await store().documents.get(other, 'legal-hold', 'h')).toBeUndefined();
      expect(await store().documents.get(site, 'scrub', 'h')).toBeUndefined();
    });

    it('refuses a document whose version moved on, and leaves the one that is there', async () => {
      const site = newSite();
      await put(site, 'scrub', 's', 1, 'a');
      await expect(put(site, 'scrub', 's', 1, 'b')).rejects.toMatchObject({ kind: 'conflict' });
      await expect(put(site, 'scrub', 's', 3, 'c')).rejects.toMatchObject({ kind: 'conflict' });
      await expect(put(site, 'scrub', 'none', 2, 'd')).rejects.toMatchObject({ kind: 'conflict' });
      expect(await store().documents.get(site, 'scrub', 's')).toMatchObject({ version: 1, content: 'a' });
      expect(await store().documents.get(site, 'scrub', 'none')).toBeUndefined();
    });

    it('lists the documents of one kind by id, a page after the other', async () => {
      const site = newSite();
      for (const id of ['c', 'a', 'b']) await put(site, 'erasure', id, 1, `content of ${id}`);
      await put(site, 'backup', 'x', 1, null);
      const listed = async (after: string, limit: number) =>
        (await store().documents.list(site, 'erasure', { after, limit })).map(({ id, content }) => [id, content]);
      expect(await listed('', 2)).toEqual([
        ['a', 'content of a'],
        ['b', 'content of b'],
      ]);
      expect(await listed('b', 2)).toEqual([['c', 'content of c']]);
      expect(await listed('c', 2)).toEqual([]);
      expect(await store().documents.list(newSite(), 'erasure', { after: '', limit: 9 })).toEqual([]);
    });
  });
}
