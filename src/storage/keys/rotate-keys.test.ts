import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createAuditTrail } from '../../audit/audit-trail.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Commit, Ledger, Principal, StudyKeyRow } from '../../ports/index.ts';
import { type MemoryStore, openMemoryStore } from '../memory/memory-store.ts';
import type { KekProvider } from './kek-providers/kek-provider.ts';
import { type KeyChest, openKeyChest } from './key-chest.ts';
import { keepingUp, kekIdOf, studyContext } from './key-ring.ts';
import { createKeyRotation, type KeyRotationDeps, requireKeks } from './rotate-keys.ts';

const clock = { now: () => new Date('2026-11-24T12:00:00Z') };
const ADMINISTRATOR: Principal = {
  kind: 'administrator',
  id: 'root (0)',
  name: 'local administrator',
  site: 'main',
  scopes: '',
  address: undefined,
};
const signal = new AbortController().signal;
const keyOf = (name: string): Buffer => createHash('sha256').update(name).digest();
const kek = (name: string): KekProvider => ({ name: 'file', open: async () => ({ key: keyOf(name) }) });
const OLD = kekIdOf(keyOf('old'));
const NEW = kekIdOf(keyOf('new'));

let dataDir: string;
let store: MemoryStore;
/** Called before each commit. */
let before: (commit: Commit) => Promise<void>;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'neuroinsight-rotation-'));
  store = await openMemoryStore({ clock });
  before = async () => undefined;
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const openChest = (current: string, previous?: string): Promise<KeyChest> =>
  openKeyChest({
    dataDir,
    kek: kek(current),
    previous: previous === undefined ? undefined : kek(previous),
    random: randomBytes,
    clock,
  });

function rotationOf(chest: KeyChest, overrides: Partial<KeyRotationDeps> = {}) {
  const ledger: Ledger = {
    commit: async (commit) => {
      await before(commit);
      return keepingUp(store.ledger, chest.ring, store.packs).commit(commit);
    },
  };
  let id = 0;
  const ids = { uuid: () => `audit-${id++}-${Math.random()}` };
  const audit = createAuditTrail({
    ledger,
    clock,
    ids,
    tracing: { current: () => ({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceparent: '' }) },
  });
  const rotation = createKeyRotation({
    chest,
    packs: store.packs,
    ledger,
    documents: store.documents,
    audit,
    clock,
    site: 'main',
    milliseconds: () => 0,
    pause: async () => undefined,
    apart: (work) => work(),
    ...overrides,
  });
  return { ...rotation, ledger };
}

const rowOf = ({ ring }: KeyChest, study: string): StudyKeyRow => ({
  studyInstanceUid: study,
  createdAt: '2026-11-24T12:00:00.000Z',
  ...ring.wrap(keyOf(study), studyContext('main', study)),
});

async function addStudies(chest: KeyChest, count: number): Promise<readonly string[]> {
  const studies = Array.from({ length: count }, (_, n) => `1.2.${n}`);
  await store.ledger.commit({ site: 'main', studyKeys: studies.map((study) => rowOf(chest, study)) });
  return studies;
}

async function expectReadable({ ring }: KeyChest, studies: readonly string[]): Promise<void> {
  for (const study of studies) {
    const row = (await store.packs.studyKey('main', study))!;
    expect(Buffer.from(ring.unwrap(row, studyContext('main', study)))).toEqual(keyOf(study));
  }
}

const interactions = async (): Promise<readonly string[]> =>
  (await store.audit.search('main', { count: 100, offset: 0 })).rows.map((row) => row.interaction).toReversed();

describe('the rotation of keys', () => {
  it('moves every study key under the new KEK, which alone opens them and keys.json afterwards', async () => {
    const chest = await openChest('old');
    const studies = await addStudies(chest, 450);
    const rotation = rotationOf(chest);
    const shown: [number, number][] = [];
    await rotation.begin(ADMINISTRATOR, kek('new'));
    expect(await rotation.status()).toMatchObject({ studyKeysUnderOldKek: 450, last: undefined });
    const done = await rotation.run(ADMINISTRATOR, signal, (...at) => void shown.push(at));
    expect(done).toMatchObject({ fromKekId: OLD, toKekId: NEW, state: 'done', moved: 450, setAside: 0 });
    expect(shown).toEqual([
      [200, 450],
      [400, 450],
      [450, 450],
    ]);
    expect(await rotation.status()).toMatchObject({ keks: [{ id: NEW }], studyKeysUnderOldKek: 0, last: done });
    await expectReadable(await openChest('new'), studies);
    await expect(openChest('old')).rejects.toMatchObject({ kind: 'wrong-key', message: expect.stringContaining(NEW) });
    expect(await rotation.run(ADMINISTRATOR, signal)).toBeUndefined();
  });

  it('writes every step down', async () => {
    const chest = await openChest('old');
    await addStudies(chest, 3);
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    await rotation.run(ADMINISTRATOR, signal);
    expect(await interactions()).toEqual([
      'keys/rotation-begin',
      'keys/rotation-moving',
      'keys/rewrap',
      'keys/rotation-done',
    ]);
  });

  it('does not begin when that cannot be written down', async () => {
    const chest = await openChest('old');
    before = () => Promise.reject(new NeuroInsightError('storage-full', 'the disk is full'));
    await expect(rotationOf(chest).begin(ADMINISTRATOR, kek('new'))).rejects.toMatchObject({ kind: 'storage-full' });
    expect(chest.keks).toHaveLength(1);
  });

  it('puts the key of an upload that began before under the new KEK', async () => {
    const chest = await openChest('old');
    const [unstored, stored] = [rowOf(chest, '1.2.0'), rowOf(chest, '1.2.1')];
    await store.ledger.commit({ site: 'main', studyKeys: [stored] });
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    // One of them waits to be moved: it is the same key and refuses nothing.
    await rotation.ledger.commit({ site: 'main', studyKeys: [unstored, stored] });
    expect((await store.packs.studyKey('main', '1.2.0'))!.kekId).toBe(NEW);
    await expect(
      rotation.ledger.commit({ site: 'main', studyKeys: [{ ...rowOf(chest, '1.2.1') }] }),
    ).rejects.toMatchObject({ kind: 'conflict' });
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 1 });
    await rotation.ledger.commit({ site: 'main', studyKeys: [unstored, stored] });
    await expectReadable(chest, ['1.2.0', '1.2.1']);
  });

  it('passes over a study that is erased and one that moved meanwhile', async () => {
    const chest = await openChest('old');
    const studies = await addStudies(chest, 20);
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    let isFirst = true;
    before = async ({ rewraps }) => {
      if (!rewraps || !isFirst) return;
      isFirst = false;
      await store.ledger.commit({ site: 'main', removals: { studies: [studies[3]!] } });
      await store.ledger.commit({ site: 'main', rewraps: [rewraps[11]!] });
    };
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 18 });
    await expectReadable(await openChest('new'), studies.toSpliced(3, 1));
  });

  it('goes on where it was stopped, after another start with both KEKs', async () => {
    const chest = await openChest('old');
    const studies = await addStudies(chest, 450);
    const rotation = rotationOf(chest, {
      pause: async () => {
        throw new Error('as a kill does');
      },
    });
    await rotation.begin(ADMINISTRATOR, kek('new'));
    await expect(rotation.run(ADMINISTRATOR, signal)).rejects.toThrow('as a kill does');
    const again = await openChest('new', 'old');
    await requireKeks(again, store.packs);
    await expectReadable(again, studies);
    expect(await store.packs.countKeysNotUnder(NEW)).toBe(250);
    expect(await rotationOf(again).run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done' });
    await expectReadable(await openChest('new'), studies);
  });

  it('stops on request and leaves both KEKs', async () => {
    const chest = await openChest('old');
    await addStudies(chest, 1);
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    await expect(rotation.run(ADMINISTRATOR, AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    expect(chest.keks.map(({ id }) => id)).toEqual([NEW, OLD]);
    await expect(rotation.begin(ADMINISTRATOR, kek('third'))).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('begins by the settings: a new KEK beside the one before', async () => {
    const studies = await addStudies(await openChest('old'), 5);
    const chest = await openChest('new', 'old');
    expect(chest.keks.map(({ id }) => id)).toEqual([NEW, OLD]);
    expect(await rotationOf(chest).run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 5 });
    await expectReadable(await openChest('new', 'old'), studies);
  });

  it('keeps the KEK before while a key is left that nothing opens, and tells that once', async () => {
    const chest = await openChest('old');
    await addStudies(chest, 5);
    const foreign = { ...rowOf(chest, '1.2.77'), studyInstanceUid: '1.2.99' };
    await store.ledger.commit({ site: 'main', studyKeys: [foreign] });
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    const heldUp = { state: 'held-up', moved: 5, setAside: 1 };
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject(heldUp);
    const told = await interactions();
    expect(told).toContain('keys/rotation-held-up');
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject(heldUp);
    expect(await interactions()).toEqual(told);
    expect(chest.keks).toHaveLength(2);
    await store.ledger.commit({ site: 'main', removals: { studies: ['1.2.99'] } });
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 5, setAside: 0 });
  });

  it('does not forget the KEK before while a backup is made', async () => {
    const chest = await openChest('old');
    const before = readFileSync(join(dataDir, 'keys.json'));
    let isBusy = true;
    const rotation = rotationOf(chest, {
      apart: async (work) => {
        if (!isBusy) return work();
        isBusy = false;
        expect(chest.keks).toHaveLength(2);
        throw new NeuroInsightError('conflict', 'a backup is made');
      },
    });
    await rotation.begin(ADMINISTRATOR, kek('new'));
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done' });
    expect(isBusy).toBe(false);
    expect(readFileSync(join(dataDir, 'keys.json'))).not.toEqual(before);
    await expect(
      rotationOf(chest, { apart: () => Promise.reject(new Error('broken')) }).run(ADMINISTRATOR, signal),
    ).resolves.toBeUndefined();
  });

  it('looks again when a key came under the KEK before after all', async () => {
    const chest = await openChest('old');
    const late = rowOf(chest, '1.2.5');
    let pauses = 0;
    const rotation = rotationOf(chest, {
      pause: async () => {
        if (pauses++ === 0) await store.ledger.commit({ site: 'main', studyKeys: [late] });
      },
    });
    await rotation.begin(ADMINISTRATOR, kek('new'));
    expect(await rotation.run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 1 });
  });

  it('ends rather than going round for ever when nothing can be moved', async () => {
    const chest = await openChest('old');
    await addStudies(chest, 1);
    const rotation = rotationOf(chest);
    await rotation.begin(ADMINISTRATOR, kek('new'));
    before = ({ rewraps }) =>
      rewraps ? Promise.reject(new NeuroInsightError('conflict', 'moved on')) : Promise.resolve();
    await expect(rotation.run(ADMINISTRATOR, signal)).rejects.toMatchObject({ kind: 'conflict' });
    before = ({ rewraps }) => (rewraps ? Promise.reject(new Error('the disk broke')) : Promise.resolve());
    await expect(rotation.run(ADMINISTRATOR, signal)).rejects.toThrow('the disk broke');
  });
});

describe('a start in the middle of a rotation', () => {
  it('is refused without one of the KEKs that are needed, which is named', async () => {
    const chest = await openChest('old');
    await addStudies(chest, 1);
    await rotationOf(chest).begin(ADMINISTRATOR, kek('new'));
    for (const [given, missing] of [
      ['old', NEW],
      ['new', OLD],
    ] as const) {
      await expect(requireKeks(await openChest(given), store.packs)).rejects.toMatchObject({
        kind: 'wrong-key',
        message: expect.stringContaining(`${missing} is missing`),
      });
    }
    await expect(openChest('third')).rejects.toMatchObject({ kind: 'wrong-key' });
    await expect(openChest('third', 'new')).rejects.toMatchObject({ kind: 'wrong-key' });
  });

  it('needs the new KEK only once everything lies under it', async () => {
    const chest = await openChest('old');
    await rotationOf(chest).begin(ADMINISTRATOR, kek('new'));
    await addStudies(chest, 2);
    const again = await openChest('new');
    await requireKeks(again, store.packs);
    expect(await rotationOf(again).run(ADMINISTRATOR, signal)).toMatchObject({ state: 'done', moved: 0 });
    expect(again.keks).toHaveLength(1);
  });
});
