import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Bundle, BundleEntry, DiagnosticReport, Observation, Resource } from '@medplum/fhirtypes';
import { EXAMPLE_PDF } from '../../test/harness/fhir-artefacts.ts';
import {
  bundleOf,
  EVERYTHING,
  keyWith,
  observation,
  openRecordsWorld,
  patient,
  type RecordsWorld,
  resourceOf,
} from '../../test/harness/records-world.ts';
import { makeResultFixture } from '../../test/harness/result-fixture.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { buildResultBundle } from '../fhir/result-bundle.ts';

const P = 'urn:uuid:11111111-1111-4111-8111-111111111111';
const ID = '[0-9a-f-]{36}';
const failing = (kind: string) => expect.objectContaining({ kind });
const transaction = (...entry: unknown[]) => ({ resourceType: 'Bundle', type: 'transaction', entry });
const post = (resource: { resourceType: string }, more: object = {}, fullUrl?: string) => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  request: { method: 'POST', url: resource.resourceType, ...more },
});
const put = (resource: { resourceType: string; id?: string }, url = `${resource.resourceType}/${resource.id}`) => ({
  resource,
  request: { method: 'PUT', url },
});
const get = (url: string) => ({ request: { method: 'GET', url } });
const erase = (url: string) => ({ request: { method: 'DELETE', url } });

let world: RecordsWorld;
beforeEach(async () => {
  world = await openRecordsWorld();
});
const send = async (bundle: unknown, principal = EVERYTHING, minimal = false): Promise<Bundle> =>
  bundleOf(await world.records.bundle(principal, bundle, { minimal }));
const countOf = async (type: string): Promise<number> =>
  bundleOf(await world.records.search(EVERYTHING, type, [['_summary', 'count']])).total!;
const statuses = (bundle: Bundle): (string | undefined)[] => bundle.entry!.map(({ response }) => response?.status);
const wellKnown = (id: string, family = 'Rossi') => ({ ...patient(id, family), id });

describe('transaction', () => {
  it('creates all in one commit with one audit row, and renames the links between them', async () => {
    const answer = await send(transaction(post(observation(P)), post(patient('1'), {}, P)));
    expect(answer.type).toBe('transaction-response');
    expect(statuses(answer)).toEqual(['201 Created', '201 Created']);
    const [first, second] = answer.entry as [BundleEntry<Observation>, BundleEntry];
    expect(first.resource!.subject).toEqual({ reference: `Patient/${second.resource!.id}` });
    expect(first.response).toEqual({
      status: '201 Created',
      location: expect.stringMatching(new RegExp(`^Observation/${ID}/_history/1$`)),
      etag: 'W/"1"',
      lastModified: first.resource!.meta!.lastUpdated,
    });
    expect(world.commits.length).toBe(1);
    expect(world.commits[0]!.audit).toEqual([
      expect.objectContaining({
        action: 'E',
        interaction: 'fhir/transaction',
        patients: [`Patient/${second.resource!.id}`],
        entities: [`Observation/${first.resource!.id}`, `Patient/${second.resource!.id}`],
      }),
    ]);
  });

  it('deletes, creates, updates and reads, each answered in its place', async () => {
    await world.records.update(EVERYTHING, 'Patient', 'gone', wellKnown('gone'));
    await world.records.update(EVERYTHING, 'Patient', 'kept', wellKnown('kept'));
    const answer = await send(
      transaction(
        get('Patient/kept'),
        put(wellKnown('kept', 'Verdi')),
        post(observation('Patient/kept')),
        erase('Patient/gone'),
        erase('Patient/never'),
        get('Observation?subject=Patient/kept'),
        put(wellKnown('new')),
        put(wellKnown('kept2'), 'Patient?identifier=urn:mrn|kept2'),
      ),
    );
    expect(statuses(answer)).toEqual([
      '200 OK',
      '200 OK',
      '201 Created',
      '204 No Content',
      '204 No Content',
      '200 OK',
      '201 Created',
      '201 Created',
    ]);
    expect(answer.entry![0]!.resource).toMatchObject({ name: [{ family: 'Verdi' }] });
    expect((answer.entry![5]!.resource as Bundle).entry!.length).toBe(1);
    await expect(world.records.read(EVERYTHING, 'Patient', 'gone')).rejects.toEqual(failing('gone'));
  });

  it('answers reads until they add up to too much, and says so of the rest', async () => {
    const text = 'x'.repeat(12_000_000);
    await world.records.update(EVERYTHING, 'Patient', 'large', { ...wellKnown('large'), name: [{ text }] });
    const reads = Array.from({ length: 8 }, () => get('Patient?_id=large'));
    for (const type of ['batch', 'transaction']) {
      const { entries } = await world.records.bundle(EVERYTHING, { resourceType: 'Bundle', type, entry: reads }, {});
      const answered = entries.map(({ response }) => response!.status.slice(0, 3));
      expect(answered.filter((status) => status === '200')).toHaveLength(5);
      expect(answered.filter((status) => status === '413')).toHaveLength(3);
    }
  });

  it('leaves resources out of the answer when the client prefers it', async () => {
    const answer = await send(transaction(post(patient('1'))), EVERYTHING, true);
    expect(Object.keys(answer.entry![0]!)).toEqual(['response']);
  });

  it('uses what is there for a conditional create, and points the others to it', async () => {
    const when = { ifNoneExist: 'identifier=urn:mrn|1' };
    await world.records.update(EVERYTHING, 'Patient', 'known', { ...patient('1'), id: 'known' });
    const bundle = transaction(post(patient('1', 'Other'), when, P), post(observation(P)));
    const answer = await send(bundle);
    expect(statuses(answer)).toEqual(['200 OK', '201 Created']);
    expect((answer.entry![1]!.resource as Observation).subject).toEqual({ reference: 'Patient/known' });
    expect(await countOf('Patient')).toBe(1);
  });

  it('resolves conditional references', async () => {
    await world.records.update(EVERYTHING, 'Patient', 'known', { ...patient('7'), id: 'known' });
    const answer = await send(transaction(post(observation('Patient?identifier=urn:mrn|7'))));
    expect((answer.entry![0]!.resource as Observation).subject).toEqual({ reference: 'Patient/known' });
    await expect(send(transaction(post(observation('Patient?identifier=urn:mrn|8'))))).rejects.toEqual(
      failing('invalid-resource'),
    );
  });

  it('creates once when the same bundle of conditional creates comes eight times at once', async () => {
    const when = { ifNoneExist: 'identifier=urn:mrn|1' };
    const bundle = transaction(post(patient('1'), when, P), post(observation(P), { ifNoneExist: 'code=9843-4' }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(bundle)));
    expect(await countOf('Patient')).toBe(1);
    expect(await countOf('Observation')).toBe(1);
    expect(answers.flatMap(statuses).filter((status) => status === '201 Created').length).toBe(2);
  });

  it.each([
    ['an invalid resource', post({ resourceType: 'Patient', name: [] } as never), 'invalid-resource'],
    ['an unknown type', post({ resourceType: 'Martian' }), 'not-found'],
    ['a type that is not that of its URL', post(patient('2'), { url: 'Observation' }), 'invalid-request'],
    ['no resource', { request: { method: 'POST', url: 'Patient' } }, 'invalid-request'],
    ['no request', { resource: patient('2') }, 'invalid-request'],
    ['a method that is not taken', { request: { method: 'PATCH', url: 'Patient/1' } }, 'invalid-request'],
    ['an entry that is no object', 7, 'invalid-request'],
    ['POST to one resource', post(patient('2'), { url: 'Patient/1' }), 'invalid-request'],
    ['PUT of another id', put(wellKnown('a'), 'Patient/b'), 'invalid-request'],
    ['PUT to a type', put(wellKnown('a'), 'Patient'), 'invalid-request'],
    ['a read of nothing', get('Patient/never'), 'not-found'],
    ['a search that is not understood', get('Patient?shoe-size=44'), 'invalid-request'],
    ['a read of nowhere', get('Patient/a/b/c/d'), 'not-found'],
    [
      'an If-Match that is outdated',
      { ...put(wellKnown('a')), request: { method: 'PUT', url: 'Patient/a', ifMatch: 'W/"3"' } },
      'version-conflict',
    ],
    [
      'an If-Match that is none',
      { ...put(wellKnown('a')), request: { method: 'PUT', url: 'Patient/a', ifMatch: '3' } },
      'invalid-request',
    ],
    ['an AuditEvent', post({ resourceType: 'AuditEvent' }), 'method-not-allowed'],
    ['the full URL of another entry', post(patient('2'), {}, P), 'invalid-request'],
    ['a condition without criteria', post(patient('2'), { ifNoneExist: '_count=1' }), 'invalid-request'],
  ])('stores nothing of a bundle with %s, and says where', async (_, entry, kind) => {
    const bundle = transaction(post(patient('1'), {}, P), entry);
    await expect(send(bundle)).rejects.toEqual(failing(kind));
    if (kind !== 'invalid-request') await expect(send(bundle)).rejects.toThrow('Bundle.entry[1]');
    expect(await countOf('Patient')).toBe(0);
  });

  it.each([
    ['two updates of one resource', [put(wellKnown('a')), put(wellKnown('a', 'B'))]],
    ['an update and a deletion of one resource', [put(wellKnown('a')), erase('Patient/a')]],
    [
      'two creates under the same condition',
      [1, 2].map(() => post(patient('9'), { ifNoneExist: 'identifier=urn:mrn|9' })),
    ],
  ])('refuses %s', async (_, entries) => {
    await world.records.update(EVERYTHING, 'Patient', 'a', wellKnown('a'));
    await expect(send(transaction(...entries))).rejects.toEqual(failing('invalid-request'));
    expect((await world.records.read(EVERYTHING, 'Patient', 'a')).versionId).toBe(1);
    expect(await countOf('Patient')).toBe(1);
  });

  it('asks for permission for each entry, before anything is written', async () => {
    const bundle = transaction(post(patient('1')), post(observation('Patient/1')));
    await expect(send(bundle, keyWith('system/Patient.cruds'))).rejects.toEqual(failing('forbidden'));
    expect(await countOf('Patient')).toBe(0);
    const { rows } = await world.store.audit.search('main', { outcome: '4', count: 1, offset: 0 });
    expect(rows[0]).toMatchObject({ interaction: 'fhir/transaction', outcomeDesc: 'forbidden' });
  });

  it('stores nothing when the commit fails', async () => {
    world.beforeCommit = ({ resources }) => {
      if (resources?.length) throw new NeuroInsightError('storage-full', 'full');
    };
    await expect(send(transaction(post(patient('1')), post(patient('2'))))).rejects.toEqual(failing('storage-full'));
    expect(await countOf('Patient')).toBe(0);
  });

  it('refuses what is no batch and no transaction, and one with too many entries', async () => {
    await expect(send(patient('1'))).rejects.toEqual(failing('invalid-request'));
    await expect(send(null)).rejects.toEqual(failing('invalid-request'));
    await expect(send({ resourceType: 'Bundle', type: 'collection' })).rejects.toEqual(failing('invalid-request'));
    await expect(send({ ...transaction(), entry: {} })).rejects.toEqual(failing('invalid-request'));
    const many = Array.from({ length: 5001 }, () => erase('Patient/x'));
    await expect(send(transaction(...many))).rejects.toEqual(failing('limit-exceeded'));
    expect((await send({ resourceType: 'Bundle', type: 'transaction' })).entry).toBeUndefined();
  });

  it('does not follow links that look like programs of the prototype', async () => {
    const bundle = transaction(post(observation('constructor')), post(observation('__proto__')));
    expect((await send(bundle)).entry!.map(({ resource }) => (resource as Observation).subject!.reference)).toEqual([
      'constructor',
      '__proto__',
    ]);
  });
});

describe('batch', () => {
  const batch = (...entry: unknown[]) => ({ resourceType: 'Bundle', type: 'batch', entry });

  it('answers each entry by itself, a failed one with its outcome', async () => {
    await world.records.update(EVERYTHING, 'Patient', 'a', wellKnown('a'));
    const answer = await send(
      batch(
        post(patient('1')),
        get('Patient/never'),
        7,
        put(wellKnown('a', 'B')),
        get('/Patient/a/_history/1'),
        get('Patient/a/_history'),
        get('Patient/_history?_count=1'),
        erase('Patient?identifier=urn:mrn|1'),
        put(wellKnown('b'), 'Patient?identifier=urn:mrn|b'),
        { request: { method: 'DELETE', url: 'Patient' } },
        post(patient('1'), { url: 'Patient/1/x' }),
        erase('Patient/a'),
        get('Patient/a/b/c/d'),
      ),
    );
    expect(answer.type).toBe('batch-response');
    expect(statuses(answer).map((status) => status!.slice(0, 3))).toEqual([
      '201',
      '404',
      '400',
      '200',
      '200',
      '200',
      '200',
      '204',
      '201',
      '405',
      '404',
      '204',
      '404',
    ]);
    expect(answer.entry![1]!.response!.outcome).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'not-found' }],
    });
  });

  it('says nothing of a defect', async () => {
    world.beforeCommit = () => {
      throw new Error('secret path /var/x');
    };
    const answer = await send(batch(post(patient('1'))));
    expect(statuses(answer)).toEqual(['500']);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

describe('prepareTransaction', () => {
  const commit = async (bundle: unknown) => {
    const prepared = await world.records.prepareTransaction(EVERYTHING, bundle);
    const { resources, noneMatching } = prepared;
    await world.store.ledger.commit({ site: 'main', resources, noneMatching });
    return prepared;
  };

  it('works out the changes of a result without committing, and finds all of it the second time', async () => {
    const bundle = buildResultBundle(makeResultFixture().result, EXAMPLE_PDF);
    const first = await commit(bundle);
    expect(world.commits).toEqual([]);
    expect(first.resources.length).toBe(bundle.entry!.length);
    expect(first.noneMatching.length).toBe(bundle.entry!.length);
    const second = await commit(bundle);
    expect(second.resources).toEqual([]);
    expect(second.noneMatching).toEqual([]);
    expect(second.references).toEqual(first.references);
    expect(second.response.entry!.every(({ response }) => response!.status === '200 OK')).toBe(true);
    expect(first.response.entry!.every(({ response }) => response!.status === '201 Created')).toBe(true);
    expect(second.patients).toEqual(first.patients);
  });

  it('leaves no link of the bundle unresolved', async () => {
    const bundle = buildResultBundle(makeResultFixture().result, EXAMPLE_PDF);
    const { references } = await commit(bundle);
    const { entry } = bundleOf(await world.records.search(EVERYTHING, 'DiagnosticReport', []));
    const report = entry![0]!.resource as DiagnosticReport;
    const stored: Resource[] = [];
    for (const place of references.values()) {
      const [type, id] = place.split('/') as [string, string];
      stored.push(resourceOf(await world.records.read(EVERYTHING, type, id)));
    }
    expect(report.subject!.reference).toMatch(new RegExp(`^Patient/${ID}$`));
    expect(JSON.stringify(stored)).not.toMatch(/"reference":"urn:uuid/);
  });

  it('takes transactions that only write', async () => {
    const prepare = (bundle: unknown) => world.records.prepareTransaction(EVERYTHING, bundle);
    await world.records.update(EVERYTHING, 'Patient', 'a', wellKnown('a'));
    await expect(prepare(transaction(get('Patient/a')))).rejects.toEqual(failing('invalid-request'));
    await expect(prepare({ resourceType: 'Bundle', type: 'batch' })).rejects.toEqual(failing('invalid-request'));
  });
});
