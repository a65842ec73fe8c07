import { describe, expect, it } from '@jest/globals';
import type { Commit, LoggedChange } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { auditRow, instanceRow, patientVersion, runRow } from './store-rows.ts';

/** What every ChangeFeed promises. */
export function describeChanges(name: string, open: () => Promise<Store>): void {
  describe(`ChangeFeed: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const commit = async (site: string, given: Omit<Commit, 'site'>): Promise<number> =>
      (await store().ledger.commit({ site, ...given })).sequence;
    const said = ({ kind, action, key, version }: LoggedChange): string => `${kind} ${action} ${key} ${version}`;
    const feed = async (site: string | undefined, sequence = 0, limit = 1_000) =>
      (await store().changes.after(site, sequence, limit)).map(said);
    const patient = (id: string, versionId = 1) => ({ expected: versionId - 1, row: patientVersion(id, versionId) });

    it('tells what became of resources, studies and documents, in the order in which they were written', async () => {
      const site = newSite();
      const instances = ['1', '2'].map((uid) => instanceRow({ study: '1.2', series: '1.2.1', uid: `1.2.1.${uid}` }));
      await commit(site, { resources: [patient('a'), patient('b')] });
      await commit(site, { resources: [patient('a', 2)], instances });
      await commit(site, { instances: [...instances, instanceRow({ study: '1.2', series: '1.2.1', uid: '1.2.1.3' })] });
      await commit(site, {
        documents: [{ expected: 0, row: { kind: 'scrub', id: 's', version: 1, content: {} } }],
        resources: [
          { expected: 1, row: { ...patientVersion('b', 2), method: 'DELETE', resource: undefined, index: [] } },
        ],
      });
      const found = await feed(site);
      expect(found.slice(0, 2)).toEqual(['resource create Patient/a 1', 'resource create Patient/b 1']);
      expect(new Set(found.slice(2, 4))).toEqual(new Set(['resource update Patient/a 2', 'study create 1.2 2']));
      expect(found[4]).toBe('study update 1.2 1');
      expect(new Set(found.slice(5))).toEqual(new Set(['resource delete Patient/b 2', 'document create scrub/s 1']));
    });

    it('tells what left the store for good', async () => {
      const site = newSite();
      await commit(site, {
        resources: [patient('a')],
        instances: [instanceRow({ study: '1.2', series: '1.2.1', uid: '1.2.1.1' })],
      });
      const sequence = await commit(site, {
        removals: { studies: ['1.2'], resources: [{ resourceType: 'Patient', id: 'a' }] },
      });
      const erased = (await store().changes.after(site, sequence - 1, 10)).filter(({ action }) => action === 'erase');
      expect(erased.map(({ kind, key }) => `${kind} ${key}`).sort()).toEqual(['resource Patient/a', 'study 1.2']);
    });

    it('says nothing of runs, audit and what changed nothing', async () => {
      const site = newSite();
      const instance = instanceRow({ study: '1.2', series: '1.2.1', uid: '1.2.1.1' });
      const first = await commit(site, { instances: [instance] });
      await commit(site, { instances: [instance], runs: [{ expected: 0, row: runRow('r') }], audit: [auditRow('a')] });
      expect(await feed(site, first)).toEqual([]);
    });

    it('goes on after a place that is remembered and never parts the changes of a commit', async () => {
      const site = newSite();
      await commit(site, { resources: [patient('a'), patient('b'), patient('c')] });
      await commit(site, { resources: [patient('d')] });
      const first = await store().changes.after(site, 0, 2);
      expect(first.map(({ key, ordinal }) => [key, ordinal])).toEqual([
        ['Patient/a', 0],
        ['Patient/b', 1],
        ['Patient/c', 2],
      ]);
      expect(new Set(first.map(({ sequence }) => sequence)).size).toBe(1);
      expect(await feed(site, first.at(-1)!.sequence, 2)).toEqual(['resource create Patient/d 1']);
      expect((await store().changes.after(site, 0, 4)).map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 0]);
    });

    it('keeps sites apart and tells all of them on demand', async () => {
      const [site, other] = [newSite(), newSite()];
      const start = (await store().changes.head()).sequence;
      await commit(site, { resources: [patient('a')] });
      await commit(other, { resources: [patient('b')] });
      expect(await feed(site)).toEqual(['resource create Patient/a 1']);
      const both = await store().changes.after(undefined, start, 10);
      expect(both.map((change) => [change.site, change.key])).toEqual([
        [site, 'Patient/a'],
        [other, 'Patient/b'],
      ]);
    });

    it('has a head that moves with every commit', async () => {
      const site = newSite();
      const sequence = await commit(site, { audit: [auditRow('a')] });
      const before = await store().changes.head();
      expect(before.sequence).toBe(sequence);
      await commit(site, { audit: [auditRow('b')] });
      const after = await store().changes.head();
      expect(after.sequence).toBeGreaterThan(sequence);
      expect(after.chain).not.toBe(before.chain);
      expect(await store().changes.head()).toEqual(after);
    });

    it('finds the last commit of a moment', async () => {
      const site = newSite();
      const sequence = await commit(site, { resources: [patient('a')] });
      const [change] = await store().changes.after(site, sequence - 1, 1);
      expect(await store().changes.sequenceAt(change!.at)).toBeGreaterThanOrEqual(sequence);
      expect(await store().changes.sequenceAt('9999-01-01T00:00:00.000Z')).toBe(sequence);
      expect(await store().changes.sequenceAt('1999-01-01T00:00:00.000Z')).toBe(0);
    });
  });
}
