import { describe, expect, it } from '@jest/globals';
import {
  ADMINISTRATOR,
  digest,
  fileIn,
  listSigner,
  measuredStudy,
  openRetentionWorld,
  type RetentionWorld,
  SITE,
  START,
  source,
} from '../../test/harness/retention-world.ts';
import { patientIdentifier } from '../fhir/patient-resource.ts';
import type { Commit, InstanceRow } from '../ports/index.ts';
import { createErasure, type ErasureReport } from './erasure.ts';
import { type ErasureEntry, erasureListOf, readErasureList } from './erasure-list.ts';
import { replayErasures } from './erasure-replay.ts';
import type { ErasureSubject } from './erasure-subject.ts';

const STUDY = '1.2.840.1';
const OTHER = '1.2.840.2';
const ERIKA: ErasureSubject = { patientId: 'PID-1', issuer: 'HOSPITAL' };
const SYSTEM = 'https://neuroinsight.example/other';

const owned = (row: InstanceRow, patientId: string, issuer?: string): InstanceRow => ({
  ...row,
  attributes: {
    ...row.attributes,
    study: {
      ...row.attributes.study,
      '00100020': { vr: 'LO', Value: [patientId] },
      '00100021': { vr: 'LO', ...(issuer && { Value: [issuer] }) },
    },
  },
});

type Resources = NonNullable<Commit['resources']>;

/** A resource with the index that it would have. */
function resource(type: string, id: string, content: object, patient?: string): Resources[number] {
  const { identifier = [] } = content as { identifier?: readonly { system: string; value: string }[] };
  return {
    expected: 0,
    row: {
      resourceType: type,
      id,
      versionId: 1,
      lastUpdated: START,
      method: 'PUT',
      resource: { resourceType: type, id, ...content } as never,
      index: [
        ...identifier.map(({ system, value }) => ({
          kind: 'token' as const,
          param: 'identifier',
          system,
          code: value,
        })),
        ...(patient
          ? [
              {
                kind: 'reference' as const,
                param: type === 'Observation' ? 'subject' : 'patient',
                type: 'Patient',
                id: patient,
              },
            ]
          : []),
      ],
    },
  };
}

const readersOf = ({ store }: RetentionWorld) => ({ documents: store.documents, dicom: store.dicom });

async function open() {
  const world = await openRetentionWorld();
  await world.commit(measuredStudy(STUDY));
  const somebodyElse = measuredStudy(OTHER);
  await world.commit({
    ...somebodyElse,
    instances: somebodyElse.instances!.map((row) => owned(row, 'PID-2', 'HOSPITAL')),
  });
  const done: string[] = [];
  const given = { publish: async () => done.push('published') > 0, foldLog: async () => void done.push('folded') };
  const erasure = createErasure({ ...world.deps, ...readersOf(world), ...given });
  const erase = (subject: ErasureSubject = ERIKA): Promise<ErasureReport> =>
    erasure.erase(ADMINISTRATOR, subject, 'asked to be forgotten');
  const deps = { documents: world.store.documents, signer: listSigner };
  const listed = async () => readErasureList((await erasureListOf(deps, [SITE])).bytes, listSigner);
  return { ...world, erase, done, listed, given, list: () => erasureListOf(deps, [SITE]) };
}

const isStored = async ({ store }: Pick<RetentionWorld, 'store'>, study: string) =>
  (await store.dicom.instances(SITE, { studyInstanceUid: study })).length > 0;

describe('erasing a patient', () => {
  it('takes studies, keys, runs and resources in one commit, with proof, audit and a digest for the list', async () => {
    const world = await open();
    const { erase, store, done, forgotten, removedFiles, proofs, auditOf, listed } = world;
    const commits: Commit[] = [];
    world.world.beforeCommit = (commit) => void commits.push(commit);
    const report = await erase();
    expect(report).toEqual({
      counts: { studies: 1, instances: 3, runs: 1, resources: 5, auditRows: 0 },
      logFolded: true,
      listPublished: true,
    });
    expect(commits).toHaveLength(1);
    expect(await isStored(world, STUDY)).toBe(false);
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    for (const name of ['Patient/p', 'DiagnosticReport/r', 'Observation/o', 'ImagingStudy/i', 'Provenance/v']) {
      const [type = '', id = ''] = name.split('/');
      expect(await store.resources.get(SITE, type, `${id}-${STUDY}`)).toBeUndefined();
    }
    expect(await store.runs.get(SITE, `run-${STUDY}`)).toBeUndefined();
    expect(forgotten).toEqual([STUDY]);
    expect([...removedFiles].sort()).toEqual([`result-${STUDY}`, `source-${STUDY}`]);
    expect(done).toEqual(['folded', 'published']);
    expect(await isStored(world, OTHER)).toBe(true);
    expect(await store.packs.studyKey(SITE, OTHER)).toBeDefined();
    expect(await store.resources.get(SITE, 'Patient', `p-${OTHER}`)).toBeDefined();
    expect(await proofs()).toMatchObject([
      { rule: 'admin/erase', reason: 'asked to be forgotten', counts: report.counts },
    ]);
    expect(await auditOf('admin/erase')).toMatchObject([{ action: 'D', patients: [`Patient/p-${STUDY}`] }]);
    const [entry] = await listed();
    expect(entry!.said).toMatchObject({ number: 1, previous: '', at: START, site: SITE });
    expect(entry!.said.what).toContain(digest(`${SITE}/study/${STUDY}`));
    expect(entry!.said.what).toHaveLength(6);
    expect(entry!.entry).not.toMatch(/PID-1|1\.2\.840|Patient|forgotten|root/);
  });

  it('takes everything whose patient or subject it is or was, its attachments, and nothing of others', async () => {
    const { erase, commit, store } = await open();
    const patient = `p-${STUDY}`;
    const subject = { reference: `Patient/${patient}` };
    await commit({
      resources: [
        resource('Condition', 'c', { subject }, patient),
        resource('DocumentReference', 'd', { subject, content: [{ attachment: { url: 'Binary/b' } }] }, patient),
        resource('Binary', 'b', {}),
        resource('Observation', 'x', { subject: { reference: 'Patient/other' } }, 'other'),
        resource('Observation', 'was', { subject }, patient),
      ],
    });
    const { row } = resource('Observation', 'was', {});
    const gone = { ...row, versionId: 2, method: 'DELETE' as const, resource: undefined };
    await commit({ resources: [{ expected: 1, row: gone }] });
    expect((await erase({ patient: `Patient/${patient}` })).counts).toMatchObject({ studies: 0 });
    for (const name of ['Condition/c', 'DocumentReference/d', 'Binary/b', 'Observation/was', `Patient/${patient}`]) {
      const [type = '', id = ''] = name.split('/');
      expect(await store.resources.get(SITE, type, id)).toBeUndefined();
    }
    expect(await store.resources.get(SITE, 'Observation', 'x')).toBeDefined();
  });

  it('finds the studies of a Patient by its identifier, deleted or not, and the Patient by that of a study', async () => {
    for (const subject of [{ patient: 'Patient/mine' }, ERIKA]) {
      const world = await open();
      const { erase, commit, store } = world;
      const identifier = [
        patientIdentifier({ patientId: 'PID-1', issuerOfPatientId: 'HOSPITAL' }, ''),
        { system: SYSTEM, value: 'family' },
      ];
      await commit({
        resources: [
          resource('Patient', 'mine', { identifier }),
          resource('Patient', 'relative', { identifier: identifier.slice(1) }),
        ],
      });
      const { row } = resource('Patient', 'mine', {});
      await commit({
        resources: [{ expected: 1, row: { ...row, versionId: 2, method: 'DELETE', resource: undefined } }],
      });
      await erase(subject);
      expect(await isStored(world, STUDY)).toBe(false);
      expect(await store.resources.get(SITE, 'Patient', 'mine')).toBeUndefined();
      expect(await store.resources.get(SITE, 'Patient', 'relative')).toBeDefined();
      expect(await isStored(world, OTHER)).toBe(true);
    }
  });

  it('is refused under a hold on any of it, while a run is at work, and when it is unclear who is meant', async () => {
    const world = await open();
    const { erase, holds, commit, done } = world;
    for (const on of [
      { kind: 'study', studyInstanceUid: STUDY },
      { kind: 'patient', patientId: 'PID-1' },
      { kind: 'resource', reference: `Observation/o-${STUDY}` },
    ] as const) {
      const id = await holds.place(ADMINISTRATOR, on, 'a case');
      await expect(erase()).rejects.toMatchObject({ kind: 'on-hold' });
      await holds.release(ADMINISTRATOR, id, 'settled');
    }
    const second = '1.2.840.3';
    await commit({
      instances: [owned({ ...source(second, 1), blob: fileIn('p'), metadata: fileIn('p') }, 'PID-1', 'CLINIC')],
    });
    await expect(erase({ patientId: 'PID-1' })).rejects.toMatchObject({ kind: 'multiple-matches' });
    await expect(erase({ patientId: 'PID-1', issuer: '' })).rejects.toMatchObject({ kind: 'not-found' });
    for (const subject of [{ patientId: ' ' }, { patient: 'Observation/x' }, { patient: 'x' }]) {
      await expect(erase(subject)).rejects.toMatchObject({ kind: 'invalid-request' });
    }
    expect(await isStored(world, STUDY)).toBe(true);
    expect(done).toEqual(['folded', 'published']);
    const busy = await openRetentionWorld();
    await busy.commit(measuredStudy(STUDY, { state: 'running' }));
    const erasure = createErasure({ ...busy.deps, ...readersOf(busy), ...world.given });
    await expect(erasure.erase(ADMINISTRATOR, ERIKA, 'x')).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('takes what comes in between the look and the commit, and what is found wild cards and all', async () => {
    const world = await open();
    let number = 5;
    world.world.beforeCommit = async (commit) => {
      if (!commit.removals || number > 6) return;
      const late = { ...source(STUDY, number++), blob: fileIn(`source-${STUDY}`), metadata: fileIn(`source-${STUDY}`) };
      await world.commit({ instances: [late] });
    };
    expect((await world.erase({ patientId: 'PID-1' })).counts).toMatchObject({ studies: 1, instances: 5 });
    await expect(world.erase({ patientId: 'PID-*' })).rejects.toMatchObject({ kind: 'not-found' });
    expect(await isStored(world, OTHER)).toBe(true);
  });

  it('lets the same patient come again under a new key, and clears the rest when it is repeated', async () => {
    const world = await open();
    const { erase, commit, done, listed } = world;
    world.blobs.remove = async () => {
      throw new Error('killed');
    };
    await erase();
    await expect(erase()).rejects.toMatchObject({ kind: 'not-found' });
    expect(done).toEqual(['folded', 'published', 'folded', 'published']);
    await commit({ ...measuredStudy(STUDY), resources: [] });
    expect(await isStored(world, STUDY)).toBe(true);
    await erase();
    const entries = await listed();
    expect(entries.map(({ said }) => said.number)).toEqual([1, 2]);
    expect(entries[1]!.said.previous).toMatch(/^[0-9a-f]{64}$/);
  });

  it('says so when the log cannot be folded or the list not be brought to the backups', async () => {
    const world = await open();
    const refuse = async () => {
      throw new Error('busy');
    };
    const erasure = createErasure({
      ...world.deps,
      ...readersOf(world),
      foldLog: refuse,
      publish: refuse,
    });
    const report = await erasure.erase(ADMINISTRATOR, ERIKA, 'x');
    expect(report).toMatchObject({ logFolded: false, listPublished: false, counts: { studies: 1 } });
  });
});

describe('the list of erasures', () => {
  const twice = async () => {
    const world = await open();
    await world.erase();
    const before = await world.list();
    await world.erase({ patientId: 'PID-2' });
    return { world, before, after: await world.list() };
  };

  it('is refused when it was changed, cut, reordered or signed by somebody else', async () => {
    const { after } = await twice();
    expect(after.count).toBe(2);
    const text = Buffer.from(after.bytes).toString();
    const [line = ''] = text.split('\n');
    const list = JSON.parse(line) as { format: string; count: number; entries: string[] };
    const signed = (changed: object): Buffer => {
      const json = JSON.stringify(changed);
      const signature = Buffer.from(listSigner.sign(Buffer.from(`neuroinsight erasures\n${json}`)));
      return Buffer.from(`${json}\n${signature.toString('base64')}\n`);
    };
    const [first, second] = list.entries as [string, string];
    const wrong = [
      Buffer.alloc(0),
      Buffer.from(text.slice(0, -1)),
      Buffer.from(text.replace('"count":2', '"count":1')),
      Buffer.from(`${text}\n`),
      signed({ ...list, format: 'other' }),
      signed({ ...list, count: 1 }),
      signed({ ...list, count: 1, entries: [second] }),
      signed({ ...list, entries: [second, first] }),
      signed({ ...list, entries: [first, second.replace('"number":2', '"number":3')] }),
    ];
    for (const bytes of wrong) expect(() => readErasureList(bytes, listSigner)).toThrow(/list of erasures/);
    expect(readErasureList(signed(list), listSigner)).toHaveLength(2);
  });

  it('is carried out again in a store that does not know it, once, and goes on there', async () => {
    const { before, after } = await twice();
    const restored = await open();
    const removed: string[] = [];
    const deps = {
      ...restored.deps,
      documents: restored.store.documents,
      changes: restored.store.changes,
      signer: listSigner,
      removePack: async (pack: string) => void removed.push(pack),
    };
    const report = await replayErasures(before.bytes, deps, ADMINISTRATOR);
    expect(report).toEqual({ entries: 1, erased: 1, studies: 1, resources: 5 });
    expect(removed.sort()).toEqual([`result-${STUDY}`, `source-${STUDY}`]);
    expect(await isStored(restored, STUDY)).toBe(false);
    expect(await restored.store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    expect(await isStored(restored, OTHER)).toBe(true);
    expect(await restored.auditOf('erasure/replay')).toHaveLength(1);
    expect(await restored.proofs()).toMatchObject([{ rule: 'erasure/replay' }]);
    await restored.commit({ ...measuredStudy(STUDY), resources: [] });
    expect(await replayErasures(after.bytes, deps, ADMINISTRATOR)).toMatchObject({ entries: 1, studies: 1 });
    expect(await isStored(restored, STUDY)).toBe(true);
    expect(await isStored(restored, OTHER)).toBe(false);
    expect(Buffer.from((await restored.list()).bytes).equals(Buffer.from(after.bytes))).toBe(true);
    expect(await replayErasures(after.bytes, deps, ADMINISTRATOR)).toMatchObject({ entries: 0 });
    const elsewhere = await open();
    await elsewhere.erase({ patientId: 'PID-2' });
    const other = {
      ...deps,
      ...elsewhere.deps,
      documents: elsewhere.store.documents,
      changes: elsewhere.store.changes,
    };
    await expect(replayErasures(after.bytes, { ...other, signer: listSigner }, ADMINISTRATOR)).rejects.toMatchObject({
      kind: 'damaged',
    });
    const said = JSON.parse((await elsewhere.listed())[0]!.entry) as ErasureEntry;
    expect(said.number).toBe(1);
  });
});
