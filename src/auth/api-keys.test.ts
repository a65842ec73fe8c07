import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createAuditTrail } from '../audit/audit-trail.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { ApiKeyRow, AuditRow, Ledger } from '../ports/index.ts';
import { createApiKeys } from './api-keys.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const DAY = 86_400_000;

function world() {
  const rows = new Map<string, { site: string; row: ApiKeyRow }>();
  const audited: AuditRow[] = [];
  let now = START;
  let lookUps = 0;
  let serial = 0;
  const clock = { now: () => new Date(now) };
  const ids = { uuid: () => `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}` };
  const ledger: Ledger = {
    commit: async ({ site, apiKeys = [], audit = [] }) => {
      for (const { expected, row } of apiKeys) {
        if ((rows.get(row.id)?.row.version ?? 0) !== expected) throw new NeuroInsightError('conflict', 'moved on');
        rows.set(row.id, { site, row });
      }
      audited.push(...audit);
      return { sequence: 1 };
    },
  };
  const reader = {
    findBySecret: async (digest: string) => {
      lookUps++;
      return [...rows.values()].find(({ row }) => row.secretSha256 === digest);
    },
    list: async (site: string) => [...rows.values()].filter((entry) => entry.site === site).map(({ row }) => row),
  };
  const tracing = { current: () => ({ traceId: 'a'.repeat(32), spanId: 'b', traceparent: '' }) };
  const audit = createAuditTrail({ ledger, clock, ids, tracing });
  const open = () => createApiKeys({ ledger, reader, clock, ids, random: (n) => randomBytes(n), audit });
  return { open, rows, audited, reader, lookUps: () => lookUps, pass: (ms: number) => (now += ms) };
}

const KEY = { site: 'main', name: 'bench', scopes: 'system/*.cruds', days: 30 };
const refused = (message: string) => ({ kind: 'unauthenticated', message });

describe('an API key', () => {
  it('makes its bearer a principal with its site and scopes', async () => {
    const keys = world().open();
    const { secret, row } = await keys.create(KEY);
    expect(secret).toMatch(/^ni_[A-Za-z0-9_-]{43}$/);
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(await keys.authenticate(`${scheme} ${secret}`, '192.0.2.1')).toEqual({
        kind: 'api-key',
        id: row.id,
        name: 'bench',
        site: 'main',
        scopes: 'system/*.cruds',
        address: '192.0.2.1',
      });
    }
  });

  it('is stored as a digest: the secret is nowhere', async () => {
    const { open, rows, audited } = world();
    const { secret, row } = await open().create(KEY);
    expect(row.secretSha256).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(JSON.stringify([...rows.values(), audited])).not.toContain(secret.slice(3));
  });

  it('differs each time', async () => {
    const keys = world().open();
    const one = await keys.create(KEY);
    const two = await keys.create({ ...KEY, name: 'other' });
    expect(one.secret).not.toBe(two.secret);
  });

  it.each([
    ['nothing', '', 'a key is needed: Authorization: Bearer KEY'],
    ['another scheme', 'Basic bmk6eA==', 'the key is not valid'],
    ['no key', 'Bearer', 'the key is not valid'],
    ['an unknown key', `Bearer ni_${'A'.repeat(43)}`, 'the key is not valid'],
    ['a key of another form', 'Bearer secret', 'the key is not valid'],
    ['two keys', `Bearer ni_${'A'.repeat(43)}, Bearer ni_${'A'.repeat(43)}`, 'the key is not valid'],
    ['a very long one', `Bearer ni_${'A'.repeat(100_000)}`, 'the key is not valid'],
  ])('is needed: %s is refused', async (_, header, message) => {
    const keys = world().open();
    await keys.create(KEY);
    await expect(keys.authenticate(header, undefined)).rejects.toMatchObject(refused(message));
  });

  it('is refused when one character differs', async () => {
    const keys = world().open();
    const { secret } = await keys.create(KEY);
    const other = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');
    await expect(keys.authenticate(`Bearer ${other}`, undefined)).rejects.toMatchObject(
      refused('the key is not valid'),
    );
  });

  it('is refused when the store hands out another row than was asked for', async () => {
    const { open, reader, rows } = world();
    const keys = open();
    await keys.create(KEY);
    reader.findBySecret = async () => [...rows.values()][0];
    await expect(keys.authenticate(`Bearer ni_${'A'.repeat(43)}`, undefined)).rejects.toMatchObject(
      refused('the key is not valid'),
    );
  });

  it('ends at its time, also for one who used it a moment ago', async () => {
    const { open, pass } = world();
    const keys = open();
    const { secret } = await keys.create({ ...KEY, days: 1 });
    pass(DAY - 1);
    await keys.authenticate(`Bearer ${secret}`, undefined);
    pass(1);
    await expect(keys.authenticate(`Bearer ${secret}`, undefined)).rejects.toMatchObject(
      refused('the key has expired'),
    );
  });

  it('is refused when its end cannot be read', async () => {
    const { open, rows } = world();
    const keys = open();
    const { secret, row } = await keys.create(KEY);
    rows.set(row.id, { site: 'main', row: { ...row, expiresAt: 'never' } });
    await expect(keys.authenticate(`Bearer ${secret}`, undefined)).rejects.toMatchObject(
      refused('the key has expired'),
    );
  });

  it('that is revoked is refused at once here, and within five seconds in another process', async () => {
    const { open, pass } = world();
    const [here, there] = [open(), open()];
    const { secret } = await here.create(KEY);
    await here.authenticate(`Bearer ${secret}`, undefined);
    await there.authenticate(`Bearer ${secret}`, undefined);
    await here.revoke({ site: 'main', name: 'bench' });
    await expect(here.authenticate(`Bearer ${secret}`, undefined)).rejects.toMatchObject(
      refused('the key was revoked'),
    );
    for (let second = 0; second < 4; second++) {
      pass(1000);
      await there.authenticate(`Bearer ${secret}`, undefined).catch(() => {});
    }
    pass(999);
    await expect(there.authenticate(`Bearer ${secret}`, undefined)).rejects.toMatchObject(
      refused('the key was revoked'),
    );
  });

  it('is remembered for a moment, so that a busy client costs few queries; a wrong one is not', async () => {
    const { open, pass, lookUps } = world();
    const keys = open();
    const { secret } = await keys.create(KEY);
    for (let n = 0; n < 100; n++) await keys.authenticate(`Bearer ${secret}`, undefined);
    expect(lookUps()).toBe(1);
    pass(-DAY);
    await keys.authenticate(`Bearer ${secret}`, undefined);
    expect(lookUps()).toBe(2);
    for (let n = 0; n < 3; n++) await keys.authenticate(`Bearer ni_${'A'.repeat(43)}`, undefined).catch(() => {});
    expect(lookUps()).toBe(5);
  });

  it('is remembered among a bounded number', async () => {
    const { open, lookUps } = world();
    const keys = open();
    const secrets: string[] = [];
    for (let n = 0; n < 1001; n++) secrets.push((await keys.create({ ...KEY, name: `key ${n}` })).secret);
    for (const secret of secrets) await keys.authenticate(`Bearer ${secret}`, undefined);
    await keys.authenticate(`Bearer ${secrets[1000]}`, undefined);
    expect(lookUps()).toBe(1001);
    await keys.authenticate(`Bearer ${secrets[0]}`, undefined);
    expect(lookUps()).toBe(1002);
  });
});

describe('making and revoking keys', () => {
  it('refuses a name that is in use, and gives it free when the key is revoked', async () => {
    const keys = world().open();
    await keys.create(KEY);
    await expect(keys.create(KEY)).rejects.toMatchObject({ kind: 'conflict' });
    await keys.revoke({ site: 'main', name: 'bench' });
    await keys.create(KEY);
    expect((await keys.list('main')).map(({ revokedAt }) => revokedAt === undefined)).toEqual([false, true]);
    expect(await keys.list('other')).toEqual([]);
  });

  it('is written down', async () => {
    const { open, audited } = world();
    const keys = open();
    const { row } = await keys.create(KEY);
    await keys.revoke({ site: 'main', name: 'bench' });
    expect(audited.map(({ interaction, entities }) => [interaction, ...entities])).toEqual([
      ['api-key/create', `urn:uuid:${row.id}`],
      ['api-key/revoke', `urn:uuid:${row.id}`],
    ]);
  });

  it('works without a trail', async () => {
    const { rows } = world();
    const keys = createApiKeys({
      ledger: { commit: async () => ({ sequence: rows.size }) },
      reader: { findBySecret: async () => undefined, list: async () => [] },
      clock: { now: () => new Date(START) },
      ids: { uuid: () => 'id' },
      random: (n) => randomBytes(n),
    });
    expect((await keys.create(KEY)).row).toMatchObject({ expiresAt: '2026-01-31T00:00:00.000Z', version: 1 });
  });

  it.each([
    [{ name: '' }],
    [{ name: 'a\nb' }],
    [{ name: 'x'.repeat(65) }],
    [{ days: 0 }],
    [{ days: 1.5 }],
    [{ days: Number.NaN }],
    [{ days: 3651 }],
    [{ scopes: ' ' }],
    [{ scopes: 'system/*.cruds system/Patient' }],
    [{ scopes: 'system/*.r '.repeat(500) }],
  ])('refuses %j before anything is stored', async (part) => {
    const { open, rows } = world();
    await expect(open().create({ ...KEY, ...part })).rejects.toMatchObject({ kind: 'invalid-request' });
    expect(rows.size).toBe(0);
  });

  it('knows no key of another site or of a name that is not there', async () => {
    const keys = world().open();
    await keys.create(KEY);
    await expect(keys.revoke({ site: 'north', name: 'bench' })).rejects.toMatchObject({ kind: 'not-found' });
  });
});
