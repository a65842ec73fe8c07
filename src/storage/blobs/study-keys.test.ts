import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { testKeyRing } from '../../../test/harness/test-keys.ts';
import type { StudyKeyRow } from '../../ports/index.ts';
import { createStudyKeys } from './study-keys.ts';

function world() {
  const keyRing = testKeyRing();
  const rows = new Map<string, StudyKeyRow>();
  const keys = createStudyKeys({
    keyRing,
    packs: { studyKey: async (site, study) => rows.get(`${site}/${study}`) },
    clock: { now: () => new Date('2026-11-24T12:00:00Z') },
    random: randomBytes,
  });
  const store = (site: string, study: string): Uint8Array => {
    const key = randomBytes(32);
    const createdAt = '2026-11-24T12:00:00Z';
    rows.set(`${site}/${study}`, {
      studyInstanceUid: study,
      createdAt,
      ...keyRing.wrap(key, `study/${site}/${study}`),
    });
    return key;
  };
  return { keys, rows, store };
}

describe('the keys of studies in memory', () => {
  it('are bounded, but keep those whose commit may be on its way', async () => {
    const { keys, store, rows } = world();
    const pending = await keys.hold('main', 'new');
    pending.release();
    for (let i = 0; i < 4200; i++) {
      store('main', `${i}`);
      await keys.get('main', `${i}`);
    }
    const again = await keys.hold('main', 'new');
    expect(again.key).toBe(pending.key);
    expect(await again.row()).toEqual(await pending.row());
    // What was dropped is asked for anew: its row is gone by now.
    rows.clear();
    await expect(keys.get('main', '0')).rejects.toMatchObject({ kind: 'gone' });
    expect(await keys.get('main', '4199')).toHaveLength(32);
  });

  it('are made for who writes while somebody looks for one in vain', async () => {
    const { keys } = world();
    const looking = keys.get('main', '1');
    const writing = keys.hold('main', '1');
    await expect(looking).rejects.toMatchObject({ kind: 'gone' });
    expect((await writing).key).toHaveLength(32);
  });

  it('give way to one that was stored first from elsewhere', async () => {
    const { keys, store } = world();
    const late = await keys.hold('main', '1');
    const stored = store('main', '1');
    await expect(late.row()).rejects.toMatchObject({ kind: 'conflict' });
    const next = await keys.hold('main', '1');
    expect(Buffer.from(next.key)).toEqual(stored);
    expect(await next.row()).toBeUndefined();
  });

  it('pass on what keeps a key from being read', async () => {
    const { keys, store, rows } = world();
    store('main', '1');
    rows.set('main/2', rows.get('main/1')!);
    await expect(keys.hold('main', '2')).rejects.toMatchObject({ kind: 'wrong-key' });
    await keys.forget('main', '2');
    expect(await (await keys.hold('main', '1')).row()).toBeUndefined();
  });
});
