import { describe, expect, it } from '@jest/globals';
import { outboxRow, patientVersion, runRow } from '../../test/contract/store-rows.ts';
import {
  ADMINISTRATOR,
  digest,
  measuredStudy,
  openRetentionWorld,
  result,
  SITE,
  START,
  source,
} from '../../test/harness/retention-world.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { AUDIT_MINIMUM_DAYS } from './rules.ts';

const STUDY = '1.2.840.1';
const inDays = (days: number): string => new Date(Date.parse(START) + days * 86_400_000).toISOString();
const resources = ['DiagnosticReport/r', 'ImagingStudy/i', 'Observation/o', 'Provenance/v'].map(
  (name) => `${name}-${STUDY}`,
);

describe('sources, which are copies of what the PACS holds', () => {
  it('go when their time has come, with the pack that held them; the results stay', async () => {
    const { commit, retain, setNow, store, removedFiles } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy(STUDY));
    setNow(inDays(30));
    expect(await retain()).toMatchObject({ deleted: { instances: 0 }, held: 0, failed: 0 });
    setNow(inDays(31));
    expect(await retain()).toMatchObject({ deleted: { instances: 2, studies: 0 }, held: 0, failed: 0 });
    const left = await store.dicom.instances(SITE, { studyInstanceUid: STUDY });
    expect(left.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([result(STUDY).sopInstanceUid]);
    expect(removedFiles).toEqual([`source-${STUDY}`]);
    expect(await store.packs.get(`source-${STUDY}`)).toBeUndefined();
    expect(await store.packs.get(`result-${STUDY}`)).toBeDefined();
    expect(await store.packs.studyKey(SITE, STUDY)).toBeDefined();
    expect(await retain()).toMatchObject({ deleted: { instances: 0 } });
  });

  it('go with the key when there is nothing else of the study', async () => {
    const { commit, retain, setNow, store, removedFiles } = await openRetentionWorld({ sourceDays: 30 });
    const { instances, packs, studyKeys } = measuredStudy(STUDY);
    await commit({ instances: instances!.slice(0, 2), packs: packs!.slice(0, 1), studyKeys: studyKeys! });
    setNow(inDays(31));
    expect(await retain()).toMatchObject({ deleted: { studies: 1, instances: 2 } });
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    expect(removedFiles).toEqual([`source-${STUDY}`]);
  });

  it('stay for ever unless a time was set', async () => {
    const { commit, retain, setNow, store } = await openRetentionWorld({ resultDays: 0 });
    await commit(measuredStudy(STUDY));
    setNow('2099-01-01T00:00:00.000Z');
    expect(await retain()).toMatchObject({ deleted: { instances: 0, runs: 0 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
  });

  it('count from the newest instance and the end of the newest run', async () => {
    const { commit, retain, setNow } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy(STUDY, { finishedAt: inDays(5) }));
    await commit({ ...measuredStudy('1.2.840.2'), resources: [] });
    await commit({ instances: [source('1.2.840.2', 9, { receivedAt: inDays(5) })] });
    setNow(inDays(34));
    expect(await retain()).toMatchObject({ deleted: { instances: 0 } });
    setNow(inDays(36));
    expect(await retain()).toMatchObject({ deleted: { instances: 5 } });
  });

  it('stay while a run waits or works, and while something is to be delivered', async () => {
    const { commit, retain, setNow } = await openRetentionWorld({ sourceDays: 30 });
    const [queued, running, pending] = ['1.1', '1.2', '1.3'];
    await commit({ ...measuredStudy(queued!, { state: 'queued' }) });
    await commit({ ...measuredStudy(running!, { state: 'running' }) });
    await commit({ ...measuredStudy(pending!, { state: 'built' }) });
    await commit({ outbox: [{ expected: 0, row: outboxRow('o', { runId: `run-${pending}` }) }] });
    setNow(inDays(400));
    expect(await retain()).toMatchObject({ deleted: { instances: 0 }, failed: 0 });
    await commit({
      outbox: [{ expected: 1, row: outboxRow('o', { runId: `run-${pending}`, state: 'dead', version: 2 }) }],
    });
    expect(await retain()).toMatchObject({ deleted: { instances: 2 } });
  });
});

describe('results', () => {
  it('go after ten years with runs, files, FHIR resources and the key, and with nothing of anybody else', async () => {
    const { commit, retain, setNow, store, proofs, auditOf } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy(STUDY));
    setNow(inDays(3653));
    await retain();
    expect(await store.runs.get(SITE, `run-${STUDY}`)).toBeDefined();
    setNow(inDays(3654));
    expect(await retain()).toMatchObject({ deleted: { studies: 1, instances: 1, runs: 1 }, failed: 0 });
    expect(await store.dicom.study(SITE, STUDY)).toBeUndefined();
    expect(await store.runs.get(SITE, `run-${STUDY}`)).toBeUndefined();
    expect(await store.packs.ofStudy(SITE, STUDY)).toEqual([]);
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    for (const reference of resources) {
      const [type, id] = reference.split('/') as [string, string];
      expect([reference, await store.resources.get(SITE, type, id)]).toEqual([reference, undefined]);
    }
    expect(await store.resources.get(SITE, 'Patient', `p-${STUDY}`)).toBeDefined();
    expect(await store.resources.get(SITE, 'Observation', `other-${STUDY}`)).toBeDefined();

    const proof = (await proofs()).at(-1)!;
    expect(proof).toMatchObject({ rule: 'retention/results', by: 'job/retention', at: inDays(3654), site: SITE });
    expect(proof.counts).toEqual({ studies: 1, instances: 1, runs: 1, resources: 4, auditRows: 0 });
    for (const name of [`study/${STUDY}`, `run/run-${STUDY}`, `resource/${resources[0]}`]) {
      expect(proof.what).toContain(digest(`${SITE}/${name}`));
    }
    expect(JSON.stringify(proof)).not.toContain(STUDY);
    const [row] = await auditOf('retention/results');
    expect(row).toMatchObject({
      action: 'D',
      agent: { kind: 'job', id: 'retention' },
      patients: [`Patient/p-${STUDY}`],
    });
    expect(row!.entities).toContain(`urn:oid:${STUDY}`);
  });

  it('leave the sources where these are kept for ever', async () => {
    const { commit, retain, setNow, store, removedFiles } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    setNow(inDays(3654));
    expect(await retain()).toMatchObject({ deleted: { studies: 0, instances: 1, runs: 1 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(2);
    expect(removedFiles).toEqual([`result-${STUDY}`]);
    expect(await retain()).toMatchObject({ deleted: { instances: 0, runs: 0 } });
  });
});

describe('runs without a result', () => {
  it('go by themselves, with their log; those of a study with a result wait for it', async () => {
    const { commit, retain, setNow, store } = await openRetentionWorld();
    const refused = runRow('refused', {
      studyInstanceUid: '1.9',
      state: 'refused',
      createdAt: START,
      finishedAt: START,
    });
    await commit({
      runs: [{ expected: 0, row: refused }],
      runLog: [{ runId: 'refused', at: START, level: 'error', message: 'no usable series' }],
    });
    await commit(measuredStudy(STUDY));
    setNow(inDays(366));
    expect(await retain()).toMatchObject({ deleted: { runs: 1 } });
    expect(await store.runs.log(SITE, 'refused')).toEqual([]);
    expect(await store.runs.get(SITE, `run-${STUDY}`)).toBeDefined();
  });
});

describe('resources that were deleted', () => {
  const deleteResource = (resourceType: string, id: string) => ({
    expected: 1,
    row: {
      ...patientVersion(id, 2),
      resourceType,
      method: 'DELETE' as const,
      lastUpdated: START,
      resource: undefined,
      index: [],
    },
  });

  it('go with their history when their time has come', async () => {
    const { commit, retain, setNow, store } = await openRetentionWorld({ resultDays: 0, deletedResourceDays: 30 });
    await commit(measuredStudy(STUDY));
    await commit({ resources: [deleteResource('Observation', `o-${STUDY}`)] });
    setNow(inDays(29));
    expect(await retain()).toMatchObject({ deleted: { resources: 0 } });
    setNow(inDays(31));
    expect(await retain()).toMatchObject({ deleted: { resources: 1 } });
    expect(await store.resources.getVersion(SITE, 'Observation', `o-${STUDY}`, 1)).toBeUndefined();
  });

  it.each([
    ['its patient', { kind: 'patient', patientId: 'PID-1', issuer: 'ANY' }],
    ['what it refers to', { kind: 'resource', reference: `Patient/p-${STUDY}` }],
    ['itself', { kind: 'resource', reference: `DiagnosticReport/r-${STUDY}` }],
    ['its study', { kind: 'study', studyInstanceUid: STUDY }],
  ] as const)('stay while a hold is on %s', async (_, on) => {
    const { commit, retain, setNow, holds, store } = await openRetentionWorld({
      resultDays: 0,
      deletedResourceDays: 30,
    });
    await commit(measuredStudy(STUDY));
    await commit({ resources: [deleteResource('DiagnosticReport', `r-${STUDY}`)] });
    await holds.place(ADMINISTRATOR, on, 'a lawsuit');
    setNow(inDays(31));
    expect(await retain()).toMatchObject({ deleted: { resources: 0 }, held: 1 });
    expect(await store.resources.getVersion(SITE, 'DiagnosticReport', `r-${STUDY}`, 1)).toBeDefined();
  });
});

describe('audit', () => {
  const sixYears = (days: number): string => {
    const moment = new Date('2032-11-24T10:00:00.000Z');
    moment.setUTCDate(moment.getUTCDate() + days);
    return moment.toISOString();
  };

  it('is there a day before its six years are over, and gone a day after', async () => {
    const { commit, retain, setNow, store, proofs, world, audit } = await openRetentionWorld({ runDays: 0 });
    const access = { principal: ADMINISTRATOR, action: 'R', interaction: 'fhir/read' } as const;
    await commit({ audit: [audit.rowOf(access), audit.rowOf(access)] });
    const reads = async () => (await store.audit.search(SITE, { action: 'R', count: 9, offset: 0 })).total;
    let commits = 0;
    world.beforeCommit = () => commits++;
    setNow(sixYears(-1));
    expect(await retain()).toMatchObject({ deleted: { auditRows: 0 } });
    expect([await reads(), commits]).toEqual([2, 0]);
    setNow(sixYears(1));
    expect(await retain({ dryRun: true })).toMatchObject({ deleted: { auditRows: 2 } });
    expect(await retain()).toMatchObject({ deleted: { auditRows: 2 }, failed: 0 });
    expect([await reads(), commits]).toEqual([0, 1]);
    expect(await proofs()).toMatchObject([{ rule: 'retention/audit', counts: { auditRows: 2 } }]);
    // The rows that tell of the deletion are young.
    expect((await store.audit.search(SITE, { action: 'D', count: 9, offset: 0 })).total).toBe(1);
  });

  it('stays as long as anybody at all is under a hold', async () => {
    const { retain, setNow, store, holds } = await openRetentionWorld();
    const id = await holds.place(ADMINISTRATOR, { kind: 'study', studyInstanceUid: '1.2' }, 'a lawsuit');
    setNow(sixYears(1));
    expect(await retain()).toMatchObject({ deleted: { auditRows: 0 }, held: 1 });
    await holds.release(ADMINISTRATOR, id, 'settled');
    expect(await retain()).toMatchObject({ deleted: { auditRows: 1 }, held: 0 });
    expect(await store.retention.oldestAudit(SITE)).toBe(sixYears(1));
  });

  it('cannot be set to go earlier', async () => {
    const { retentionOf } = await openRetentionWorld();
    for (const auditDays of [AUDIT_MINIMUM_DAYS - 1, -1, 2192.5, Number.NaN]) {
      expect(() => retentionOf({ auditDays })).toThrow(NeuroInsightError);
    }
    expect(() => retentionOf({ auditDays: 0 })).not.toThrow();
  });
});

describe('retention', () => {
  it('lists what would go, and what a hold keeps, without touching it', async () => {
    const { commit, retain, setNow, store, holds, world } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy('1.1'));
    await commit(measuredStudy('1.2'));
    await holds.place(ADMINISTRATOR, { kind: 'study', studyInstanceUid: '1.2' }, 'a lawsuit');
    setNow(inDays(31));
    world.beforeCommit = () => {
      throw new Error('a look writes nothing');
    };
    const lines: unknown[] = [];
    const summary = await retain({ dryRun: true, onDue: (line) => lines.push(line) });
    expect(summary).toMatchObject({ deleted: { instances: 2 }, held: 1 });
    expect(lines).toMatchObject([
      { rule: 'retention/sources', what: '1.1', held: false, counts: { instances: 2 } },
      { rule: 'retention/sources', what: '1.2', held: true },
    ]);
    expect(await store.dicom.instances(SITE, { studyInstanceUid: '1.1' })).toHaveLength(3);
  });

  it.each([
    [{ kind: 'patient', patientId: 'PID-1', issuer: 'HOSPITAL' }, true],
    [{ kind: 'patient', patientId: 'PID-1' }, true],
    [{ kind: 'patient', patientId: 'PID-1', issuer: 'OTHER' }, false],
    [{ kind: 'patient', patientId: 'PID-2' }, false],
    [{ kind: 'resource', reference: `Patient/p-${STUDY}` }, true],
    [{ kind: 'study', studyInstanceUid: '1.2.840.10' }, false],
  ] as const)('asks the hold %j', async (on, keeps) => {
    const { commit, retain, setNow, holds } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy(STUDY));
    await holds.place(ADMINISTRATOR, on, 'a lawsuit');
    setNow(inDays(31));
    expect(await retain()).toMatchObject(
      keeps ? { held: 1, deleted: { instances: 0 } } : { held: 0, deleted: { instances: 2 } },
    );
  });

  it('heeds a hold that is placed while it deletes', async () => {
    const { commit, retain, setNow, store, holds, world } = await openRetentionWorld({ sourceDays: 30 });
    await commit(measuredStudy(STUDY));
    setNow(inDays(31));
    world.beforeCommit = async () => {
      world.beforeCommit = () => undefined;
      await holds.place(ADMINISTRATOR, { kind: 'study', studyInstanceUid: STUDY }, 'just in time');
    };
    expect(await retain()).toMatchObject({ held: 1, deleted: { instances: 0 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
  });

  it('leaves a study that grows while it is to go', async () => {
    const { commit, retain, setNow, store, world } = await openRetentionWorld({ sourceDays: 30 });
    await commit({ ...measuredStudy(STUDY), runs: [], resources: [], instances: [source(STUDY, 1)] });
    setNow(inDays(31));
    world.beforeCommit = async () => {
      world.beforeCommit = () => undefined;
      await commit({ instances: [source(STUDY, 2)] });
    };
    expect(await retain()).toMatchObject({ failed: 1, deleted: { instances: 0 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(2);
  });

  it('goes on with the others when one cannot be deleted, and says so', async () => {
    const { commit, retain, setNow, world, logged } = await openRetentionWorld({ sourceDays: 30 });
    for (const study of ['1.1', '1.2']) await commit(measuredStudy(study));
    setNow(inDays(31));
    world.beforeCommit = ({ removals }) => {
      if (removals?.instances?.some(({ studyInstanceUid }) => studyInstanceUid === '1.1')) {
        throw new NeuroInsightError('damaged', 'a row is not what was written');
      }
    };
    expect(await retain()).toMatchObject({ failed: 1, deleted: { instances: 2 } });
    expect(logged).toEqual(['something that is due could not be deleted']);
    world.beforeCommit = () => {
      throw new Error('a defect');
    };
    await expect(retain()).rejects.toThrow('a defect');
  });

  it('believes the rows, and not what finds them', async () => {
    const { commit, retain, setNow, store, deps } = await openRetentionWorld({
      sourceDays: 30,
      deletedResourceDays: 30,
    });
    await commit(measuredStudy(STUDY));
    setNow(inDays(1));
    Object.assign(deps.retention, {
      studies: async () => [{ studyInstanceUid: STUDY, receivedAt: '1999-01-01T00:00:00.000Z' }],
      deletedResources: async () => [`Patient/p-${STUDY}`, 'Patient/none', 'nonsense'],
    });
    expect(await retain()).toMatchObject({ deleted: { instances: 0, resources: 0 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
  });

  it('stops when it is told to', async () => {
    const { commit, retentionOf, setNow, store } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    setNow(inDays(31));
    expect(await retentionOf({ sourceDays: 30 }).run(AbortSignal.abort())).toMatchObject({ deleted: { instances: 0 } });
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
  });
});
