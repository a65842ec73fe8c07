import { describe, expect, it } from '@jest/globals';
import type { RunRow } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { AT, LATER, runRow } from './store-rows.ts';

const END = '2026-11-24T12:00:00.000Z';

/** What every RunReader promises. */
export function describeRuns(name: string, open: () => Promise<Store>): void {
  describe(`RunReader: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const add = (site: string, ...rows: readonly RunRow[]) =>
      store().ledger.commit({ site, runs: rows.map((row) => ({ expected: row.version - 1, row })) });

    it('gives a run back by id and by key, and no run of another site', async () => {
      const site = newSite();
      const row = runRow('r', { failure: { kind: 'no-hippocampus', message: 'none was found' } });
      await add(site, row);
      expect(await store().runs.get(site, 'r')).toEqual(row);
      expect((await store().runs.findByKey(site, 'key-r'))!.id).toBe('r');
      expect(await store().runs.findByKey(newSite(), 'key-r')).toBeUndefined();
    });

    it('refuses a second run with the same key', async () => {
      const site = newSite();
      await add(site, runRow('1', { key: 'same' }));
      await expect(add(site, runRow('2', { key: 'same' }))).rejects.toMatchObject({ kind: 'conflict' });
    });

    it('finds the oldest run of an analysis', async () => {
      const site = newSite();
      const result = {
        analysisKey: 'analysis',
        segSopInstanceUid: '1.1',
        srSopInstanceUid: '1.2',
        pdfSopInstanceUid: '1.3',
        diagnosticReport: 'DiagnosticReport/1',
        patient: 'Patient/1',
        leftVolumeMm3: 3000,
        rightVolumeMm3: 3100.5,
        qualityVerdict: 'pass',
      };
      await add(site, runRow('later', { createdAt: LATER, result }), runRow('first', { result }), runRow('other'));
      expect(await store().runs.findByAnalysisKey(site, 'analysis')).toMatchObject({ id: 'first', result });
      expect(await store().runs.findByAnalysisKey(site, 'another')).toBeUndefined();
    });

    it('lists newest first, by state and by study, with the number of all that match', async () => {
      const site = newSite();
      await add(
        site,
        runRow('1'),
        runRow('2', { createdAt: LATER, state: 'dead' }),
        runRow('3', { createdAt: END, studyInstanceUid: '9' }),
      );
      const list = async (query: { state?: RunRow['state'][]; studyInstanceUid?: string; limit?: number }) => {
        const { rows, total } = await store().runs.list(site, { limit: 10, offset: 0, ...query });
        return [rows.map(({ id }) => id).join(), total];
      };
      expect(await list({})).toEqual(['3,2,1', 3]);
      expect(await list({ limit: 1 })).toEqual(['3', 3]);
      expect(await list({ state: ['queued', 'running'] })).toEqual(['3,1', 2]);
      expect(await list({ studyInstanceUid: '9' })).toEqual(['3', 1]);
      expect(await list({ state: [] })).toEqual(['', 0]);
    });

    it('offers queued runs whose time has come and running ones whose lease has run out, oldest first', async () => {
      const site = newSite();
      await add(
        site,
        runRow('due', { createdAt: LATER }),
        runRow('not yet', { notBefore: END }),
        runRow('abandoned', { state: 'running', leaseUntil: AT }),
        runRow('at work', { state: 'running', leaseUntil: END }),
        runRow('built', { state: 'built' }),
      );
      const claimable = (await store().runs.claimable(LATER, 1_000)).filter((found) => found.site === site);
      expect(claimable.map(({ row }) => row.id)).toEqual(['abandoned', 'due']);
      expect(await store().runs.claimable(LATER, 1)).toHaveLength(1);
    });

    it('keeps the lines of a run in the order in which they were written', async () => {
      const site = newSite();
      const line = (runId: string, message: string) => ({ runId, at: AT, level: 'warn' as const, message });
      await store().ledger.commit({ site, runLog: [line('r', 'first'), line('other', 'x'), line('r', 'second')] });
      await store().ledger.commit({ site, runLog: [line('r', 'third')] });
      expect((await store().runs.log(site, 'r')).map(({ message }) => message)).toEqual(['first', 'second', 'third']);
    });

    it('counts the runs of every state', async () => {
      const before = await store().runs.countByState();
      await add(newSite(), runRow('1', { state: 'dead' }), runRow('2'));
      const after = await store().runs.countByState();
      expect([after.dead - before.dead, after.queued - before.queued, after.built - before.built]).toEqual([1, 1, 0]);
    });
  });
}
