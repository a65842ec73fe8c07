import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Observation, Patient } from '@medplum/fhirtypes';
import {
  bundleOf,
  EVERYTHING,
  FHIR_BASE,
  keyWith,
  observation,
  openRecordsWorld,
  patient,
  type RecordsWorld,
  resourceOf,
} from '../../test/harness/records-world.ts';
import type { AuditRow } from '../ports/index.ts';

let world: RecordsWorld;
const failing = (kind: string) => expect.objectContaining({ kind });

beforeEach(async () => {
  world = await openRecordsWorld();
});

const auditRows = async (interaction: string) => {
  const { rows } = await world.store.audit.search('main', { count: 100, offset: 0 });
  return rows.filter((row: AuditRow) => row.interaction === interaction);
};

describe('create and read', () => {
  it('gives an id, a version and a date of its own and keeps the rest of meta', async () => {
    const sent = { ...patient('1'), id: 'mine', meta: { versionId: '77', tag: [{ code: 't' }] } };
    const { outcome, stored } = await world.records.create(EVERYTHING, 'Patient', sent);
    expect(outcome).toBe('created');
    const found = resourceOf<Patient>(await world.records.read(EVERYTHING, 'Patient', stored!.id));
    expect(found.id).not.toBe('mine');
    expect(found.meta).toEqual({ tag: [{ code: 't' }], versionId: '1', lastUpdated: stored!.lastUpdated });
    expect(found.identifier).toEqual(sent.identifier);
  });

  it('writes the audit row of a write into the same commit, and that of a read before it answers', async () => {
    const created = await world.records.create(EVERYTHING, 'Observation', observation('Patient/p1'));
    const place = `Observation/${created.stored!.id}`;
    expect(world.commits.length).toBe(1);
    expect(world.commits[0]!.audit).toEqual([
      expect.objectContaining({ action: 'C', entities: [place], patients: ['Patient/p1'], outcome: '0' }),
    ]);
    await world.records.read(EVERYTHING, 'Observation', created.stored!.id);
    expect(await auditRows('fhir/read')).toEqual([
      expect.objectContaining({ action: 'R', entities: [place], patients: ['Patient/p1'] }),
    ]);
  });

  it('does not answer a read that cannot be written down', async () => {
    const { stored } = await world.records.create(EVERYTHING, 'Patient', patient('1'));
    world.beforeCommit = () => {
      throw new Error('disk gone');
    };
    await expect(world.records.read(EVERYTHING, 'Patient', stored!.id)).rejects.toThrow('disk gone');
  });

  it('tells what never was from what is deleted, and keeps the deleted in its history', async () => {
    const { stored } = await world.records.create(EVERYTHING, 'Patient', patient('1'));
    const { id } = stored!;
    await expect(world.records.read(EVERYTHING, 'Patient', 'never')).rejects.toEqual(failing('not-found'));
    expect((await world.records.delete(EVERYTHING, 'Patient', id)).outcome).toBe('deleted');
    expect((await world.records.delete(EVERYTHING, 'Patient', id)).outcome).toBe('absent');
    expect((await world.records.delete(EVERYTHING, 'Patient', 'never')).outcome).toBe('absent');
    await expect(world.records.read(EVERYTHING, 'Patient', id)).rejects.toEqual(failing('gone'));
    await expect(world.records.readVersion(EVERYTHING, 'Patient', id, '2')).rejects.toEqual(failing('gone'));
    expect((await world.records.readVersion(EVERYTHING, 'Patient', id, '1')).json).toBe(stored!.json);
    for (const version of ['3', '0', '01', 'x', '']) {
      await expect(world.records.readVersion(EVERYTHING, 'Patient', id, version)).rejects.toEqual(failing('not-found'));
    }
    expect(bundleOf(await world.records.history(EVERYTHING, { type: 'Patient', id }, []))).toMatchObject({
      type: 'history',
      entry: [
        { request: { method: 'DELETE', url: `Patient/${id}` }, response: { status: '204 No Content', etag: 'W/"2"' } },
        { fullUrl: `${FHIR_BASE}/Patient/${id}`, request: { method: 'POST', url: 'Patient' } },
      ],
    });
  });

  it('refuses types it does not keep, and writes to what the server alone writes', async () => {
    await expect(world.records.read(EVERYTHING, 'Martian', '1')).rejects.toEqual(failing('not-found'));
    const event = { resourceType: 'AuditEvent' };
    await expect(world.records.create(EVERYTHING, 'AuditEvent', event)).rejects.toEqual(failing('method-not-allowed'));
    await expect(world.records.update(EVERYTHING, 'AuditEvent', 'a', { ...event, id: 'a' })).rejects.toEqual(
      failing('method-not-allowed'),
    );
    await expect(world.records.delete(EVERYTHING, 'AuditEvent', 'a')).rejects.toEqual(failing('method-not-allowed'));
  });
});

describe('permissions', () => {
  it.each([
    ['read', 'system/*.cuds', () => world.records.read(keyWith('system/*.cuds'), 'Patient', 'x')],
    ['vread', 'system/*.cuds', () => world.records.readVersion(keyWith('system/*.cuds'), 'Patient', 'x', '1')],
    [
      'history',
      'system/*.cuds',
      () => world.records.history(keyWith('system/*.cuds'), { type: 'Patient', id: 'x' }, []),
    ],
    ['create', 'system/*.ruds', () => world.records.create(keyWith('system/*.ruds'), 'Patient', patient('1'))],
    ['delete', 'system/*.crus', () => world.records.delete(keyWith('system/*.crus'), 'Patient', 'x')],
    ['search', 'system/*.crud', () => world.records.search(keyWith('system/*.crud'), 'Patient', [])],
    [
      'conditional create',
      'system/*.c',
      () => world.records.create(keyWith('system/*.c'), 'Patient', patient('1'), { ifNoneExist: 'identifier=1' }),
    ],
    [
      'update that creates',
      'system/*.u',
      () => world.records.update(keyWith('system/*.u'), 'Patient', 'x', { ...patient('1'), id: 'x' }),
    ],
  ])('refuses %s to %s and writes the refusal down', async (_, __, ask) => {
    await expect(ask()).rejects.toEqual(failing('forbidden'));
    const { rows } = await world.store.audit.search('main', { outcome: '4', count: 10, offset: 0 });
    expect(rows).toEqual([expect.objectContaining({ outcomeDesc: 'forbidden', entities: expect.any(Array) })]);
  });

  it('keeps sites apart', async () => {
    const { stored } = await world.records.create(EVERYTHING, 'Patient', patient('1'));
    const other = keyWith('system/*.cruds', 'other');
    await expect(world.records.read(other, 'Patient', stored!.id)).rejects.toEqual(failing('not-found'));
    expect(bundleOf(await world.records.search(other, 'Patient', [])).entry).toBeUndefined();
  });
});

describe('update', () => {
  const put = (id: string, family: string, ifMatch?: number) =>
    world.records.update(EVERYTHING, 'Patient', id, { ...patient('1', family), id }, ifMatch ? { ifMatch } : {});

  it("creates under the client's id, then counts versions", async () => {
    expect(await put('my-id.1', 'A')).toMatchObject({ outcome: 'created', stored: { versionId: 1, method: 'PUT' } });
    expect(await put('my-id.1', 'B')).toMatchObject({ outcome: 'updated', stored: { versionId: 2 } });
  });

  it('makes no version of content that is there already, however its elements are ordered', async () => {
    await put('a', 'A');
    const { birthDate, ...rest } = patient('1', 'A');
    const reordered = { birthDate, id: 'a', ...rest };
    expect((await world.records.update(EVERYTHING, 'Patient', 'a', reordered)).outcome).toBe('unchanged');
    expect((await world.records.read(EVERYTHING, 'Patient', 'a')).versionId).toBe(1);
  });

  it('honours If-Match, also for a resource that is not there', async () => {
    await put('a', 'A');
    await expect(put('a', 'B', 2)).rejects.toEqual(failing('version-conflict'));
    await expect(put('never', 'B', 1)).rejects.toEqual(failing('version-conflict'));
    expect((await put('a', 'B', 1)).stored!.versionId).toBe(2);
    await expect(world.records.delete(EVERYTHING, 'Patient', 'a', { ifMatch: 1 })).rejects.toEqual(
      failing('version-conflict'),
    );
  });

  it('brings a deleted resource back as the next version', async () => {
    await put('a', 'A');
    await world.records.delete(EVERYTHING, 'Patient', 'a');
    expect(await put('a', 'A')).toMatchObject({ outcome: 'created', stored: { versionId: 3 } });
  });

  it.each([
    ['another id', 'a', { ...patient('1'), id: 'b' }],
    ['no id', 'a', patient('1')],
    ['an id that is none', 'a_b', { ...patient('1'), id: 'a_b' }],
  ])('refuses a body with %s', async (_, id, body) => {
    await expect(world.records.update(EVERYTHING, 'Patient', id, body)).rejects.toEqual(failing('invalid-request'));
  });

  it('loses no write when twenty come at once, and lets one of twenty with the same If-Match through', async () => {
    await put('a', 'start');
    const few = await Promise.all(Array.from({ length: 5 }, (_, n) => put('a', `F${n}`)));
    expect(few.map(({ stored }) => stored!.versionId).sort()).toEqual([2, 3, 4, 5, 6]);
    const many = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => put('a', `G${n}`, 6)));
    expect(many.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const result of many) {
      if (result.status === 'rejected') expect(result.reason).toEqual(failing('version-conflict'));
    }
  });
});

describe('conditional interactions', () => {
  const when = { ifNoneExist: 'identifier=urn:mrn|1' };

  it('creates once and finds ever after', async () => {
    const first = await world.records.create(EVERYTHING, 'Patient', patient('1'), when);
    const second = await world.records.create(EVERYTHING, 'Patient', patient('1', 'Other'), when);
    expect([first.outcome, second.outcome]).toEqual(['created', 'found']);
    expect(second.stored).toEqual(first.stored);
  });

  it('takes criteria with the type before them, and a question mark within', async () => {
    const criteria = { ifNoneExist: 'Patient?identifier=urn:odd?|1' };
    const odd = { ...patient('1'), identifier: [{ system: 'urn:odd?', value: '1' }] };
    expect((await world.records.create(EVERYTHING, 'Patient', odd, criteria)).outcome).toBe('created');
    const bare = { ifNoneExist: 'identifier=urn:odd?|1' };
    expect((await world.records.create(EVERYTHING, 'Patient', odd, bare)).outcome).toBe('found');
  });

  it('creates once when ten come at the same time', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, () => world.records.create(EVERYTHING, 'Patient', patient('1'), when)),
    );
    expect(all.filter(({ outcome }) => outcome === 'created').length).toBe(1);
    expect(new Set(all.map(({ stored }) => stored!.id)).size).toBe(1);
  });

  it('refuses criteria that match several, that are empty, or that are not understood', async () => {
    await world.records.create(EVERYTHING, 'Patient', patient('1'));
    await world.records.create(EVERYTHING, 'Patient', patient('1'));
    const create = (ifNoneExist: string) => world.records.create(EVERYTHING, 'Patient', patient('1'), { ifNoneExist });
    await expect(create(when.ifNoneExist)).rejects.toEqual(failing('multiple-matches'));
    await expect(create('_count=1')).rejects.toEqual(failing('invalid-request'));
    await expect(create('shoe-size=44')).rejects.toEqual(failing('invalid-request'));
    await expect(world.records.updateWhere(EVERYTHING, 'Patient', when.ifNoneExist, patient('1'))).rejects.toEqual(
      failing('multiple-matches'),
    );
    await expect(world.records.deleteWhere(EVERYTHING, 'Patient', when.ifNoneExist)).rejects.toEqual(
      failing('multiple-matches'),
    );
  });

  it('updates the one that is found, or creates it', async () => {
    const ask = (family: string) =>
      world.records.updateWhere(EVERYTHING, 'Patient', when.ifNoneExist, patient('1', family));
    const first = await ask('A');
    const second = await ask('B');
    expect([first.outcome, second.outcome]).toEqual(['created', 'updated']);
    expect(second.stored!.id).toBe(first.stored!.id);
    const wrong = { ...patient('1'), id: 'another' };
    await expect(world.records.updateWhere(EVERYTHING, 'Patient', when.ifNoneExist, wrong)).rejects.toEqual(
      failing('invalid-request'),
    );
    const named = { ...patient('2'), id: 'named' };
    const third = await world.records.updateWhere(EVERYTHING, 'Patient', 'identifier=urn:mrn|2', named);
    expect(third).toMatchObject({ outcome: 'created', stored: { id: 'named' } });
  });

  it('deletes the one that is found, or nothing', async () => {
    await world.records.create(EVERYTHING, 'Patient', patient('1'));
    const ask = () => world.records.deleteWhere(EVERYTHING, 'Patient', when.ifNoneExist);
    expect((await ask()).outcome).toBe('deleted');
    expect((await ask()).outcome).toBe('absent');
  });
});

describe('history', () => {
  it('pages through a type, newest first, by links of its own', async () => {
    for (const n of [1, 2, 3]) await world.records.create(EVERYTHING, 'Observation', observation('Patient/p', n));
    const page = bundleOf(await world.records.history(EVERYTHING, { type: 'Observation' }, [['_count', '2']]));
    expect(page.entry!.map((entry) => (entry.resource as Observation).valueQuantity!.value)).toEqual([3, 2]);
    expect(page.link).toEqual([
      { relation: 'self', url: `${FHIR_BASE}/Observation/_history?_count=2` },
      { relation: 'next', url: `${FHIR_BASE}/Observation/_history?_count=2&_offset=2` },
    ]);
    const since = page.entry![0]!.resource!.meta!.lastUpdated!;
    const late = bundleOf(await world.records.history(EVERYTHING, { type: 'Observation' }, [['_since', since]]));
    expect(late.entry!.length).toBe(1);
  });

  it('refuses what it does not understand, and resources that never were', async () => {
    for (const [name, value] of [
      ['_since', 'yesterday'],
      ['_count', '-1'],
      ['_at', '2026'],
    ] as const) {
      await expect(world.records.history(EVERYTHING, { type: 'Patient' }, [[name, value]])).rejects.toEqual(
        failing('invalid-request'),
      );
    }
    await expect(world.records.history(EVERYTHING, { type: 'Patient', id: 'never' }, [])).rejects.toEqual(
      failing('not-found'),
    );
  });
});
