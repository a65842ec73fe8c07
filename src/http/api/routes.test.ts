import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AT, apiWorld, ID, RESULT, UID } from '../../../test/harness/api-world.ts';
import { bearer, type HttpWorld, openHttpWorld } from '../../../test/harness/http-world.ts';
import { apiRoutes } from './routes.ts';
import { NAMED } from './schemas.ts';

const ALL = 'system/*.cruds';
const behind = apiWorld();
const { asked, audited, outbox, queued } = behind;

let world: HttpWorld;
beforeAll(async () => {
  world = await openHttpWorld({ routers: { api: apiRoutes(behind.deps) } });
});
afterAll(() => world.close());

const api = (path: string, key = ALL, headers = {}) => world.get(`/api/v1${path}`, key, headers);
const post = (path: string, body?: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  fetch(`${world.url}/api/v1${path}`, {
    method: 'POST',
    headers: { ...bearer(ALL), ...headers },
    ...(body === undefined ? {} : { body }),
  });

describe('a run', () => {
  it('is asked for by a study, and answered 202 with where to look', async () => {
    const response = await post('/runs', JSON.stringify({ studyInstanceUid: UID }));
    expect([response.status, response.headers.get('location')]).toEqual([
      202,
      `http://127.0.0.1:8080/api/v1/runs/${ID}`,
    ]);
    expect(await response.json()).toMatchObject({ id: ID, state: 'queued', step: null, result: null, failure: null });
    expect(asked.at(-1)).toEqual(['request', 'tester', { studyInstanceUid: UID }]);
  });

  it.each([
    ['{}', 'content.studyInstanceUid'],
    ['{"studyInstanceUid":"1.02"}', 'content.studyInstanceUid: a DICOM UID'],
    [`{"studyInstanceUid":"${'1.'.repeat(40)}1"}`, 'content.studyInstanceUid'],
    ['{"studyInstanceUid":"1.2","priority":1}', 'content: '],
    ['[]', 'content: '],
    ['null', 'content: '],
    ['{"studyInstanceUid":', 'the content is not JSON'],
  ])('asked for by %s is refused with the place of the mistake', async (body, detail) => {
    const before = asked.length;
    const response = await post('/runs', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining(detail) });
    expect(asked.length).toBe(before);
  });

  it('asked for in another type, or at great length, is refused', async () => {
    expect((await post('/runs', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('/runs', 'x'.repeat(70_000))).status).toBe(413);
  });

  it("tells state, result and links, and nothing that is the server's own", async () => {
    const response = await api(`/runs/${ID}`);
    const text = await response.text();
    const run = JSON.parse(text);
    expect(NAMED.Run!.safeParse(run).error).toBeUndefined();
    expect(run).toMatchObject({ state: 'completed', percent: 100, attempt: 1, result: RESULT });
    expect(run.links.report).toBe('http://127.0.0.1:8080/fhir/R4/DiagnosticReport/d');
    expect(run.links.files).toContainEqual({
      name: 'bundle.json',
      href: `http://127.0.0.1:8080/api/v1/runs/${ID}/files/bundle.json`,
      contentType: 'application/fhir+json',
    });
    expect(text).not.toMatch(/secret|lease|pack/);
  });

  it('that is not there is 404, and an id that is none is 400', async () => {
    expect((await api('/runs/00000000-0000-4000-8000-000000000000')).status).toBe(404);
    expect((await api('/runs/not-an-id')).status).toBe(400);
    expect((await api(`/runs/${ID}?verbose=1`)).status).toBe(400);
  });

  it('is listed by state and study, a page at a time', async () => {
    const response = await api(`/runs?state=queued,running&studyInstanceUid=${UID}&limit=2&offset=4`);
    const list = await response.json();
    expect(NAMED.RunList!.safeParse(list).error).toBeUndefined();
    expect(list).toMatchObject({ total: 7, runs: [{ state: 'completed' }, { state: 'running' }] });
    expect(asked.at(-1)).toEqual([
      'list',
      'tester',
      { state: ['queued', 'running'], studyInstanceUid: UID, limit: 2, offset: 4 },
    ]);
    await api('/runs');
    expect(asked.at(-1)).toEqual(['list', 'tester', { limit: 50, offset: 0 }]);
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e3',
    'limit=',
    'offset=x',
    'state=lost',
    'state=',
    'a=b',
    'limit=1&limit=2',
  ])('is not listed by %s', async (query) => {
    const response = await api(`/runs?${query}`);
    expect([response.status, (await response.json()) as object]).toEqual([
      400,
      expect.objectContaining({ type: 'urn:neuroinsight:problem:invalid-request' }),
    ]);
  });

  it('has a log', async () => {
    expect(await (await api(`/runs/${ID}/log`)).json()).toEqual({
      lines: [{ at: AT, level: 'info', message: 'queued' }],
    });
  });

  it('can be cancelled; one that cannot be queued again says why', async () => {
    expect(await (await post(`/runs/${ID}/cancel`)).json()).toMatchObject({ cancelRequested: true });
    const refused = await post(`/runs/${ID}/requeue`);
    expect([refused.status, await refused.json()]).toEqual([
      409,
      expect.objectContaining({ detail: 'the run is running' }),
    ]);
  });

  it.each([
    ['report.pdf', 'application/pdf', 'inline'],
    ['overlay.png', 'image/png', 'inline'],
    ['bundle.json', 'application/fhir+json', 'attachment'],
    ['measurements.json', 'application/json', 'attachment'],
    ['labels.nii.gz', 'application/gzip', 'attachment'],
    ['seg.dcm', 'application/dicom', 'attachment'],
    ['page.html', 'application/octet-stream', 'attachment'],
  ])('has a file %s of type %s', async (name, type, disposition) => {
    const response = await api(`/runs/${ID}/files/${name}`);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('content-disposition')).toBe(`${disposition}; filename="${name}"`);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).toBe(`${name}>`);
  });

  it('can be watched as events, and as nothing else', async () => {
    const response = await api(`/runs/${ID}/events`, ALL, { accept: 'text/event-stream' });
    expect(await response.text()).toContain('"state":"completed"');
    expect((await api(`/runs/${ID}/events`, ALL, { accept: 'application/json' })).status).toBe(406);
    expect(
      (await fetch(`${world.url}/api/v1/runs/${ID}/events`, { method: 'HEAD', headers: bearer(ALL) })).status,
    ).toBe(200);
  });

  it.each(['..%2f..%2fetc', '.hidden', 'a%22b', 'a%0d%0ab'])('has no file %s', async (name) => {
    expect((await api(`/runs/${ID}/files/${name}`)).status).toBe(400);
  });
});

describe('a destination', () => {
  it('is shown without credentials and with how much waits', async () => {
    const text = await (await api('/destinations')).text();
    expect(JSON.parse(text)).toEqual({
      destinations: [
        {
          name: 'hospital-pacs',
          kind: 'dicomweb',
          url: 'https://pacs.example/dicom-web',
          profile: null,
          pending: 0,
          dead: 1,
        },
      ],
    });
    expect(text).not.toContain('secret');
    expect((await api('/destinations/hospital-pacs')).status).toBe(200);
    expect((await api('/destinations/other')).status).toBe(404);
    expect(audited.at(-1)).toMatchObject({ interaction: 'api/destination-read', entities: ['Endpoint/hospital-pacs'] });
  });

  it('has deliveries, and a dead one can be sent again, once', async () => {
    const list = await (await api('/deliveries?state=dead&destination=hospital-pacs')).json();
    expect(NAMED.DeliveryList!.safeParse(list).error).toBeUndefined();
    expect(list).toMatchObject({
      deliveries: [{ state: 'dead', attempt: 20, lastError: 'hospital-pacs answered 503' }],
    });
    const again = await post(`/deliveries/${ID}/requeue`);
    expect(await again.json()).toMatchObject({ state: 'pending', attempt: 0 });
    expect(outbox.get(ID)).toMatchObject({ version: 5, leaseToken: undefined });
    expect(queued()).toBe(1);
    expect(audited.at(-1)).toMatchObject({ action: 'U', interaction: 'api/delivery-requeue' });
    expect((await post(`/deliveries/${ID}/requeue`)).status).toBe(409);
    expect((await post('/deliveries/00000000-0000-4000-8000-000000000000/requeue')).status).toBe(404);
    expect((await api('/deliveries?destination=other')).status).toBe(404);
    expect((await api('/deliveries?limit=5')).status).toBe(200);
  });
});

describe('the server', () => {
  it('shows the site of the key and no other', async () => {
    expect(await (await api('/sites')).json()).toEqual({ sites: [{ name: 'main', title: 'Main site' }] });
  });

  it('says who one is', async () => {
    expect(await (await api('/whoami', 'system/Task.r system/*.s')).json()).toEqual({
      kind: 'api-key',
      id: 'key-1',
      name: 'tester',
      site: 'main',
      scopes: ['system/Task.r', 'system/*.s'],
    });
  });

  it('tells its health in detail to one with a key', async () => {
    expect(await (await api('/health', 'any')).json()).toEqual({
      ready: true,
      at: AT,
      checks: { disk: { ok: true, detail: { freeMiB: 5000 } } },
    });
  });

  it.each(['/destinations', '/destinations/hospital-pacs', '/deliveries', '/sites'])(
    'refuses %s without the scope',
    async (path) => {
      const response = await api(path, 'system/Task.cruds');
      expect([response.status, await response.json()]).toEqual([
        403,
        expect.objectContaining({
          detail: expect.stringMatching(/^refused by rule scope: system\/\w+\.[rs] is needed$/),
        }),
      ]);
    },
  );
});
