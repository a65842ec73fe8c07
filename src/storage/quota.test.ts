import { describe, expect, it } from '@jest/globals';
import { studyKeyRow } from '../../test/contract/packs.contract.ts';
import type { BlobStore } from '../ports/index.ts';
import { openMemoryBlobStore } from './memory/memory-blob-store.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import { guardSpace } from './space-guard.ts';

const STUDY = '1.2.3';
const full = { kind: 'storage-full', message: 'the site has used what it may store' };

async function world(given: { readonly quota?: number } = {}) {
  let now = Date.UTC(2026, 10, 24);
  const clock = { now: () => new Date(now) };
  const store = await openMemoryStore({ clock });
  const packs: BlobStore = openMemoryBlobStore({ clock });
  const asked = { times: 0, fails: false };
  const usedBytes = async (site: string): Promise<number> => {
    asked.times++;
    if (asked.fails) throw new Error('the database is closed');
    return store.packs.bytesOf(site);
  };
  const { ledger, blobs } = guardSpace({
    ledger: store.ledger,
    blobs: packs,
    clock,
    reserveBytes: 0,
    quota: { bytes: given.quota ?? 100, usedBytes },
  });
  const open = (site = 'main') => blobs.openPack(site, STUDY);
  const write = async (length: number, site = 'main') => {
    const pack = await open(site);
    await pack.append(new Uint8Array(length));
    const { row } = await pack.seal();
    await ledger.commit({ site, packs: [row], studyKeys: [studyKeyRow(STUDY, 'k')] });
    return row.pack;
  };
  return {
    store,
    ledger,
    asked,
    open,
    write,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
    files: async () => {
      let number = 0;
      for await (const _ of packs.packs()) number++;
      return number;
    },
  };
}

describe('the quota of a site', () => {
  it('takes what fits to the last byte, and nothing more; other sites are not concerned', async () => {
    const { write, open, files } = await world();
    await write(60);
    await write(40);
    await expect(open()).rejects.toMatchObject(full);
    await write(100, 'north');
    expect(await files()).toBe(3);
  });

  it('refuses the piece that would pass it, and leaves nothing of its pack', async () => {
    const { write, open, files } = await world();
    await write(60);
    const pack = await open();
    await pack.append(new Uint8Array(30));
    await expect(pack.append(new Uint8Array(11))).rejects.toMatchObject(full);
    expect(await files()).toBe(1);
    await write(40);
  });

  it('is not passed by many who write at the same time', async () => {
    const { open } = await world();
    const writers = await Promise.all(Array.from({ length: 5 }, () => open()));
    const settled = await Promise.allSettled(writers.map((pack) => pack.append(new Uint8Array(40))));
    expect(settled.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(2);
  });

  it('counts a pack once: sealed, committed, and found among what is stored', async () => {
    const { open, ledger, wait } = await world();
    const pack = await open();
    await pack.append(new Uint8Array(50));
    const { row } = await pack.seal();
    wait(2000);
    const next = await open();
    await expect(next.append(new Uint8Array(51))).rejects.toMatchObject(full);
    await ledger.commit({ site: 'main', packs: [row], studyKeys: [studyKeyRow(STUDY, 'k')] });
    for (let second = 0; second < 3; second++) {
      wait(1000);
      const probe = await open();
      await expect(probe.append(new Uint8Array(50))).resolves.toBeDefined();
      await probe.discard();
    }
  });

  it('gives back what was discarded, and what was deleted', async () => {
    const { open, write, ledger, wait } = await world();
    const pack = await open();
    await pack.append(new Uint8Array(90));
    await pack.discard();
    const stored = await write(100);
    await expect(open()).rejects.toMatchObject(full);
    await ledger.commit({ site: 'main', removals: { packs: [stored] } });
    wait(1000);
    await write(100);
  });

  it('forgets a sealed pack whose rows never came', async () => {
    const { open, wait, write } = await world();
    const pack = await open();
    await pack.append(new Uint8Array(100));
    await pack.seal();
    await expect(open()).rejects.toMatchObject(full);
    wait(3_700_000);
    await write(100);
  });

  it('asks the database once a second, and again at once when it could not answer', async () => {
    const { open, asked, wait } = await world();
    await Promise.all([open(), open(), open()]);
    expect(asked.times).toBe(1);
    wait(1000);
    asked.fails = true;
    await expect(open()).rejects.toThrow('closed');
    asked.fails = false;
    await expect(open()).resolves.toBeDefined();
    expect(asked.times).toBe(3);
  });

  it('does not count what the store refused', async () => {
    const { open, write, asked, wait } = await world();
    const pack = await open();
    wait(1000);
    asked.fails = true;
    await expect(pack.append(new Uint8Array(90))).rejects.toThrow('closed');
    asked.fails = false;
    await write(100);
  });
});
