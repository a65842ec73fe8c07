import { describe, expect, it } from '@jest/globals';
import type { Bundle } from '@medplum/fhirtypes';
import { type FakeAnswer, type FakeRequest, fakePeer } from '../../test/harness/fake-peer.ts';
import { createEhrClient } from './fhir-ehr.ts';

const PATIENT = 'urn:uuid:11111111-1111-8111-8111-111111111111';
const REPORT = 'urn:uuid:22222222-2222-8222-8222-222222222222';
const never = new AbortController().signal;

const bundle: Bundle = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      fullUrl: REPORT,
      resource: {
        resourceType: 'DiagnosticReport',
        status: 'preliminary',
        code: { text: 'x' },
        subject: { reference: PATIENT },
      },
      request: { method: 'POST', url: 'DiagnosticReport', ifNoneExist: 'identifier=b' },
    },
    {
      fullUrl: PATIENT,
      resource: { resourceType: 'Patient', name: [{ family: 'Canary' }] },
      request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=a' },
    },
  ],
};
const bytes = Buffer.from(JSON.stringify(bundle));
const responseBundle = (...statuses: string[]): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction-response',
    entry: statuses.map((status) => ({ response: { status } })),
  });

function send(profile: 'transaction' | 'conditional-creates', answer: (request: FakeRequest) => FakeAnswer) {
  const { peer, requests } = fakePeer(answer);
  return { sent: createEhrClient(peer, profile).send(bytes, never), requests };
}

describe('an EHR that takes transactions', () => {
  it('gets the bundle in the bytes that were stored', async () => {
    const { sent, requests } = send('transaction', () => ({
      status: 200,
      body: responseBundle('201 Created', '200 OK'),
    }));
    await sent;
    expect(requests.map(({ path, method, body }) => [path, method, body])).toEqual([
      ['', 'POST', bytes.toString('latin1')],
    ]);
  });

  it.each([
    ['one entry that failed', 200, responseBundle('201', '412 Precondition Failed'), 'upstream-refused'],
    ['an answer that is no transaction response', 200, '<html>', 'upstream-refused'],
    ['a refusal', 422, '{"resourceType":"OperationOutcome","issue":[{"code":"invariant"}]}', 'upstream-refused'],
    ['an overload', 503, '', 'upstream-unavailable'],
    ['a limit', 429, '', 'upstream-unavailable'],
    ['a write of somebody else at the same moment', 409, '', 'upstream-unavailable'],
  ])('is not taken at its word after %s', async (_, status, body, kind) => {
    await expect(send('transaction', () => ({ status, body })).sent).rejects.toMatchObject({ kind });
  });

  it('never has its words repeated, since they may name a patient', async () => {
    const outcome = { resourceType: 'OperationOutcome', issue: [{ code: 'duplicate', diagnostics: 'Canary exists' }] };
    const { sent } = send('transaction', () => ({ status: 409, body: JSON.stringify(outcome) }));
    await expect(sent).rejects.toThrow('archive-b answered 409: duplicate');
  });
});

describe('an EHR that takes single resources', () => {
  it('gets each after what it refers to, with the ids that it gave', async () => {
    const { sent, requests } = send('conditional-creates', ({ path }) =>
      path === '/Patient'
        ? { status: 201, headers: { location: 'https://ehr.example/r4/Patient/p7/_history/1' } }
        : { status: 200, body: '{"resourceType":"DiagnosticReport","id":"r9"}' },
    );
    await sent;
    expect(requests.map(({ path }) => path)).toEqual(['/Patient', '/DiagnosticReport']);
    expect(requests.map(({ headers }) => headers['if-none-exist'])).toEqual(['identifier=a', 'identifier=b']);
    expect(JSON.parse(requests[1]!.body).subject.reference).toBe('Patient/p7');
  });

  it('is refused when it does not say what it made', async () => {
    await expect(send('conditional-creates', () => ({ status: 201 })).sent).rejects.toThrow(
      'does not say which Patient',
    );
  });

  it('is refused when the resources refer to each other in a ring', async () => {
    const ring = structuredClone(bundle);
    (ring.entry![1]!.resource as { link?: unknown }).link = [{ other: { reference: REPORT }, type: 'seealso' }];
    const { peer } = fakePeer(() => ({ status: 201 }));
    const sent = createEhrClient(peer, 'conditional-creates').send(Buffer.from(JSON.stringify(ring)), never);
    await expect(sent).rejects.toThrow('refer to each other');
  });
});
