import { describe, expect, it } from '@jest/globals';
import { outboxRow } from '../../test/contract/store-rows.ts';
import {
  ADMINISTRATOR,
  digest,
  measuredStudy,
  openRetentionWorld,
  SITE,
  START,
  source,
} from '../../test/harness/retention-world.ts';
import { readProof } from './proof.ts';

const STUDY = '1.2.840.1';
const instance = (number: number) => ({
  studyInstanceUid: STUDY,
  sopInstanceUid: source(STUDY, number).sopInstanceUid,
});

describe('deletion because somebody says so', () => {
  it('takes a study with all that was made of it, and proves it', async () => {
    const { commit, explicit, store, proofs, auditOf, removedFiles, forgotten } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    await explicit.deleteStudy(ADMINISTRATOR, STUDY, 'sent to us by mistake');
    expect(await store.dicom.study(SITE, STUDY)).toBeUndefined();
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    expect(await store.resources.get(SITE, 'DiagnosticReport', `r-${STUDY}`)).toBeUndefined();
    expect(await store.runs.get(SITE, `run-${STUDY}`)).toBeUndefined();
    expect(forgotten).toEqual([STUDY]);
    expect([...removedFiles].sort()).toEqual([`result-${STUDY}`, `source-${STUDY}`]);
    expect(await proofs()).toMatchObject([
      {
        rule: 'admin/delete-study',
        by: 'administrator/root',
        at: START,
        reason: 'sent to us by mistake',
        counts: { studies: 1, instances: 3, runs: 1, resources: 4, auditRows: 0 },
      },
    ]);
    expect(await auditOf('admin/delete-study')).toMatchObject([{ action: 'D', agent: { kind: 'administrator' } }]);
    await expect(explicit.deleteStudy(ADMINISTRATOR, STUDY, 'again')).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('takes one instance, and the study with its last', async () => {
    const { commit, explicit, store, proofs, removedFiles, forgotten } = await openRetentionWorld();
    const { packs, studyKeys } = measuredStudy(STUDY);
    await commit({ packs: packs!.slice(0, 1), studyKeys: studyKeys!, instances: [source(STUDY, 1), source(STUDY, 2)] });
    await explicit.deleteInstance(ADMINISTRATOR, instance(1), 'a duplicate');
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(1);
    expect(removedFiles).toEqual([]);
    const [proof] = await proofs();
    expect(proof).toMatchObject({ rule: 'admin/delete-instance', counts: { instances: 1, studies: 0 } });
    expect(proof!.what).toEqual([digest(`${SITE}/instance/${instance(1).sopInstanceUid}`)]);
    await expect(explicit.deleteInstance(ADMINISTRATOR, instance(1), 'again')).rejects.toMatchObject({
      kind: 'not-found',
    });
    await explicit.deleteInstance(ADMINISTRATOR, instance(2), 'the other');
    expect(await store.dicom.study(SITE, STUDY)).toBeUndefined();
    expect(removedFiles).toEqual([`source-${STUDY}`]);
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
    expect(forgotten).toEqual([STUDY]);
  });

  it('is refused by a hold, before anything else is told', async () => {
    const { commit, explicit, store, holds, proofs } = await openRetentionWorld();
    await commit(measuredStudy(STUDY, { state: 'running' }));
    await holds.place(ADMINISTRATOR, { kind: 'patient', patientId: 'PID-1' }, 'a lawsuit');
    for (const attempt of [
      () => explicit.deleteStudy(ADMINISTRATOR, STUDY, 'why not'),
      () => explicit.deleteInstance(ADMINISTRATOR, instance(1), 'why not'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ kind: 'on-hold', message: 'a legal hold forbids the deletion' });
    }
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
    expect(await proofs()).toEqual([]);
  });

  it('is refused while a run works on the study or a delivery waits', async () => {
    const { commit, explicit } = await openRetentionWorld();
    await commit(measuredStudy(STUDY, { state: 'built' }));
    await commit({ outbox: [{ expected: 0, row: outboxRow('o', { runId: `run-${STUDY}` }) }] });
    await expect(explicit.deleteStudy(ADMINISTRATOR, STUDY, 'now')).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('needs a reason', async () => {
    const { commit, explicit } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    for (const reason of ['', '  ', 'x'.repeat(1001)]) {
      await expect(explicit.deleteStudy(ADMINISTRATOR, STUDY, reason)).rejects.toMatchObject({
        kind: 'invalid-request',
      });
    }
  });

  it('leaves everything when the commit fails, and does not mind a file that cannot be removed', async () => {
    const { commit, explicit, store, world, blobs } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    world.beforeCommit = () => {
      throw new Error('the disk is gone');
    };
    await expect(explicit.deleteStudy(ADMINISTRATOR, STUDY, 'now')).rejects.toThrow('the disk is gone');
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(3);
    expect(await store.packs.studyKey(SITE, STUDY)).toBeDefined();
    world.beforeCommit = () => undefined;
    blobs.remove = () => Promise.reject(new Error('EACCES'));
    await explicit.deleteStudy(ADMINISTRATOR, STUDY, 'now');
    expect(await store.packs.studyKey(SITE, STUDY)).toBeUndefined();
  });
});

describe('packs and keys after a deletion', () => {
  it('stay when somebody begins to point there meanwhile', async () => {
    const { commit, explicit, store, world, removedFiles, forgotten } = await openRetentionWorld();
    const { packs, studyKeys } = measuredStudy(STUDY);
    await commit({ packs: packs!.slice(0, 1), studyKeys: studyKeys!, instances: [source(STUDY, 1)] });
    world.beforeCommit = async ({ removals }) => {
      if (removals?.packs) await commit({ instances: [source(STUDY, 2)] });
    };
    await explicit.deleteInstance(ADMINISTRATOR, instance(1), 'a duplicate');
    expect(removedFiles).toEqual([]);
    expect(await store.packs.studyKey(SITE, STUDY)).toBeDefined();
    world.beforeCommit = async ({ removals }) => {
      if (removals?.studies) await commit({ packs: packs!.slice(1), instances: [source(STUDY, 3)] });
    };
    await explicit.deleteInstance(ADMINISTRATOR, instance(2), 'another');
    expect(await store.packs.studyKey(SITE, STUDY)).toBeDefined();
    expect(await store.dicom.instances(SITE, { studyInstanceUid: STUDY })).toHaveLength(1);
    expect(forgotten).toEqual([]);
  });
});

describe('a proof of deletion', () => {
  it('is read only with the key that signed it, and to the letter', async () => {
    const { commit, explicit, store, publicKey } = await openRetentionWorld();
    await commit(measuredStudy(STUDY));
    await explicit.deleteStudy(ADMINISTRATOR, STUDY, 'on request');
    const [row] = await store.documents.list<{ statement: string; signature: string }>(SITE, 'deletion-proof', {
      after: '',
      limit: 1,
    });
    const proof = row!.content;
    expect(row!.id.startsWith(START)).toBe(true);
    expect(readProof(proof, publicKey)).toMatchObject({ reason: 'on request' });
    const damaged = { kind: 'damaged' };
    const changed = { ...proof, statement: proof.statement.replace('on request', 'by chance') };
    expect(() => readProof(changed, publicKey)).toThrow(expect.objectContaining(damaged));
    expect(() => readProof({ ...proof, signature: 'AAAA' }, publicKey)).toThrow(expect.objectContaining(damaged));
    expect(() => readProof(proof, Buffer.alloc(32, 1))).toThrow();
  });
});
