import { describe, expect, it } from '@jest/globals';
import type { BlobStore, Commit, Ledger } from '../ports/index.ts';
import { guardSpace, type SpaceGuardDeps } from './space-guard.ts';

function guarded(quota?: SpaceGuardDeps['quota']) {
  const disk = { free: 1000, now: 0, looks: 0, commits: 0 };
  const ledger: Ledger = { commit: async () => ({ sequence: ++disk.commits }) };
  const blobs = {
    openPack: async () => 'a pack',
    read: async () => new Uint8Array(1),
    freeBytes: async () => {
      disk.looks++;
      return disk.free;
    },
  } as unknown as BlobStore;
  const clock = { now: () => new Date(disk.now) };
  return { disk, ...guardSpace({ ledger, blobs, clock, reserveBytes: 100, ...(quota && { quota }) }) };
}
const written = { resource: { resourceType: 'Patient' } } as never;
const resource: Commit = { site: 'main', resources: [{ expected: 0, row: written }] };

describe('a disk that fills up', () => {
  it('takes what grows while there is room', async () => {
    const { ledger, blobs } = guarded();
    await expect(ledger.commit(resource)).resolves.toEqual({ sequence: 1 });
    await expect(blobs.openPack('main', '1.2')).resolves.toBe('a pack');
  });

  it('is full before it is: what grows is refused while the reserve is left for the audit of reading', async () => {
    const { disk, ledger, blobs } = guarded();
    disk.free = 99;
    await expect(ledger.commit(resource)).rejects.toMatchObject({ kind: 'storage-full' });
    await expect(ledger.commit({ site: 'main', instances: [{} as never] })).rejects.toMatchObject({
      kind: 'storage-full',
    });
    await expect(blobs.openPack('main', '1.2')).rejects.toMatchObject({ kind: 'storage-full' });
    expect(disk.commits).toBe(0);
  });

  it('still lets reads, audit, deletions and the end of runs through', async () => {
    const { disk, ledger, blobs } = guarded();
    disk.free = 0;
    await ledger.commit({ site: 'main', audit: [{} as never] });
    await ledger.commit({ site: 'main', runs: [{} as never] });
    await ledger.commit({ site: 'main', resources: [{ expected: 1, row: { resource: undefined } as never }] });
    expect(disk.commits).toBe(3);
    await expect(blobs.read({ pack: 'p', offset: 0, length: 1 })).resolves.toHaveLength(1);
  });

  it('is full for a site that has used its quota, and for no other', async () => {
    const quota = { bytes: 10, usedBytes: async (site: string) => (site === 'main' ? 10 : 9) };
    const { blobs } = guarded(quota);
    await expect(blobs.openPack('main', '1.2')).rejects.toMatchObject({ kind: 'storage-full' });
    await expect(blobs.openPack('north', '1.2')).resolves.toBeDefined();
  });

  it('is looked at once a second, however many ask', async () => {
    const { disk, ledger } = guarded();
    await Promise.all([ledger.commit(resource), ledger.commit(resource)]);
    expect(disk.looks).toBe(1);
    disk.free = 0;
    disk.now = 1000;
    await expect(ledger.commit(resource)).rejects.toMatchObject({ kind: 'storage-full' });
  });
});
