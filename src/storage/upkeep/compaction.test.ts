import { describe, expect, it } from '@jest/globals';
import { packRow, studyKeyRow } from '../../../test/contract/packs.contract.ts';
import { instanceRow, outboxRow, runRow } from '../../../test/contract/store-rows.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, BlobStore, Commit, Ledger } from '../../ports/index.ts';
import { createSweep } from '../blobs/sweep.ts';
import { openMemoryBlobStore } from '../memory/memory-blob-store.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { createCompaction } from './compaction.ts';

const SITE = 'main';
const STUDY = '1.2.840.1';
const GRACE_SECONDS = 600;

async function world() {
  let now = Date.UTC(2026, 10, 24);
  const clock = { now: () => new Date(now) };
  const store = await openMemoryStore({ clock });
  const blobs = openMemoryBlobStore({ clock });
  const before = {
    commit: (_commit: Commit): Promise<unknown> | unknown => undefined,
    read: () => undefined as unknown,
  };
  const ledger: Ledger = {
    async commit(commit) {
      await before.commit(commit);
      return store.ledger.commit(commit);
    },
  };
  const logged: string[] = [];
  const reading: Pick<BlobStore, 'read' | 'openPack' | 'remove'> = {
    ...blobs,
    async read(...given) {
      await before.read();
      return blobs.read(...given);
    },
  };
  const log = { error: (message: string) => void logged.push(message) };
  const compaction = createCompaction({ ...store, blobs: reading, ledger, clock, log, graceSeconds: GRACE_SECONDS });
  const sweep = createSweep({ blobs, index: store.dicom, packs: store.packs, clock, orphanSeconds: 0 });
  const commit = (given: Omit<Commit, 'site'>) => store.ledger.commit({ site: SITE, ...given });
  /** Writes pieces into one pack. */
  const write = async (...pieces: readonly string[]) => {
    const writer = await blobs.openPack(SITE, STUDY);
    const locations: BlobLocation[] = [];
    for (const piece of pieces) locations.push(await writer.append(Buffer.from(piece)));
    return { locations, row: (await writer.seal()).row };
  };
  return {
    store,
    blobs,
    commit,
    write,
    before,
    logged,
    run: (signal = new AbortController().signal) => compaction.run(signal),
    sweep: () => sweep.run(new AbortController().signal),
    wait: (seconds: number) => {
      now += seconds * 1000;
    },
    text: async (location: BlobLocation) => Buffer.from(await blobs.read(location)).toString(),
    files: async () => {
      const packs: string[] = [];
      for await (const pack of blobs.packs()) packs.push(pack);
      return packs;
    },
  };
}
type World = Awaited<ReturnType<typeof world>>;

const uid = (number: number): string => `${STUDY}.1.${number}`;
const gone = (...numbers: readonly number[]) => ({
  instances: numbers.map((number) => ({ studyInstanceUid: STUDY, sopInstanceUid: uid(number) })),
});
const KEY = [studyKeyRow(STUDY, 'kek')];

/** Three instances with metadata, a file of a run that a delivery sends as well; the first two are deleted later. */
async function stored(
  { write, commit }: World,
  run: Parameters<typeof runRow>[1] = {},
  delivery: Parameters<typeof outboxRow>[1] = {},
) {
  const { locations, row } = await write(
    'first '.repeat(20),
    'second '.repeat(20),
    'third',
    'm1',
    'm2',
    'm3',
    'bundle',
  );
  const place = (number: number) => ({ study: STUDY, series: `${STUDY}.1`, uid: uid(number) });
  await commit({
    packs: [row],
    studyKeys: KEY,
    instances: [1, 2, 3].map((number) =>
      instanceRow(place(number), { blob: locations[number - 1]!, metadata: locations[number + 2]! }),
    ),
    runs: [{ expected: 0, row: runRow('r', { state: 'completed', files: { 'bundle.json': locations[6]! }, ...run }) }],
    outbox: [
      {
        expected: 0,
        row: outboxRow('o', {
          runId: 'r',
          state: 'delivered',
          payload: { kind: 'fhir', bundle: locations[6]! },
          ...delivery,
        }),
      },
    ],
  });
  return { pack: row.pack, locations };
}

describe('the compaction', () => {
  it('leaves packs that are mostly alive', async () => {
    const here = await world();
    const { pack } = await stored(here);
    expect(await here.run()).toEqual({ rewritten: 0, removed: 0, failed: 0, freedBytes: 0 });
    await here.commit({ removals: gone(3) });
    expect(await here.run()).toMatchObject({ rewritten: 0 });
    expect(await here.files()).toEqual([pack]);
  });

  it('copies what is alive, moves every row at once, and removes the old pack when nobody can be reading it', async () => {
    const here = await world();
    const { store, text } = here;
    const { pack, locations } = await stored(here);
    await here.commit({ removals: gone(1, 2) });
    expect(await here.run()).toMatchObject({ rewritten: 1, removed: 0, failed: 0 });
    const [third] = await store.dicom.findInstances(SITE, [uid(3)]);
    expect(third!.blob.pack).not.toBe(pack);
    expect([await text(third!.blob), await text(third!.metadata)]).toEqual(['third', 'm3']);
    const run = await store.runs.get(SITE, 'r');
    expect(await text(run!.files['bundle.json']!)).toBe('bundle');
    const delivery = await store.outbox.get(SITE, 'o');
    expect(delivery!.payload).toEqual({ kind: 'fhir', bundle: run!.files['bundle.json'] });
    expect(run!.files['bundle.json']!.pack).toBe(third!.blob.pack);
    expect((await store.packs.ofStudy(SITE, STUDY)).find((row) => row.pack === third!.blob.pack)!.bytes).toBe(13);
    // A reader that asked before the move still gets its bytes, and the sweep knows the pack.
    expect(await text(locations[2]!)).toBe('third');
    expect(await here.sweep()).toEqual([]);
    here.wait(GRACE_SECONDS - 1);
    expect(await here.run()).toMatchObject({ removed: 0 });
    here.wait(1);
    expect(await here.run()).toMatchObject({ removed: 1, rewritten: 0 });
    expect(await here.files()).toEqual([third!.blob.pack]);
    expect(await store.packs.get(pack)).toBeUndefined();
    expect(await here.run()).toMatchObject({ removed: 0, rewritten: 0 });
  });

  it('takes metadata along that lies in another pack than its instance', async () => {
    const here = await world();
    const [one, other] = [await here.write('dead '.repeat(50), 'alive'), await here.write('metadata')];
    const place = (number: number) => ({ study: STUDY, series: `${STUDY}.1`, uid: uid(number) });
    await here.commit({
      packs: [one.row, other.row],
      studyKeys: KEY,
      instances: [instanceRow(place(1), { blob: one.locations[1]!, metadata: other.locations[0]! })],
    });
    expect(await here.run()).toMatchObject({ rewritten: 1 });
    const [row] = await here.store.dicom.findInstances(SITE, [uid(1)]);
    expect(await here.text(row!.blob)).toBe('alive');
    expect(row!.metadata).toEqual(other.locations[0]);
  });

  it.each([
    ['a run is at work with its files', { state: 'running' }, {}],
    ['a delivery waits for its bundle', { state: 'built' }, { state: 'pending' }],
  ] as const)('leaves a pack alone while %s', async (_, run, delivery) => {
    const here = await world();
    const { pack } = await stored(here, run, delivery);
    await here.commit({ removals: gone(1, 2) });
    expect(await here.run()).toMatchObject({ rewritten: 0, failed: 0 });
    expect(await here.files()).toEqual([pack]);
  });

  it.each(['archived', 'damaged'])('leaves a pack alone that is %s', async (what) => {
    const here = await world();
    const { pack } = await stored(here);
    await here.commit({ removals: gone(1, 2) });
    const { row } = (await here.store.packs.get(pack))!;
    const changed = what === 'archived' ? { ...row, tier: 'archived' as const } : { ...row, damage: 'a chunk' };
    await here.commit({ packs: [changed] });
    expect(await here.run()).toMatchObject({ rewritten: 0 });
  });

  it('gives way to a change of a row that comes while it copies', async () => {
    const here = await world();
    const { pack } = await stored(here);
    await here.commit({ removals: gone(1, 2) });
    here.before.commit = async () => {
      here.before.commit = () => undefined;
      await here.commit({ removals: gone(3) });
    };
    expect(await here.run()).toMatchObject({ rewritten: 0, failed: 1 });
    expect(here.logged).toEqual(['a pack could not be compacted']);
    expect(await here.files()).toEqual([pack]);
    expect((await here.store.runs.get(SITE, 'r'))!.files['bundle.json']!.pack).toBe(pack);
  });

  it('loses nothing wherever it is ended', async () => {
    const here = await world();
    const { pack } = await stored(here);
    await here.commit({ removals: gone(1, 2) });
    const read = async () => {
      const [third] = await here.store.dicom.findInstances(SITE, [uid(3)]);
      return [await here.text(third!.blob), await here.text(third!.metadata)];
    };
    // While it copies: the end of the process looks like an error that nobody foresaw.
    here.before.read = () => Promise.reject(new Error('killed'));
    await expect(here.run()).rejects.toThrow('killed');
    expect(await read()).toEqual(['third', 'm3']);
    // Before the commit.
    here.before.read = () => undefined;
    here.before.commit = () => Promise.reject(new Error('killed'));
    await expect(here.run()).rejects.toThrow('killed');
    expect(await read()).toEqual(['third', 'm3']);
    expect(await here.files()).toHaveLength(3);
    // The packs that it left are the sweep's; the pack of the rows is not.
    expect(await here.sweep()).toHaveLength(2);
    expect(await here.files()).toEqual([pack]);
    // After the commit, before the old pack went: the next process finds it.
    here.before.commit = () => undefined;
    await here.run();
    expect(await read()).toEqual(['third', 'm3']);
    expect(await here.sweep()).toEqual([]);
  });

  it('stops when it is told to, and leaves nothing', async () => {
    const here = await world();
    const { pack } = await stored(here);
    await here.commit({ removals: gone(1, 2) });
    expect(await here.run(AbortSignal.abort())).toMatchObject({ rewritten: 0 });
    const stopping = new AbortController();
    here.before.read = () => stopping.abort();
    expect(await here.run(stopping.signal)).toMatchObject({ rewritten: 0, failed: 0 });
    expect(await here.files()).toEqual([pack]);
  });

  it('ends when the disk is full, and goes on past a pack that is damaged', async () => {
    const here = await world();
    await stored(here);
    await here.commit({ removals: gone(1, 2) });
    here.before.read = () => Promise.reject(new NeuroInsightError('damaged', 'a pack is cut off'));
    expect(await here.run()).toMatchObject({ failed: 1 });
    here.before.read = () => Promise.reject(new NeuroInsightError('storage-full', 'no room'));
    await expect(here.run()).rejects.toMatchObject({ kind: 'storage-full' });
  });

  it('does not remove a dead pack that something begins to point into', async () => {
    const here = await world();
    const { row, locations } = await here.write('file');
    await here.commit({ packs: [row], studyKeys: KEY });
    await here.run();
    here.wait(GRACE_SECONDS);
    here.before.commit = async () => {
      await here.commit({ runs: [{ expected: 0, row: runRow('late', { files: { a: locations[0]! } }) }] });
    };
    expect(await here.run()).toMatchObject({ removed: 0 });
    expect(await here.files()).toEqual([row.pack]);
  });

  it('looks at more packs than one page has', async () => {
    const here = await world();
    await here.commit({
      studyKeys: KEY,
      packs: Array.from({ length: 450 }, (_, n) => packRow(`p${n}`, { studyInstanceUid: STUDY, bytes: 1 })),
    });
    await here.run();
    here.wait(GRACE_SECONDS);
    expect(await here.run()).toMatchObject({ removed: 450, freedBytes: 450 });
  });
});
