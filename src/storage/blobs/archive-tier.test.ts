import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keptRows, openSealedBlobs } from '../../../test/harness/sealed-blobs.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Commit, Ledger } from '../../ports/index.ts';
import { openArchiveTier } from './archive-tier.ts';
import { packPath } from './pack-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-tier-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function world({ refuse = false } = {}) {
  const kept = keptRows();
  const commits: Commit[] = [];
  let now = Date.UTC(2026, 10, 24);
  const clock = { now: () => new Date(now) };
  const refusing = { on: refuse };
  const ledger: Ledger = {
    async commit(commit) {
      if (refusing.on) throw new NeuroInsightError('conflict', 'the study was erased');
      commits.push(commit);
      for (const row of commit.packs ?? []) kept.rows.set(row.pack, { site: commit.site, row });
      return { sequence: commits.length };
    },
  };
  const [dataDir, archived] = [join(folder, 'data'), join(folder, 'slow')];
  const online = join(dataDir, 'blobs');
  const logged: string[] = [];
  const log = { error: (message: string) => void logged.push(message) };
  const forgetFile = (pack: string): Promise<void> => store.blobs.forgetFile(pack);
  const tier = await openArchiveTier({ online, archived, packs: kept.packs, ledger, clock, forgetFile, log });
  const store = await openSealedBlobs({ dataDir, kept, clock, archive: tier });
  const { blobs } = store;
  const writer = await blobs.openPack('main', '1.2');
  const location = await writer.append(Buffer.alloc(300_000, 'x'));
  await writer.seal();
  const { pack } = location;
  const files = () => [packPath(online, pack), packPath(archived, pack)].map((path) => existsSync(path));
  const wait = (milliseconds: number) => {
    now += milliseconds;
  };
  const slowFile = packPath(archived, pack);
  return { blobs, tier, kept, commits, location, pack, files, wait, refusing, logged, slowFile, online };
}

describe('the archive tier', () => {
  it('moves a pack away and brings it back for whoever asks, once for all of them', async () => {
    const { blobs, tier, kept, commits, location, pack, files, slowFile } = await world();
    const before = Buffer.from(await blobs.read(location));
    expect(await tier.archive(pack)).toBe(true);
    expect([files(), kept.rows.get(pack)!.row.tier]).toEqual([[false, true], 'archived']);
    expect(statSync(slowFile).mode & 0o777).toBe(0o600);
    const reads = await Promise.allSettled([blobs.read(location), blobs.read(location), blobs.access(pack)]);
    for (const read of reads) expect(read).toMatchObject({ status: 'rejected', reason: { kind: 'recalling' } });
    await tier.recalled(pack);
    expect([files(), kept.rows.get(pack)!.row.tier]).toEqual([[true, false], 'online']);
    expect(commits).toHaveLength(2);
    expect(Buffer.compare(await blobs.read(location), before)).toBe(0);
    await blobs.close();
  });

  it('leaves a pack alone that lies in the archive, or nowhere', async () => {
    const { blobs, tier, pack } = await world();
    expect(await tier.archive(pack)).toBe(true);
    expect(await tier.archive(pack)).toBe(false);
    expect(await tier.archive('0'.repeat(32))).toBe(false);
    await expect(tier.recalled(pack)).resolves.toBeUndefined();
    await tier.close();
    await blobs.close();
  });

  it('does not archive what is damaged', async () => {
    const { blobs, tier, pack, files, online } = await world();
    const file = packPath(online, pack);
    const bytes = readFileSync(file);
    bytes[100]! ^= 1;
    writeFileSync(file, bytes);
    await expect(tier.archive(pack)).rejects.toMatchObject({ kind: 'damaged' });
    expect(files()).toEqual([true, false]);
    await blobs.close();
  });

  it('brings back what was damaged there, says so, and keeps the copy', async () => {
    const { blobs, tier, kept, location, pack, files, slowFile } = await world();
    await tier.archive(pack);
    const bytes = readFileSync(slowFile);
    bytes[100]! ^= 1;
    writeFileSync(slowFile, bytes);
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'recalling' });
    await tier.recalled(pack);
    expect(kept.rows.get(pack)!.row).toMatchObject({ tier: 'online', damage: expect.stringContaining('sha256') });
    expect(files()).toEqual([true, true]);
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'damaged' });
    expect(await blobs.read(location, [200_000, 299_999])).toHaveLength(100_000);
    await blobs.close();
  });

  it('says that a pack is damaged that the archive has lost, and asks again later', async () => {
    const { blobs, tier, location, pack, wait, logged, slowFile } = await world();
    await tier.archive(pack);
    const bytes = readFileSync(slowFile);
    rmSync(slowFile);
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'recalling' });
    await tier.recalled(pack);
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'damaged' });
    expect(logged).toHaveLength(1);
    writeFileSync(slowFile, bytes);
    wait(60_000);
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'recalling' });
    await tier.close();
    expect(await blobs.read(location)).toHaveLength(300_000);
    await blobs.close();
  });

  it('moves nothing of a study that is erased meanwhile, and removes what lies there', async () => {
    const { blobs, tier, pack, files, refusing } = await world();
    refusing.on = true;
    expect(await tier.archive(pack)).toBe(false);
    expect(files()).toEqual([true, false]);
    refusing.on = false;
    expect(await tier.archive(pack)).toBe(true);
    refusing.on = true;
    tier.recall(pack);
    await tier.recalled(pack);
    expect(files()).toEqual([false, true]);
    await blobs.remove(pack);
    expect(files()).toEqual([false, false]);
    await blobs.close();
  });
});
