import { describe, expect, it } from '@jest/globals';
import { packRow } from '../../../test/contract/packs.contract.ts';
import type { SitedPack } from '../../ports/index.ts';
import { openMemoryBlobStore } from '../memory/memory-blob-store.ts';
import { createSweep } from './sweep.ts';

async function world() {
  const blobs = openMemoryBlobStore();
  let now = Date.UTC(2026, 10, 24);
  const referenced = new Set<string>();
  const known = new Map<string, SitedPack>();
  const newPack = async (): Promise<string> => {
    const pack = await blobs.openPack('main', '1');
    return (await pack.append(new Uint8Array(1))).pack;
  };
  const sweep = createSweep({
    blobs,
    index: { isPackReferenced: async (pack) => referenced.has(pack) },
    packs: { get: async (pack) => known.get(pack) },
    clock: { now: () => new Date(now) },
    orphanSeconds: 60,
  });
  const run = () => sweep.run(new AbortController().signal);
  const wait = (seconds: number) => {
    now += seconds * 1000;
  };
  return { blobs, referenced, known, newPack, sweep, run, wait };
}

describe('the sweep of packs', () => {
  it('removes a pack that no row has pointed to for long enough, and no other', async () => {
    const { referenced, newPack, run, wait } = await world();
    const [orphan, kept] = [await newPack(), await newPack()];
    referenced.add(kept);
    expect(await run()).toEqual([]);
    wait(59);
    expect(await run()).toEqual([]);
    wait(1);
    expect(await run()).toEqual([orphan]);
    wait(100);
    expect(await run()).toEqual([]);
  });

  it('leaves a pack alone whose rows came in the meantime, and begins to count anew when they go', async () => {
    const { referenced, newPack, run, wait } = await world();
    const pack = await newPack();
    await run();
    referenced.add(pack);
    wait(100);
    expect(await run()).toEqual([]);
    referenced.delete(pack);
    expect(await run()).toEqual([]);
    wait(60);
    expect(await run()).toEqual([pack]);
  });

  it('leaves a pack alone that has a row: the compaction removes both together', async () => {
    const { known, newPack, run, wait } = await world();
    const pack = await newPack();
    known.set(pack, { site: 'main', row: packRow(pack) });
    await run();
    wait(100);
    expect(await run()).toEqual([]);
    known.delete(pack);
    await run();
    wait(100);
    expect(await run()).toEqual([pack]);
  });

  it('stops when it is told to', async () => {
    const { newPack, sweep, run, wait } = await world();
    const pack = await newPack();
    await run();
    wait(100);
    expect(await sweep.run(AbortSignal.abort())).toEqual([]);
    expect(await run()).toEqual([pack]);
  });
});
