import { describe, expect, it } from '@jest/globals';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, auditRow, instanceRow, LATER, outboxRow, patientVersion, runRow } from './store-rows.ts';

const EARLIER = '2026-11-24T09:00:00.000Z';
const END = '2026-11-24T12:00:00.000Z';

/** What every RetentionReader and PackContentsReader promises. */
export function describeRetentionReader(name: string, open: () => Promise<Store>): void {
  describe(`RetentionReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);

    it('finds studies by the arrival of their newest instance, a page after the other', async () => {
      const site = newSite();
      const arrived = (study: string, uid: string, receivedAt: string, isSource = true) =>
        instanceRow({ study, series: `${study}.1`, uid: `${study}.1.${uid}` }, { receivedAt, isSource });
      await store().ledger.commit({
        site,
        instances: [
          arrived('1.1', '1', EARLIER),
          arrived('1.1', '2', AT, false),
          arrived('1.2', '1', EARLIER, false),
          arrived('1.3', '1', EARLIER),
        ],
      });
      const found = async (before: string, withSource: boolean, after = '', limit = 10) =>
        (await store().retention.studies(site, { before, withSource, after, limit })).map(
          ({ studyInstanceUid, receivedAt }) => `${studyInstanceUid} ${receivedAt}`,
        );
      expect(await found(AT, false)).toEqual([`1.2 ${EARLIER}`, `1.3 ${EARLIER}`]);
      expect(await found(LATER, false)).toEqual([`1.1 ${AT}`, `1.2 ${EARLIER}`, `1.3 ${EARLIER}`]);
      expect(await found(LATER, true)).toEqual([`1.1 ${AT}`, `1.3 ${EARLIER}`]);
      expect(await found(LATER, false, '1.1', 1)).toEqual([`1.2 ${EARLIER}`]);
      expect(await found(EARLIER, false)).toEqual([]);
      expect(
        await store().retention.studies(newSite(), { before: END, withSource: false, after: '', limit: 9 }),
      ).toEqual([]);
    });

    it('finds studies by the making of their newest run', async () => {
      const site = newSite();
      const run = (id: string, studyInstanceUid: string, createdAt: string) => ({
        expected: 0,
        row: runRow(id, { studyInstanceUid, createdAt }),
      });
      const runs = [run('a', '1.1', EARLIER), run('b', '1.1', AT), run('c', '1.2', EARLIER), run('d', '1.3', EARLIER)];
      await store().ledger.commit({ site, runs });
      const found = (before: string, after = '', limit = 10) =>
        store().retention.studiesOfRuns(site, { before, after, limit });
      expect(await found(AT)).toEqual(['1.2', '1.3']);
      expect(await found(LATER)).toEqual(['1.1', '1.2', '1.3']);
      expect(await found(LATER, '1.1', 1)).toEqual(['1.2']);
    });

    it('finds resources that were deleted before an instant and did not come back', async () => {
      const site = newSite();
      const version = (id: string, versionId: number) => ({
        expected: versionId - 1,
        row: patientVersion(id, versionId),
      });
      const deletion = (id: string, lastUpdated: string) => ({
        expected: 1,
        row: { ...patientVersion(id, 2), method: 'DELETE' as const, lastUpdated, resource: undefined, index: [] },
      });
      const ids = ['a', 'b', 'c', 'd', 'e'];
      await store().ledger.commit({ site, resources: ids.map((id) => version(id, 1)) });
      await store().ledger.commit({
        site,
        resources: [deletion('a', EARLIER), deletion('b', AT), deletion('c', EARLIER), deletion('e', EARLIER)],
      });
      await store().ledger.commit({ site, resources: [version('c', 3)] });
      const found = (before: string, after = '', limit = 10) =>
        store().retention.deletedResources(site, { before, after, limit });
      expect(await found(AT)).toEqual(['Patient/a', 'Patient/e']);
      expect(await found(LATER)).toEqual(['Patient/a', 'Patient/b', 'Patient/e']);
      expect(await found(LATER, 'Patient/a', 1)).toEqual(['Patient/b']);
    });

    it('tells how old the audit is and how much of it an instant would cut', async () => {
      const site = newSite();
      expect(await store().retention.oldestAudit(site)).toBeUndefined();
      const recorded = [LATER, EARLIER, AT];
      await store().ledger.commit({ site, audit: recorded.map((at, i) => auditRow(String(i), { recorded: at })) });
      expect(await store().retention.oldestAudit(site)).toBe(EARLIER);
      expect(await store().retention.countAuditBefore(site, LATER)).toBe(2);
      expect(await store().retention.countAuditBefore(newSite(), LATER)).toBe(0);
    });

    it('tells what points into a pack', async () => {
      const site = newSite();
      const pack = `${site}-p`;
      const location = { pack, offset: 0, length: 10 };
      const elsewhere = { pack: `${site}-q`, offset: 0, length: 100 };
      const instance = (uid: string, given: object) => instanceRow({ study: '1.9', series: '1.9.1', uid }, given);
      await store().ledger.commit({
        site,
        instances: [
          instance('1.9.1.2', { blob: elsewhere, metadata: location }),
          instance('1.9.1.1', { blob: location, metadata: location }),
          instance('1.9.1.3', { blob: elsewhere, metadata: elsewhere }),
        ],
        runs: [{ expected: 0, row: runRow('r', { files: { a: location, b: location } }) }],
        outbox: [{ expected: 0, row: outboxRow('o', { payload: { kind: 'fhir', bundle: location } }) }],
      });
      expect(await store().packContents.contents(site, pack)).toEqual({
        instances: ['1.9.1.1', '1.9.1.2'],
        instanceBytes: 30,
        runs: ['r'],
        outbox: ['o'],
      });
      const empty = { instances: [], instanceBytes: 0, runs: [], outbox: [] };
      expect(await store().packContents.contents(newSite(), pack)).toEqual(empty);
    });
  });
}
