import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Bundle, Observation } from '@medplum/fhirtypes';
import {
  bundleOf,
  EVERYTHING,
  FHIR_BASE,
  keyWith,
  observation,
  openRecordsWorld,
  patient,
  type RecordsWorld,
} from '../../test/harness/records-world.ts';
import type { SearchParams } from './records.ts';

let world: RecordsWorld;
const failing = (kind: string) => expect.objectContaining({ kind });
const search = async (type: string, params: SearchParams, principal = EVERYTHING): Promise<Bundle> =>
  bundleOf(await world.records.search(principal, type, params));
const placesOf = (bundle: Bundle, mode: string): string[] =>
  (bundle.entry ?? [])
    .filter((entry) => entry.search?.mode === mode)
    .map(({ resource }) => `${resource!.resourceType}/${resource!.id}`)
    .sort();

beforeEach(async () => {
  world = await openRecordsWorld();
  for (const [id, family] of [
    ['p1', 'Rossi'],
    ['p2', 'Bianchi'],
  ] as const) {
    await world.records.update(EVERYTHING, 'Patient', id, { ...patient(id, family), id });
  }
  for (const n of [1, 2, 3, 4, 5]) {
    const resource = { ...observation(n < 4 ? 'Patient/p1' : 'Patient/p2', n), id: `o${n}` };
    await world.records.update(EVERYTHING, 'Observation', `o${n}`, resource);
  }
});

describe('search', () => {
  it('answers a searchset whose links come from the public URL and never overlap', async () => {
    const first = await search('Observation', [
      ['subject', 'Patient/p1'],
      ['_sort', '_id'],
      ['_count', '2'],
    ]);
    expect(first).toMatchObject({ resourceType: 'Bundle', type: 'searchset' });
    expect(first.entry![0]!.fullUrl).toBe(`${FHIR_BASE}/Observation/o1`);
    const urls = Object.fromEntries(first.link!.map(({ relation, url }) => [relation, url]));
    expect(urls.self).toBe(`${FHIR_BASE}/Observation?subject=Patient%2Fp1&_sort=_id&_count=2`);
    const next = new URL(urls.next!);
    const second = await search('Observation', [...next.searchParams]);
    expect([...placesOf(first, 'match'), ...placesOf(second, 'match')]).toEqual([
      'Observation/o1',
      'Observation/o2',
      'Observation/o3',
    ]);
    expect(second.link!.map(({ relation }) => relation)).toEqual(['self', 'previous']);
  });

  it('counts when asked to', async () => {
    expect(
      (
        await search('Observation', [
          ['_total', 'accurate'],
          ['_count', '1'],
        ])
      ).total,
    ).toBe(5);
    const counted = await search('Observation', [
      ['_summary', 'count'],
      ['subject', 'Patient/p1'],
    ]);
    expect(counted.total).toBe(3);
    expect(counted.entry).toBeUndefined();
  });

  it('cuts resources down to the elements that are wanted', async () => {
    const { entry } = await search('Observation', [
      ['_id', 'o1'],
      ['_elements', 'subject'],
    ]);
    expect(Object.keys(entry![0]!.resource!).sort()).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
      'subject',
    ]);
  });

  it('includes what matches refer to, and what refers to them, each once', async () => {
    const forward = await search('Observation', [['_include', 'Observation:subject']]);
    expect(placesOf(forward, 'include')).toEqual(['Patient/p1', 'Patient/p2']);
    const back = await search('Patient', [
      ['family', 'ross'],
      ['_revinclude', 'Observation:subject'],
    ]);
    expect(placesOf(back, 'include')).toEqual(['Observation/o1', 'Observation/o2', 'Observation/o3']);
  });

  it('includes nothing that the caller may not read, and refuses types that he may not search', async () => {
    const only = keyWith('system/Observation.rs');
    const forward = await search('Observation', [['_include', 'Observation:subject']], only);
    expect(placesOf(forward, 'include')).toEqual([]);
    await expect(search('Observation', [['subject:Patient.family', 'Rossi']], only)).rejects.toEqual(
      failing('forbidden'),
    );
    const patients = keyWith('system/Patient.rs');
    await expect(search('Patient', [['_revinclude', 'Observation:subject']], patients)).rejects.toEqual(
      failing('forbidden'),
    );
    await expect(search('Patient', [['_has:Observation:subject:code', '9843-4']], patients)).rejects.toEqual(
      failing('forbidden'),
    );
  });

  it('follows chains', async () => {
    const found = await search('Observation', [['subject:Patient.family', 'Bianchi']]);
    expect(placesOf(found, 'match')).toEqual(['Observation/o4', 'Observation/o5']);
  });

  it('writes down the query and every patient of the page, included ones too', async () => {
    await search('Observation', [
      ['_include', 'Observation:subject'],
      ['code', '9843-4'],
    ]);
    const { rows } = await world.store.audit.search('main', { count: 1, offset: 0 });
    expect(rows[0]).toMatchObject({
      action: 'E',
      interaction: 'fhir/search',
      entities: ['Observation'],
      query: '_include=Observation%3Asubject&code=9843-4',
    });
    expect([...rows[0]!.patients].sort()).toEqual(['Patient/p1', 'Patient/p2']);
  });

  it('refuses unknown types and parameters', async () => {
    await expect(search('Martian', [])).rejects.toEqual(failing('not-found'));
    await expect(search('Patient', [['shoe-size', '44']])).rejects.toEqual(failing('invalid-request'));
  });

  it('finds an update under its new values only', async () => {
    const moved: Observation = { ...observation('Patient/p2', 1), id: 'o1' };
    await world.records.update(EVERYTHING, 'Observation', 'o1', moved);
    expect(placesOf(await search('Observation', [['subject', 'Patient/p1']]), 'match')).toEqual([
      'Observation/o2',
      'Observation/o3',
    ]);
  });
});
