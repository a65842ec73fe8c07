import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@medplum/fhirtypes';
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
import type { SearchParams } from './records.ts';

let world: RecordsWorld;
const search = async (...params: SearchParams) =>
  bundleOf(await world.records.search(EVERYTHING, 'AuditEvent', params));

beforeEach(async () => {
  world = await openRecordsWorld();
  await world.records.update(EVERYTHING, 'Patient', 'p1', { ...patient('1'), id: 'p1' });
  await world.records.create(EVERYTHING, 'Observation', observation('Patient/p1'));
  await world.records.read(EVERYTHING, 'Patient', 'p1');
});

describe('AuditEvent', () => {
  it('is found newest first, by page, with the number of all', async () => {
    const page = await search(['_count', '2']);
    expect(page).toMatchObject({ type: 'searchset', total: 3 });
    expect(page.entry!.map(({ resource }) => (resource as AuditEvent).action)).toEqual(['R', 'C']);
    expect(page.link!.at(-1)).toEqual({ relation: 'next', url: `${FHIR_BASE}/AuditEvent?_count=2&_offset=2` });
  });

  it('is counted without being listed', async () => {
    const counted = await search(['_summary', 'count']);
    expect(counted.total).toBe(3);
    expect(counted.entry ?? []).toEqual([]);
    await expect(search(['_summary', 'text'])).rejects.toMatchObject({ kind: 'invalid-request' });
  });

  it.each([
    [[['action', 'C']], 1],
    [[['patient', 'p1']], 3],
    [[['patient', 'Patient/p2']], 0],
    [
      [
        ['entity', 'Patient/p1'],
        ['action', 'R'],
      ],
      1,
    ],
    [[['outcome', '4']], 0],
    [[['agent', 'key-1']], 3],
    [[['date', '2026-11-24']], 3],
    [[['date', '2025']], 0],
    [
      [
        ['date', 'ge2026-11'],
        ['date', 'lt2026-12'],
      ],
      3,
    ],
    [[['date', 'le2026-11-24T10:00:00.000Z']], 0],
  ] as [SearchParams, number][])('is found by %j: %i', async (params, total) => {
    expect((await search(...params)).total).toBe(total);
  });

  it('is found after the moment of another, and up to it', async () => {
    const moments = (await search()).entry!.map(({ resource }) => (resource as AuditEvent).recorded);
    // The create, the read, and the search of the line before.
    expect((await search(['date', `gt${moments.at(-1)}`], ['_sort', '-date'])).total).toBe(3);
    expect((await search(['date', `le${moments.at(-1)}`])).total).toBe(1);
  });

  it('is read by its id, and found by it', async () => {
    const { id } = (await search(['action', 'C'])).entry![0]!.resource!;
    const event = resourceOf<AuditEvent>(await world.records.read(EVERYTHING, 'AuditEvent', id!));
    expect(event).toMatchObject({ resourceType: 'AuditEvent', id, action: 'C' });
    expect((await world.records.readVersion(EVERYTHING, 'AuditEvent', id!, '1')).id).toBe(id);
    await expect(world.records.readVersion(EVERYTHING, 'AuditEvent', id!, '2')).rejects.toEqual(
      expect.objectContaining({ kind: 'not-found' }),
    );
    expect((await search(['_id', id!])).total).toBe(1);
    expect((await search(['_id', 'none'])).total).toBe(0);
    await expect(world.records.read(EVERYTHING, 'AuditEvent', 'none')).rejects.toEqual(
      expect.objectContaining({ kind: 'not-found' }),
    );
  });

  it.each([
    [[['date', 'yesterday']]],
    [[['date', '2026-13-40']]],
    [[['action', 'X']]],
    [[['outcome', '1']]],
    [[['_count', 'many']]],
    [[['shoe-size', '44']]],
    [
      [
        ['action', 'C'],
        ['action', 'R'],
      ],
    ],
  ] as [SearchParams][])('refuses %j', async (params) => {
    await expect(search(...params)).rejects.toEqual(expect.objectContaining({ kind: 'invalid-request' }));
  });

  it('is for those only who may search it', async () => {
    const clerk = keyWith('system/Patient.rs');
    await expect(world.records.search(clerk, 'AuditEvent', [])).rejects.toEqual(
      expect.objectContaining({ kind: 'forbidden' }),
    );
  });
});
