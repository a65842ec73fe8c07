import { describe, expect, it } from '@jest/globals';
import type { Commit, DicomQuery, InstanceRow, ResourceQuery } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { openedStore } from './opened-store.ts';
import { packRow, studyKeyRow } from './packs.contract.ts';
import { AT, auditRow, instanceRow, LATER, outboxRow, patientVersion, runRow, seriesAttributes } from './store-rows.ts';

const conflict = { name: 'NeuroInsightError', kind: 'conflict' };
const STUDIES: DicomQuery = { level: 'study', where: [], limit: 10, offset: 0 };
const SERIES: DicomQuery = { level: 'series', where: [], limit: 10, offset: 0 };

type Committing = (given: Omit<Commit, 'site'>) => Promise<unknown>;
interface Opened {
  readonly store: () => Store;
  /** A site of its own and how to commit to it. */
  readonly fresh: () => { readonly site: string; readonly commit: Committing };
}

/** What every Ledger promises of what leaves it for good. */
export function describeRemovals(name: string, open: () => Promise<Store>): void {
  describe(`Removals: ${name}`, () => {
    const { store, newSite } = openedStore(open);
    const fresh = () => {
      const site = newSite();
      return { site, commit: (given: Omit<Commit, 'site'>) => store().ledger.commit({ site, ...given }) };
    };
    describeStudies({ store, fresh });
    describeSingleInstances({ store, fresh });
    describeRelocations({ store, fresh });
    describeResources({ store, fresh });
    describeRunsAndAudit({ store, fresh });
    describePackRows({ store, fresh });
  });
}

const mr = (study: string, uid: string, given: Partial<InstanceRow> = {}): InstanceRow =>
  instanceRow({ study, series: `${study}.1`, uid: `${study}.1.${uid}` }, given);

function seg(study: string, uid: string): InstanceRow {
  const place = { study, series: `${study}.2`, uid: `${study}.2.${uid}` };
  const { attributes } = instanceRow(place);
  return instanceRow(place, {
    attributes: { ...attributes, series: seriesAttributes(place.series, 'SEG') },
    isSource: false,
    receivedAt: LATER,
  });
}

function describeStudies({ store, fresh }: Opened): void {
  it('takes a study with its series, instances, packs and key, and leaves the others', async () => {
    const { site, commit } = fresh();
    const [gone, kept] = ['1.2.100', '1.2.101'];
    await commit({
      instances: [mr(gone, '1'), mr(gone, '2'), seg(gone, '1'), mr(kept, '1')],
      packs: [packRow(`${site}-a`, { studyInstanceUid: gone }), packRow(`${site}-b`, { studyInstanceUid: kept })],
      studyKeys: [studyKeyRow(gone, 'k'), studyKeyRow(kept, 'k')],
    });
    await commit({ removals: { studies: [gone, '1.2.999'] } });
    expect(await store().dicom.study(site, gone)).toBeUndefined();
    expect(await store().dicom.instances(site, { studyInstanceUid: gone })).toEqual([]);
    expect(await store().dicom.findInstances(site, [`${gone}.1.1`, `${gone}.2.1`])).toEqual([]);
    expect(await store().packs.get(`${site}-a`)).toBeUndefined();
    expect(await store().packs.studyKey(site, gone)).toBeUndefined();
    const found = await store().dicom.query(site, STUDIES);
    expect(found.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([kept]);
    expect(await store().dicom.query(site, SERIES)).toHaveLength(1);
    expect(await store().dicom.isPackReferenced(`pack of ${kept}`)).toBe(true);
    expect(await store().packs.studyKey(site, kept)).toBeDefined();
  });

  it('leaves a study of the same name in another site', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const { commit } of [one, other]) await commit({ instances: [mr('1.2.102', '1')] });
    await one.commit({ removals: { studies: ['1.2.102'] } });
    expect(await store().dicom.instances(other.site, { studyInstanceUid: '1.2.102' })).toHaveLength(1);
  });

  it('lets the study come back as a new one', async () => {
    const { site, commit } = fresh();
    const study = '1.2.103';
    await commit({ instances: [mr(study, '1'), mr(study, '2')], studyKeys: [studyKeyRow(study, 'k', 'first')] });
    await commit({ removals: { studies: [study] } });
    await commit({ instances: [mr(study, '1')], studyKeys: [studyKeyRow(study, 'k', 'second')] });
    const [found] = await store().dicom.query(site, STUDIES);
    expect(found).toMatchObject({ numberOfStudyRelatedSeries: 1, numberOfStudyRelatedInstances: 1 });
    expect((await store().packs.studyKey(site, study))!.wrapped).toBe('second');
  });

  it('refuses a pack of a study whose key went meanwhile, and the instances in it', async () => {
    const { site, commit } = fresh();
    const study = '1.2.107';
    const pack = packRow(`${site}-p`, { studyInstanceUid: study });
    await commit({ packs: [pack], studyKeys: [studyKeyRow(study, 'k')], instances: [mr(study, '1')] });
    await commit({ removals: { studies: [study] } });
    const late = { packs: [packRow(`${site}-q`, { studyInstanceUid: study })], instances: [mr(study, '2')] };
    await expect(commit(late)).rejects.toMatchObject(conflict);
    // A look at the pack that began before must not bring its row back.
    await expect(commit({ packs: [{ ...pack, checkedAt: LATER }] })).rejects.toMatchObject(conflict);
    expect(await store().dicom.instances(site, { studyInstanceUid: study })).toEqual([]);
    expect(await store().packs.ofStudy(site, study)).toEqual([]);
  });

  it('refuses to take a study that has got or lost an instance meanwhile', async () => {
    const { site, commit } = fresh();
    const study = '1.2.105';
    await commit({ instances: [mr(study, '1'), mr(study, '2')] });
    for (const instances of [1, 3]) {
      const counted = [{ studyInstanceUid: study, instances }];
      await expect(commit({ removals: { studies: [study], counted } })).rejects.toMatchObject(conflict);
    }
    const missing = [{ studyInstanceUid: '1.2.106', instances: 1 }];
    await expect(commit({ removals: { counted: missing } })).rejects.toMatchObject(conflict);
    expect(await store().dicom.instances(site, { studyInstanceUid: study })).toHaveLength(2);
    const counted = [
      { studyInstanceUid: study, instances: 2 },
      { studyInstanceUid: '1.2.106', instances: 0 },
    ];
    await commit({ removals: { studies: [study], counted } });
    expect(await store().dicom.study(site, study)).toBeUndefined();
  });

  it('takes nothing when another part of the commit is refused', async () => {
    const { site, commit } = fresh();
    await commit({ instances: [mr('1.2.104', '1')], audit: [auditRow('taken')] });
    const refused = commit({ removals: { studies: ['1.2.104'] }, audit: [auditRow('taken')] });
    await expect(refused).rejects.toMatchObject(conflict);
    expect(await store().dicom.instances(site, { studyInstanceUid: '1.2.104' })).toHaveLength(1);
  });
}

function describeSingleInstances({ store, fresh }: Opened): void {
  const study = '1.2.110';

  it('takes single instances; counts, modalities and the empty series follow', async () => {
    const { site, commit } = fresh();
    await commit({ instances: [mr(study, '1'), mr(study, '2', { receivedAt: LATER }), seg(study, '1')] });
    const uids = [`${study}.1.2`, `${study}.2.1`, `${study}.9`];
    const instances = uids.map((sopInstanceUid) => ({ studyInstanceUid: study, sopInstanceUid }));
    await commit({ removals: { instances } });
    const [found] = await store().dicom.query(site, STUDIES);
    expect(found).toMatchObject({
      modalitiesInStudy: ['MR'],
      numberOfStudyRelatedSeries: 1,
      numberOfStudyRelatedInstances: 1,
    });
    const series = await store().dicom.query(site, SERIES);
    expect(series).toMatchObject([{ seriesInstanceUid: `${study}.1`, numberOfSeriesRelatedInstances: 1 }]);
    expect((await store().dicom.instances(site, { studyInstanceUid: study })).map((row) => row.sopInstanceUid)).toEqual(
      [`${study}.1.1`],
    );
    expect((await store().dicom.study(site, study))!.sourceReceivedAt).toBe(AT);
  });

  it('knows of no source instance when the last one went', async () => {
    const { site, commit } = fresh();
    await commit({ instances: [mr(study, '1'), seg(study, '1')] });
    await commit({ removals: { instances: [{ studyInstanceUid: study, sopInstanceUid: `${study}.1.1` }] } });
    expect((await store().dicom.study(site, study))!.sourceReceivedAt).toBeUndefined();
    expect(await store().dicom.quietStudies(site, '2027-01-01T00:00:00.000Z', 10)).toEqual([]);
    const [found] = await store().dicom.query(site, STUDIES);
    expect(found!.modalitiesInStudy).toEqual(['SEG']);
  });

  it('takes the study with its last instance and keeps packs and key for what else lies there', async () => {
    const { site, commit } = fresh();
    const pack = packRow(`${site}-p`, { studyInstanceUid: study });
    await commit({ instances: [mr(study, '1')], packs: [pack], studyKeys: [studyKeyRow(study, 'k')] });
    await commit({ removals: { instances: [{ studyInstanceUid: study, sopInstanceUid: `${study}.1.1` }] } });
    expect(await store().dicom.study(site, study)).toBeUndefined();
    expect(await store().dicom.query(site, SERIES)).toEqual([]);
    expect(await store().packs.get(pack.pack)).toBeDefined();
    expect(await store().packs.studyKey(site, study)).toBeDefined();
  });

  it('passes over an instance of another study', async () => {
    const { site, commit } = fresh();
    await commit({ instances: [mr('1.2.111', '1')] });
    await commit({ removals: { instances: [{ studyInstanceUid: '1.2.112', sopInstanceUid: '1.2.111.1.1' }] } });
    expect(await store().dicom.findInstances(site, ['1.2.111.1.1'])).toHaveLength(1);
  });
}

function describeRelocations({ store, fresh }: Opened): void {
  it('moves instances to another pack and changes nothing else of them', async () => {
    const { site, commit } = fresh();
    const at = (pack: string, offset: number) => ({ pack: `${site}-${pack}`, offset, length: 10 });
    const row = mr('1.2.120', '1', { blob: at('old', 0), metadata: at('old', 10) });
    await commit({ instances: [row] });
    const moved = { blob: at('new', 100), metadata: at('new', 110) };
    const relocation = { sopInstanceUid: row.sopInstanceUid, fromPack: `${site}-old`, ...moved };
    await commit({ relocations: [relocation] });
    expect(await store().dicom.findInstances(site, [row.sopInstanceUid])).toEqual([{ ...row, ...moved }]);
    expect(await store().dicom.isPackReferenced(`${site}-old`)).toBe(false);
    expect(await store().dicom.isPackReferenced(`${site}-new`)).toBe(true);
    await expect(commit({ relocations: [relocation] })).rejects.toMatchObject(conflict);
    const missing = { ...relocation, sopInstanceUid: '1.2.120.9' };
    await expect(commit({ relocations: [missing] })).rejects.toMatchObject(conflict);
  });

  it('keeps metadata apart from the bytes where they lie in different packs', async () => {
    const { site, commit } = fresh();
    const at = (pack: string) => ({ pack: `${site}-${pack}`, offset: 0, length: 10 });
    const row = mr('1.2.121', '1', { blob: at('bytes'), metadata: at('metadata') });
    await commit({ instances: [row] });
    const relocation = { sopInstanceUid: row.sopInstanceUid, fromPack: `${site}-bytes`, blob: at('one') };
    await commit({ relocations: [{ ...relocation, metadata: at('one') }] });
    expect(await store().dicom.isPackReferenced(`${site}-metadata`)).toBe(false);
    await commit({ removals: { studies: ['1.2.121'] } });
    expect(await store().dicom.isPackReferenced(`${site}-one`)).toBe(false);
  });
}

function describeResources({ store, fresh }: Opened): void {
  const named: ResourceQuery = {
    resourceType: 'Patient',
    where: [{ kind: 'string', param: 'family', anyOf: ['muster'], match: 'starts' }],
    sort: [],
    count: 10,
    offset: 0,
    total: true,
  };

  it('takes a resource with every version and what finds it', async () => {
    const { site, commit } = fresh();
    await commit({ resources: ['p', 'q'].map((id) => ({ expected: 0, row: patientVersion(id, 1) })) });
    await commit({ resources: [{ expected: 1, row: patientVersion('p', 2) }] });
    const resources = ['p', 'none'].map((id) => ({ resourceType: 'Patient', id }));
    await commit({ removals: { resources } });
    expect(await store().resources.get(site, 'Patient', 'p')).toBeUndefined();
    expect(await store().resources.getVersion(site, 'Patient', 'p', 1)).toBeUndefined();
    expect((await store().resources.history(site, { count: 10, offset: 0 })).rows.map(({ id }) => id)).toEqual(['q']);
    expect((await store().resources.search(site, named)).rows.map(({ id }) => id)).toEqual(['q']);
    await commit({ resources: [{ expected: 0, row: patientVersion('p', 1, 'Musterneu') }] });
    expect((await store().resources.search(site, named)).total).toBe(2);
  });
}

function describeRunsAndAudit({ store, fresh }: Opened): void {
  it('takes the runs of a study with their log, their deliveries and what they point to', async () => {
    const { site, commit } = fresh();
    const at = (pack: string) => ({ pack: `${site}-${pack}`, offset: 0, length: 10 });
    const run = (id: string, studyInstanceUid: string) => ({
      expected: 0,
      row: runRow(id, { studyInstanceUid, files: { 'report.pdf': at(`run-${id}`) } }),
    });
    const delivery = (id: string, runId: string) => ({
      expected: 0,
      row: outboxRow(id, { runId, payload: { kind: 'fhir', bundle: at(`outbox-${id}`) } }),
    });
    await commit({
      runs: [run('r', '1.2.130'), run('s', '1.2.131')],
      runLog: ['r', 's'].map((runId) => ({ runId, at: AT, level: 'info', message: 'queued' })),
      outbox: [delivery('o', 'r'), delivery('p', 's')],
    });
    await commit({ removals: { runsOfStudies: ['1.2.130'] } });
    expect(await store().runs.get(site, 'r')).toBeUndefined();
    expect(await store().runs.log(site, 'r')).toEqual([]);
    expect(await store().outbox.ofRun(site, 'r')).toEqual([]);
    for (const pack of ['run-r', 'outbox-o'])
      expect(await store().dicom.isPackReferenced(`${site}-${pack}`)).toBe(false);
    expect(await store().runs.get(site, 's')).toBeDefined();
    expect(await store().runs.log(site, 's')).toHaveLength(1);
    for (const pack of ['run-s', 'outbox-p'])
      expect(await store().dicom.isPackReferenced(`${site}-${pack}`)).toBe(true);
  });

  it('takes the audit rows recorded before an instant, whomever they concern', async () => {
    const { site, commit } = fresh();
    const [before, at] = ['2026-11-24T09:59:59.999Z', AT];
    const concerned = { patients: ['Patient/p'], entities: ['Patient/p'] };
    await commit({
      audit: [auditRow('old', { recorded: before, ...concerned }), auditRow('new', { recorded: at, ...concerned })],
    });
    await commit({ removals: { auditBefore: at }, audit: [auditRow('proof', { recorded: LATER })] });
    const { rows } = await store().audit.search(site, { count: 10, offset: 0 });
    expect(rows.map(({ id }) => id)).toEqual(['proof', 'new']);
    expect((await store().audit.search(site, { patient: 'Patient/p', count: 10, offset: 0 })).total).toBe(1);
  });
}

function describePackRows({ store, fresh }: Opened): void {
  it('takes the row of a pack that nothing points into, and refuses one that something does', async () => {
    const { site, commit } = fresh();
    const at = (pack: string) => ({ pack: `${site}-${pack}`, offset: 0, length: 10 });
    const names = ['blob', 'metadata', 'run', 'outbox', 'free'].map((name) => `${site}-${name}`);
    await commit({
      packs: names.map((name) => packRow(name, { studyInstanceUid: '1.2.140' })),
      studyKeys: [studyKeyRow('1.2.140', 'k')],
      instances: [mr('1.2.140', '1', { blob: at('blob'), metadata: at('metadata') })],
      runs: [{ expected: 0, row: runRow('r', { studyInstanceUid: '1.2.140', files: { a: at('run') } }) }],
      outbox: [{ expected: 0, row: outboxRow('o', { payload: { kind: 'fhir', bundle: at('outbox') } }) }],
    });
    for (const pack of names.slice(0, 4)) {
      await expect(commit({ removals: { packs: [`${site}-free`, pack] } })).rejects.toMatchObject(conflict);
    }
    expect(await store().packs.get(`${site}-free`)).toBeDefined();
    await commit({ removals: { packs: [`${site}-free`, `${site}-none`] } });
    expect(await store().packs.get(`${site}-free`)).toBeUndefined();
    const instances = [{ studyInstanceUid: '1.2.140', sopInstanceUid: '1.2.140.1.1' }];
    await commit({ removals: { instances, packs: [`${site}-blob`] } });
    expect(await store().packs.get(`${site}-blob`)).toBeUndefined();
  });
}
