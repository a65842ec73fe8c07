import { describe, expect, it } from '@jest/globals';
import type { AuditQuery, AuditRow } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, auditRow, LATER } from './store-rows.ts';

/** What every AuditLog promises. */
export function describeAuditLog(name: string, open: () => Promise<Store>): void {
  describe(`AuditLog: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const add = (site: string, ...audit: readonly AuditRow[]) => store().ledger.commit({ site, audit });

    it('gives a row back as it was written, in its own site alone', async () => {
      const site = newSite();
      const row = auditRow('a', {
        patients: ['Patient/1'],
        entities: ['Observation/2', 'urn:oid:1.2'],
        query: 'code=x',
      });
      await add(site, row);
      expect(await store().audit.get(site, 'a')).toEqual(row);
      expect(await store().audit.get(newSite(), 'a')).toBeUndefined();
    });

    it('searches by every criterion, newest first', async () => {
      const site = newSite();
      await add(site, auditRow('1', { patients: ['Patient/1'], entities: ['Observation/1', 'Patient/1'] }));
      await add(
        site,
        auditRow('2', { recorded: LATER, action: 'C', outcome: '4', entities: ['Observation/1'] }),
        auditRow('3', { agent: { kind: 'job', id: 'deliver', name: 'deliver', address: undefined } }),
      );
      const found = async (query: Partial<AuditQuery>) => {
        const { rows, total } = await store().audit.search(site, { count: 10, offset: 0, ...query });
        return [rows.map(({ id }) => id).join(), total];
      };
      expect(await found({})).toEqual(['2,3,1', 3]);
      expect(await found({ count: 1, offset: 1 })).toEqual(['3', 3]);
      expect(await found({ count: 0 })).toEqual(['', 3]);
      expect(await found({ from: LATER })).toEqual(['2', 1]);
      expect(await found({ to: AT })).toEqual(['3,1', 2]);
      expect(await found({ agent: 'deliver' })).toEqual(['3', 1]);
      expect(await found({ action: 'C' })).toEqual(['2', 1]);
      expect(await found({ outcome: '4' })).toEqual(['2', 1]);
      expect(await found({ patient: 'Patient/1' })).toEqual(['1', 1]);
      expect(await found({ entity: 'Observation/1' })).toEqual(['2,1', 2]);
      expect(await found({ entity: 'Observation/1', patient: 'Patient/1' })).toEqual(['1', 1]);
    });

    it('never takes one id twice', async () => {
      const site = newSite();
      await add(site, auditRow('a'));
      await expect(add(site, auditRow('a', { action: 'D' }))).rejects.toMatchObject({ kind: 'conflict' });
      expect((await store().audit.get(site, 'a'))!.action).toBe('R');
    });
  });
}
