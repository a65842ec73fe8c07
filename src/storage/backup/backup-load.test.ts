import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compareRestored, createLoad, type Load, openBlobs } from '../../../test/harness/backup-load.ts';
import { type BackupWorld, openBackupWorld } from '../../../test/harness/backup-world.ts';
import type { FileBlobStore } from '../blobs/file-blob-store.ts';

let world: BackupWorld;
let blobs: FileBlobStore;
let load: Load;
beforeEach(async () => {
  world = await openBackupWorld();
  blobs = await openBlobs(world.dataDir, world.store);
  load = createLoad(world, blobs);
});
afterEach(async () => {
  await blobs.close();
  await world.close();
});

describe('a backup of a server at work', () => {
  it('has all that was acknowledged before it began, and nothing that points to what it does not have', async () => {
    for (let number = 0; number < 3; number++) await load.addStudy(4, 130_000);
    for (let number = 0; number < 60; number++) await load.addVersion(`p-${number % 20}`);
    for (let number = 0; number < 2; number++) {
      const before = load.copy();
      const writing = load.start();
      const report = await world.backup();
      expect(await writing.stop()).toBeGreaterThan(0);
      expect(report).toMatchObject({ missingPacks: 0, damagedPacks: 0 });
      await world.restore(`again-${number}`);
      const compared = await compareRestored(world, `again-${number}`, before);
      expect(compared.dangling).toBe(0);
      expect(compared.instances).toBeGreaterThanOrEqual(before.instances.size);
    }
  });

  it('keeps the packs of studies that are erased meanwhile', async () => {
    for (let number = 0; number < 4; number++) await load.addStudy(2, 50_000);
    const before = load.copy();
    const studies = new Set([...before.instances.values()].map(({ study }) => study));
    let erased = false;
    await world.backup({
      onProgress: ({ step }) => {
        if (step !== 'database' || erased) return;
        erased = true;
        void world.store.ledger.commit({ site: 'main', removals: { studies: [...studies] } });
        void (async () => {
          for await (const pack of blobs.packs()) await blobs.remove(pack);
        })();
      },
    });
    await world.restore('again');
    expect(await compareRestored(world, 'again', { ...before, versions: new Map() })).toMatchObject({
      instances: before.instances.size,
      dangling: 0,
    });
  });
});
