import { describe, expect, it } from '@jest/globals';
import type { ResourceQuery } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import {
  AT,
  auditRow,
  instanceRow,
  LATER,
  outboxRow,
  patientVersion,
  runRow,
  seriesAttributes,
  sha256Of,
} from './store-rows.ts';

const conflict = { name: 'NeuroInsightError', kind: 'conflict' };

const patientsNamed = (folded: string): ResourceQuery => ({
  resourceType: 'Patient',
  where: [{ kind: 'string', param: 'family', anyOf: [folded], match: 'starts' }],
  sort: [],
  count: 10,
  offset: 0,
  total: true,
});

/** What every Ledger promises, and what the readers beside it see of a commit. */
export function describeLedger(name: string, open: () => Promise<Store>): void {
  describe(`Ledger: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    describeWholeness(store, newSite);
    describeCompareAndSet(store, newSite);
    describeNoneMatching(store, newSite);
    describeHistory(store, newSite);
    describeInstances(store, newSite);
    describePacks(store, newSite);
  });
}

type Stores = () => Store;
type NewSite = () => string;

function describeWholeness(store: Stores, newSite: NewSite): void {
  it('numbers commits in the order in which they happened, over all sites', async () => {
    const first = await store().ledger.commit({ site: newSite(), audit: [auditRow('a')] });
    const second = await store().ledger.commit({ site: newSite(), audit: [auditRow('a')] });
    expect(second.sequence).toBeGreaterThan(first.sequence);
  });

  it('applies every part of a commit at once', async () => {
    const site = newSite();
    const study = '1.2.840.1';
    await store().ledger.commit({
      site,
      resources: [{ expected: 0, row: patientVersion('p', 1) }],
      instances: [instanceRow({ study, series: '1.1', uid: '1.1.1' })],
      runs: [{ expected: 0, row: runRow('r') }],
      runLog: [{ runId: 'r', at: AT, level: 'info', message: 'queued' }],
      outbox: [{ expected: 0, row: outboxRow('o') }],
      considered: [{ studyInstanceUid: study, sourceReceivedAt: AT }],
      audit: [auditRow('a')],
    });
    expect(await store().resources.get(site, 'Patient', 'p')).toMatchObject({ versionId: 1, method: 'POST' });
    expect(await store().dicom.study(site, study)).toEqual({
      studyInstanceUid: study,
      sourceReceivedAt: AT,
      consideredAt: AT,
    });
    expect(await store().runs.get(site, 'r')).toMatchObject({ id: 'r', state: 'queued' });
    expect(await store().runs.log(site, 'r')).toEqual([{ runId: 'r', at: AT, level: 'info', message: 'queued' }]);
    expect(await store().outbox.get(site, 'o')).toMatchObject({ id: 'o', state: 'pending' });
    expect(await store().audit.get(site, 'a')).toMatchObject({ id: 'a' });
  });

  it('leaves nothing of a commit whose last part is refused', async () => {
    const site = newSite();
    await store().ledger.commit({ site, audit: [auditRow('taken')] });
    const refused = store().ledger.commit({
      site,
      resources: [{ expected: 0, row: patientVersion('p', 1) }],
      instances: [instanceRow({ study: '1.2.840.2', series: '1.1', uid: '1.1.2' })],
      runs: [{ expected: 0, row: runRow('r') }],
      outbox: [{ expected: 0, row: outboxRow('o') }],
      audit: [auditRow('taken')],
    });
    await expect(refused).rejects.toMatchObject(conflict);
    expect(await store().resources.get(site, 'Patient', 'p')).toBeUndefined();
    expect((await store().resources.search(site, patientsNamed('musterfrau'))).total).toBe(0);
    expect((await store().resources.history(site, { count: 10, offset: 0 })).rows).toEqual([]);
    expect(await store().dicom.study(site, '1.2.840.2')).toBeUndefined();
    expect(await store().runs.get(site, 'r')).toBeUndefined();
    expect(await store().outbox.get(site, 'o')).toBeUndefined();
  });

  it('refuses one of many commits at the same time and keeps the others', async () => {
    const site = newSite();
    const ids = ['1', '2', '3', '2', '4', '5'];
    const settled = await Promise.allSettled(
      ids.map((id) => store().ledger.commit({ site, resources: [{ expected: 0, row: patientVersion(id, 1) }] })),
    );
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect((await store().resources.history(site, { count: 10, offset: 0 })).total).toBe(5);
  });

  it('keeps what it was given, whatever the caller does with it afterwards', async () => {
    const site = newSite();
    const files = { 'report.pdf': { pack: 'pack', offset: 0, length: 1 } };
    const row = runRow('r', { files });
    await store().ledger.commit({ site, runs: [{ expected: 0, row }] });
    Object.assign(files, { 'other.pdf': { pack: 'other', offset: 0, length: 1 } });
    expect(Object.keys((await store().runs.get(site, 'r'))!.files)).toEqual(['report.pdf']);
    Object.assign((await store().runs.get(site, 'r'))!.files, files);
    expect(Object.keys((await store().runs.get(site, 'r'))!.files)).toEqual(['report.pdf']);
  });
}

function describeCompareAndSet(store: Stores, newSite: NewSite): void {
  it('lets one of two concurrent writers win and tells the other', async () => {
    const site = newSite();
    await store().ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('p', 1) }] });
    const write = (family: string) =>
      store().ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('p', 2, family) }] });
    const settled = await Promise.allSettled([write('First'), write('Second')]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((settled[1] as PromiseRejectedResult).reason).toMatchObject(conflict);
    expect((await store().resources.get(site, 'Patient', 'p'))!.json).toContain('First');
  });

  it('refuses to create what exists and to change what does not', async () => {
    const site = newSite();
    await store().ledger.commit({ site, runs: [{ expected: 0, row: runRow('r') }] });
    const create = store().ledger.commit({ site, runs: [{ expected: 0, row: runRow('r') }] });
    await expect(create).rejects.toMatchObject(conflict);
    const change = store().ledger.commit({ site, outbox: [{ expected: 3, row: outboxRow('none', { version: 4 }) }] });
    await expect(change).rejects.toMatchObject(conflict);
  });

  it('calls it a defect when a row does not carry the version after the expected one', async () => {
    const site = newSite();
    const wrong = store().ledger.commit({ site, runs: [{ expected: 0, row: runRow('r', { version: 2 }) }] });
    await expect(wrong).rejects.toThrow('a change of version 0 cannot write version 2');
    expect(await store().runs.get(site, 'r')).toBeUndefined();
  });

  it('lets the same keys exist in another site', async () => {
    const [one, other] = [newSite(), newSite()];
    for (const site of [one, other]) {
      await store().ledger.commit({
        site,
        resources: [{ expected: 0, row: patientVersion('p', 1) }],
        instances: [instanceRow({ study: '1.2.840.3', series: '1.1', uid: '1.1.3' })],
        runs: [{ expected: 0, row: runRow('r') }],
        audit: [auditRow('a')],
      });
    }
    expect((await store().resources.search(one, patientsNamed('musterfrau'))).total).toBe(1);
    expect((await store().runs.list(other, { limit: 10, offset: 0 })).total).toBe(1);
  });
}

function describeNoneMatching(store: Stores, newSite: NewSite): void {
  it('refuses a commit when a query that must find nothing finds something', async () => {
    const site = newSite();
    const createOnce = (id: string) =>
      store().ledger.commit({
        site,
        noneMatching: [patientsNamed('musterfrau')],
        resources: [{ expected: 0, row: patientVersion(id, 1) }],
      });
    const settled = await Promise.allSettled([createOnce('1'), createOnce('2')]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((settled[1] as PromiseRejectedResult).reason).toMatchObject(conflict);
    expect(await store().resources.get(site, 'Patient', '2')).toBeUndefined();
  });
}

function describeHistory(store: Stores, newSite: NewSite): void {
  it('finds a resource by its newest version alone and keeps the older ones', async () => {
    const site = newSite();
    await store().ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('p', 1, 'Before') }] });
    await store().ledger.commit({ site, resources: [{ expected: 1, row: patientVersion('p', 2, 'After') }] });
    expect((await store().resources.search(site, patientsNamed('before'))).total).toBe(0);
    expect((await store().resources.search(site, patientsNamed('after'))).rows).toHaveLength(1);
    expect((await store().resources.getVersion(site, 'Patient', 'p', 1))!.json).toContain('Before');
    const history = await store().resources.history(site, { resourceType: 'Patient', id: 'p', count: 1, offset: 0 });
    expect(history).toMatchObject({ more: true, total: 2, rows: [{ versionId: 2, method: 'PUT' }] });
  });

  it('keeps a deletion as a version and lets the resource come back', async () => {
    const site = newSite();
    const deletion = { ...patientVersion('p', 2), method: 'DELETE' as const, resource: undefined, index: [] };
    await store().ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('p', 1) }] });
    await store().ledger.commit({ site, resources: [{ expected: 1, row: deletion }] });
    expect(await store().resources.get(site, 'Patient', 'p')).toMatchObject({ versionId: 2, json: undefined });
    expect((await store().resources.search(site, patientsNamed('musterfrau'))).rows).toEqual([]);
    await store().ledger.commit({ site, resources: [{ expected: 2, row: patientVersion('p', 3) }] });
    expect((await store().resources.search(site, patientsNamed('musterfrau'))).rows).toMatchObject([{ versionId: 3 }]);
  });

  it('answers the history of a type and of a site, newest first, from a moment on', async () => {
    const site = newSite();
    const later = { ...patientVersion('2', 1), lastUpdated: LATER };
    await store().ledger.commit({ site, resources: [{ expected: 0, row: patientVersion('1', 1) }] });
    await store().ledger.commit({ site, resources: [{ expected: 0, row: later }] });
    const ids = async (query: { resourceType?: string; since?: string }) =>
      (await store().resources.history(site, { ...query, count: 10, offset: 0 })).rows.map(({ id }) => id);
    expect(await ids({})).toEqual(['2', '1']);
    expect(await ids({ resourceType: 'Patient' })).toEqual(['2', '1']);
    expect(await ids({ resourceType: 'Observation' })).toEqual([]);
    expect(await ids({ since: LATER })).toEqual(['2']);
  });

  it('stores JSON byte for byte and indexes more values than fit one statement', async () => {
    const site = newSite();
    const index = Array.from({ length: 40 }, (_, number) => ({
      kind: 'string' as const,
      param: 'family',
      value: `N${number}`,
      folded: `n${number}`,
    }));
    const row = { ...patientVersion('p', 1, 'Zoë \u0000 "quoted" \ud83e\udde0'), index };
    await store().ledger.commit({ site, resources: [{ expected: 0, row }] });
    expect((await store().resources.get(site, 'Patient', 'p'))!.json).toBe(JSON.stringify(row.resource));
    expect((await store().resources.search(site, patientsNamed('n39'))).total).toBe(1);
  });
}

function describeInstances(store: Stores, newSite: NewSite): void {
  const study = '1.2.840.4';

  it('passes over an instance that is stored with the same bytes', async () => {
    const site = newSite();
    const row = instanceRow({ study, series: '1.1', uid: '1.1.1' });
    await store().ledger.commit({ site, instances: [row] });
    await store().ledger.commit({ site, instances: [{ ...row, receivedAt: LATER, receivedFrom: 'again' }] });
    expect(await store().dicom.instances(site, { studyInstanceUid: study })).toEqual([row]);
    expect((await store().dicom.study(site, study))!.sourceReceivedAt).toBe(AT);
    const [found] = await store().dicom.query(site, { level: 'study', where: [], limit: 10, offset: 0 });
    expect(found).toMatchObject({ numberOfStudyRelatedSeries: 1, numberOfStudyRelatedInstances: 1 });
  });

  it('refuses an instance whose UID is stored with other bytes, and everything with it', async () => {
    const site = newSite();
    const place = { study, series: '1.1', uid: '1.1.1' };
    await store().ledger.commit({ site, instances: [instanceRow(place)] });
    const other = store().ledger.commit({
      site,
      instances: [
        instanceRow({ study: '1.2.840.5', series: '1.2', uid: '1.1.2' }),
        instanceRow(place, { receivedSha256: sha256Of('other') }),
      ],
    });
    await expect(other).rejects.toMatchObject({ kind: 'duplicate-instance' });
    expect(await store().dicom.study(site, '1.2.840.5')).toBeUndefined();
    expect(await store().dicom.findInstances(site, ['1.1.1', '1.1.2'])).toHaveLength(1);
  });

  it('counts series, instances and modalities of a study over several commits', async () => {
    const site = newSite();
    const mr = (uid: string) => instanceRow({ study, series: '1.1', uid });
    const { attributes } = mr('x');
    const seg = instanceRow(
      { study, series: '1.2', uid: '2.1' },
      { attributes: { ...attributes, series: seriesAttributes('1.2', 'SEG') }, isSource: false, receivedAt: LATER },
    );
    await store().ledger.commit({ site, instances: [mr('1.1'), mr('1.2')] });
    await store().ledger.commit({ site, instances: [mr('1.3'), seg] });
    const [found] = await store().dicom.query(site, { level: 'study', where: [], limit: 10, offset: 0 });
    expect(found).toMatchObject({
      modalitiesInStudy: ['MR', 'SEG'],
      numberOfStudyRelatedSeries: 2,
      numberOfStudyRelatedInstances: 4,
    });
    expect((await store().dicom.study(site, study))!.sourceReceivedAt).toBe(AT);
  });

  it('lists studies that have been quiet and not been considered, oldest first', async () => {
    const site = newSite();
    const arrived = (uid: string, receivedAt: string) =>
      instanceRow({ study: uid, series: `${uid}.1`, uid: `${uid}.1.1` }, { receivedAt });
    await store().ledger.commit({ site, instances: [arrived('1.2', LATER), arrived('1.1', AT)] });
    const quiet = async (before: string) =>
      (await store().dicom.quietStudies(site, before, 10)).map(({ studyInstanceUid }) => studyInstanceUid);
    const end = '2026-11-24T12:00:00.000Z';
    expect(await quiet(end)).toEqual(['1.1', '1.2']);
    expect(await quiet(LATER)).toEqual(['1.1']);
    await store().ledger.commit({ site, considered: [{ studyInstanceUid: '1.1', sourceReceivedAt: AT }] });
    expect(await quiet(end)).toEqual(['1.2']);
    const more = instanceRow({ study: '1.1', series: '1.1.1', uid: '1.1.1.2' }, { receivedAt: LATER });
    await store().ledger.commit({ site, instances: [more] });
    expect(await quiet(end)).toEqual(['1.1', '1.2']);
  });
}

function describePacks(store: Stores, newSite: NewSite): void {
  const isReferenced = (pack: string) => store().dicom.isPackReferenced(pack);

  it('knows every pack that some row points into', async () => {
    const site = newSite();
    const pack = (of: string) => `${of} of ${site}`;
    const location = (of: string) => ({ pack: pack(of), offset: 0, length: 1 });
    const place = { study: '1.2.840.6', series: '1.1', uid: '1.1.6' };
    await store().ledger.commit({
      site,
      instances: [instanceRow(place, { blob: location('blob'), metadata: location('metadata') })],
      runs: [{ expected: 0, row: runRow('r', { files: { 'report.pdf': location('file') } }) }],
      outbox: [{ expected: 0, row: outboxRow('o', { payload: { kind: 'fhir', bundle: location('bundle') } }) }],
    });
    for (const kind of ['blob', 'metadata', 'file', 'bundle']) expect(await isReferenced(pack(kind))).toBe(true);
    expect(await isReferenced(pack('nothing'))).toBe(false);
    const files = { 'report.pdf': location('newer file') };
    await store().ledger.commit({ site, runs: [{ expected: 1, row: runRow('r', { version: 2, files }) }] });
    expect(await isReferenced(pack('file'))).toBe(false);
    expect(await isReferenced(pack('newer file'))).toBe(true);
  });
}
