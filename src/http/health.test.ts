import { describe, expect, it } from '@jest/globals';
import { openHttpWorld } from '../../test/harness/http-world.ts';
import { createHealth, type Probe } from './health.ts';

const fine: Probe = async () => ({ ok: true, detail: { freeMiB: 5000 } });

describe('the report of health', () => {
  it('is ready when everything works, with what each probe says', async () => {
    const clock = { now: () => new Date('2026-11-24T13:33:19.123Z') };
    expect(await createHealth({ probes: { disk: fine, model: fine }, clock }).report()).toEqual({
      ready: true,
      checks: { disk: { ok: true, detail: { freeMiB: 5000 } }, model: { ok: true, detail: { freeMiB: 5000 } } },
      at: '2026-11-24T13:33:19.123Z',
    });
  });

  it.each<[string, Probe, object]>([
    ['says no', async () => ({ ok: false, detail: { freeMiB: 1 } }), { ok: false, detail: { freeMiB: 1 } }],
    ['fails', () => Promise.reject(new Error('/srv/data is gone')), { ok: false }],
    [
      'throws',
      () => {
        throw new Error('/srv/data is gone');
      },
      { ok: false },
    ],
    ['never answers', () => new Promise(() => {}), { ok: false, detail: { reason: 'no answer in time' } }],
  ])('is not ready when one probe %s', async (_, probe, check) => {
    const clock = { now: () => new Date() };
    const report = await createHealth({ probes: { disk: fine, storage: probe }, clock, timeoutMs: 20 }).report();
    expect(report).toMatchObject({ ready: false, checks: { storage: check } });
    expect(report.checks.storage).toEqual(check);
  });

  it('looks once for all who ask within a moment', async () => {
    let now = 0;
    let looks = 0;
    const probe: Probe = async () => ({ ok: ++looks > 0 });
    const health = createHealth({ probes: { storage: probe }, clock: { now: () => new Date(now) } });
    await Promise.all(Array.from({ length: 100 }, () => health.report()));
    now = 1999;
    await health.report();
    expect(looks).toBe(1);
    now = 2000;
    await health.report();
    now = 0;
    await health.report();
    expect(looks).toBe(3);
  });
});

describe('the open addresses of health', () => {
  it('tell a stranger whether the server lives and serves, and nothing else', async () => {
    const world = await openHttpWorld({ probes: { disk: async () => ({ ok: false, detail: { freeMiB: 3 } }) } });
    const live = await world.get('/health/live');
    const ready = await world.get('/health/ready');
    expect([live.status, await live.json()]).toEqual([200, { status: 'live' }]);
    expect([ready.status, await ready.json(), ready.headers.get('retry-after')]).toEqual([
      503,
      { status: 'not ready' },
      '1',
    ]);
    await world.close();
  });
});
