import { describe, expect, it } from '@jest/globals';
import type { OutboxRow } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, LATER, outboxRow } from './store-rows.ts';

const END = '2026-11-24T12:00:00.000Z';

/** What every OutboxReader promises. */
export function describeOutbox(name: string, open: () => Promise<Store>): void {
  describe(`OutboxReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const add = (site: string, ...rows: readonly OutboxRow[]) =>
      store().ledger.commit({ site, outbox: rows.map((row) => ({ expected: row.version - 1, row })) });
    const ids = (rows: readonly OutboxRow[]): string => rows.map(({ id }) => id).join();

    it('refuses a second push with the same key', async () => {
      const site = newSite();
      await add(site, outboxRow('1', { key: 'run/pacs' }));
      await expect(add(site, outboxRow('2', { key: 'run/pacs' }))).rejects.toMatchObject({ kind: 'conflict' });
    });

    it('offers pending rows that are due and that nobody holds, oldest first', async () => {
      const site = newSite();
      await add(
        site,
        outboxRow('second', { createdAt: LATER }),
        outboxRow('first'),
        outboxRow('held', { leaseToken: 't', leaseUntil: END }),
        outboxRow('abandoned', { createdAt: END, leaseToken: 't', leaseUntil: AT }),
        outboxRow('not yet', { notBefore: END }),
        outboxRow('done', { state: 'delivered' }),
      );
      const due = (await store().outbox.due(LATER, 1_000)).filter((found) => found.site === site);
      expect(ids(due.map(({ row }) => row))).toBe('first,second,abandoned');
      expect(await store().outbox.due(LATER, 1)).toHaveLength(1);
    });

    it('changes a row only from the version that was read', async () => {
      const site = newSite();
      await add(site, outboxRow('o'));
      await add(site, outboxRow('o', { version: 2, state: 'dead', lastError: 'refused' }));
      await expect(add(site, outboxRow('o', { version: 2 }))).rejects.toMatchObject({ kind: 'conflict' });
      expect(await store().outbox.get(site, 'o')).toMatchObject({ version: 2, state: 'dead', lastError: 'refused' });
    });

    it('lists the rows of a run, of a destination and of a state', async () => {
      const site = newSite();
      await add(
        site,
        outboxRow('1', { runId: 'a' }),
        outboxRow('2', { runId: 'a', destination: 'ehr', createdAt: LATER }),
        outboxRow('3', { runId: 'b', state: 'delivered', createdAt: END }),
      );
      expect(ids(await store().outbox.ofRun(site, 'a'))).toBe('1,2');
      const list = (query: { destination?: string; state?: OutboxRow['state'] }) =>
        store().outbox.list(site, { limit: 10, offset: 0, ...query });
      expect(ids(await list({}))).toBe('3,2,1');
      expect(ids(await list({ destination: 'pacs' }))).toBe('3,1');
      expect(ids(await list({ state: 'pending' }))).toBe('2,1');
      expect(ids(await store().outbox.list(site, { limit: 1, offset: 1 }))).toBe('2');
    });

    it('counts the rows of every state', async () => {
      const before = await store().outbox.countByState();
      await add(newSite(), outboxRow('1', { state: 'dead' }), outboxRow('2'));
      const after = await store().outbox.countByState();
      expect([after.dead - before.dead, after.pending - before.pending]).toEqual([1, 1]);
      expect(after.delivered).toBe(before.delivered);
    });
  });
}
