import { describe, expect, it } from '@jest/globals';
import { ADMINISTRATOR, openRetentionWorld, SITE, START } from '../../test/harness/retention-world.ts';
import type { HeldThing } from './holds.ts';

const study: HeldThing = { kind: 'study', studyInstanceUid: '1.2' };

describe('legal holds', () => {
  it('are listed with who placed and who released them, and when', async () => {
    const { holds, setNow, auditOf } = await openRetentionWorld();
    expect(await holds.list(SITE)).toEqual([]);
    const first = await holds.place(ADMINISTRATOR, study, 'case 1');
    const other = await holds.place(ADMINISTRATOR, { kind: 'patient', patientId: 'P', issuer: 'I' }, 'case 2');
    setNow('2027-01-01T00:00:00.000Z');
    await holds.release(ADMINISTRATOR, first, 'settled');
    const listed = await holds.list(SITE);
    expect(listed.find(({ id }) => id === first)).toEqual({
      id: first,
      on: study,
      reason: 'case 1',
      placedAt: START,
      placedBy: 'administrator/root',
      releasedAt: '2027-01-01T00:00:00.000Z',
      releasedBy: 'administrator/root',
      releaseReason: 'settled',
    });
    expect(listed.find(({ id }) => id === other)!.releasedAt).toBeUndefined();
    expect(await auditOf('hold/place')).toHaveLength(2);
    const [released] = await auditOf('hold/release');
    expect(released).toMatchObject({ action: 'U', entities: ['urn:oid:1.2'] });
    // PatientIDs stay out of the audit.
    expect(JSON.stringify(await auditOf('hold/place'))).not.toContain('"P"');
  });

  it('refuse what they are on until the last of them is released', async () => {
    const { holds } = await openRetentionWorld();
    const ids = [await holds.place(ADMINISTRATOR, study, 'one'), await holds.place(ADMINISTRATOR, study, 'two')];
    const asked = () => holds.permit(SITE, { studies: ['1.1', '1.2'] });
    await expect(asked()).rejects.toMatchObject({ kind: 'on-hold' });
    await holds.release(ADMINISTRATOR, ids[0]!, 'settled');
    await expect(asked()).rejects.toMatchObject({ kind: 'on-hold' });
    await expect(holds.permitAnything(SITE)).rejects.toMatchObject({ kind: 'on-hold' });
    await expect(holds.permit('elsewhere', { studies: ['1.2'] })).resolves.toBeDefined();
    await holds.release(ADMINISTRATOR, ids[1]!, 'settled');
    await expect(asked()).resolves.toBeDefined();
    await expect(holds.permitAnything(SITE)).resolves.toBeDefined();
  });

  it('give a permit that a later hold makes worthless', async () => {
    const { holds, commit } = await openRetentionWorld();
    const permit = await holds.permit(SITE, { studies: ['1.1'] });
    await holds.place(ADMINISTRATOR, study, 'one');
    await expect(commit({ documents: [permit] })).rejects.toMatchObject({ kind: 'conflict' });
    await commit({ documents: [await holds.permit(SITE, { studies: ['1.1'] })] });
  });

  it('are found by the thousand', async () => {
    const { holds } = await openRetentionWorld();
    for (let number = 0; number < 600; number++) {
      await holds.place(ADMINISTRATOR, { kind: 'study', studyInstanceUid: `1.${number}` }, 'a trial');
    }
    expect(await holds.list(SITE)).toHaveLength(600);
    await expect(holds.permit(SITE, { studies: ['1.599'] })).rejects.toMatchObject({ kind: 'on-hold' });
  });

  it('can be placed by many at once', async () => {
    const { holds } = await openRetentionWorld();
    const ids = await Promise.all([1, 2, 3].map((n) => holds.place(ADMINISTRATOR, study, `case ${n}`)));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) await holds.release(ADMINISTRATOR, id, 'settled');
    await expect(holds.permit(SITE, { studies: ['1.2'] })).resolves.toBeDefined();
  });

  it('are released once, and only if there is such a one', async () => {
    const { holds } = await openRetentionWorld();
    const id = await holds.place(ADMINISTRATOR, study, 'one');
    await holds.release(ADMINISTRATOR, id, 'settled');
    await expect(holds.release(ADMINISTRATOR, id, 'again')).rejects.toMatchObject({ kind: 'conflict' });
    for (const none of ['none', 'register']) {
      await expect(holds.release(ADMINISTRATOR, none, 'x')).rejects.toMatchObject({ kind: 'not-found' });
    }
  });

  it.each<HeldThing>([
    { kind: 'study', studyInstanceUid: '' },
    { kind: 'study', studyInstanceUid: '../1' },
    { kind: 'patient', patientId: ' ' },
    { kind: 'patient', patientId: 'x'.repeat(65) },
    { kind: 'resource', reference: 'Patient' },
    { kind: 'resource', reference: 'Patient/1/_history/1' },
    { kind: 'series' } as never,
  ])('are not placed on %j', async (on) => {
    const { holds } = await openRetentionWorld();
    await expect(holds.place(ADMINISTRATOR, on, 'x')).rejects.toMatchObject({ kind: 'invalid-request' });
    await expect(holds.place(ADMINISTRATOR, study, '')).rejects.toMatchObject({ kind: 'invalid-request' });
  });
});
