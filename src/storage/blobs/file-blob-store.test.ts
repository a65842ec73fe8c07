import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { describeBlobs } from '../../../test/contract/blobs.contract.ts';
import { keptRows, openSealedBlobs } from '../../../test/harness/sealed-blobs.ts';
import { testKeyRing } from '../../../test/harness/test-keys.ts';
import type { BlobStore } from '../../ports/index.ts';
import { openFileBlobStore } from './file-blob-store.ts';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-blobs-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const filesIn = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'blobs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pack'));

async function packsOf(blobs: BlobStore): Promise<string[]> {
  const packs: string[] = [];
  for await (const pack of blobs.packs()) packs.push(pack);
  return packs;
}

describeBlobs('files', async () => {
  const { blobs } = await openSealedBlobs({ dataDir: newFolder() });
  return { blobs, close: () => blobs.close() };
});

describe('the file blob store', () => {
  it('finds after a restart what was sealed before it, and what was not', async () => {
    const dataDir = newFolder();
    const { blobs: before, kept } = await openSealedBlobs({ dataDir });
    const sealed = await before.openPack('main', '1');
    const location = await sealed.append(new TextEncoder().encode('kept'));
    await sealed.seal();
    const crashed = await before.openPack('main', '1');
    const lost = await crashed.append(new TextEncoder().encode('lost'));
    await before.close();
    const { blobs: after } = await openSealedBlobs({ dataDir, kept });
    expect((await packsOf(after)).sort()).toEqual([location.pack, lost.pack].sort());
    expect(new TextDecoder().decode(await after.read(location))).toBe('kept');
    await expect(after.read(lost)).rejects.toMatchObject({ kind: 'not-found' });
    await crashed.discard();
    await after.close();
  });

  it('lets nobody else read, and passes over what is no pack', async () => {
    const dataDir = newFolder();
    const { blobs } = await openSealedBlobs({ dataDir });
    const pack = await blobs.openPack('main', '1');
    const location = await pack.append(new Uint8Array(10));
    await pack.seal();
    const file = join(location.pack.slice(0, 2), `${location.pack}.pack`);
    expect(filesIn(dataDir)).toContain(file);
    expect(statSync(join(dataDir, 'blobs', file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'blobs')).mode & 0o777).toBe(0o700);
    mkdirSync(join(dataDir, 'blobs', 'zz'));
    writeFileSync(join(dataDir, 'blobs', 'zz', 'notes.txt'), 'x');
    writeFileSync(join(dataDir, 'blobs', 'zz', 'name.pack'), 'x');
    writeFileSync(join(dataDir, 'blobs', 'stray'), 'x');
    expect(await packsOf(blobs)).toEqual([location.pack]);
    await blobs.close();
  });

  it('keeps empty files in stock, lists none of them, and leaves none behind', async () => {
    const dataDir = newFolder();
    const { blobs } = await openSealedBlobs({ dataDir });
    const sealed: string[] = [];
    for (let i = 0; i < 20; i++) {
      const pack = await blobs.openPack('main', '1');
      await pack.append(new Uint8Array(10));
      sealed.push((await pack.seal()).row.pack);
    }
    expect(filesIn(dataDir).length).toBeGreaterThan(20);
    expect((await packsOf(blobs)).sort()).toEqual(sealed.sort());
    await blobs.close();
    expect(filesIn(dataDir)).toHaveLength(20);
  });

  it('tells of a sealed pack what lies on the disk', async () => {
    const dataDir = newFolder();
    const { blobs } = await openSealedBlobs({ dataDir });
    const writer = await blobs.openPack('main', '1.2');
    await writer.append(new Uint8Array(200_000));
    const { row, studyKey } = await writer.seal();
    const file = readFileSync(join(dataDir, 'blobs', row.pack.slice(0, 2), `${row.pack}.pack`));
    const sha256 = createHash('sha256').update(file).digest('hex');
    expect(row).toMatchObject({ studyInstanceUid: '1.2', bytes: file.length, sha256, tier: 'online' });
    expect(studyKey).toMatchObject({ studyInstanceUid: '1.2', createdAt: '2026-11-24T12:00:00.000Z' });
    await blobs.close();
  });

  it('keeps a long pack whole whose beginning was synced while the rest arrived', async () => {
    const { blobs } = await openSealedBlobs({ dataDir: newFolder() });
    const pack = await blobs.openPack('main', '1');
    const pieces = Array.from({ length: 70 }, (_, i) => new Uint8Array(2 ** 20).fill(i));
    const locations = [];
    for (const piece of pieces) locations.push(await pack.append(piece));
    const abandoned = await blobs.openPack('main', '1');
    await abandoned.append(new Uint8Array(2 ** 23));
    await abandoned.discard();
    await pack.seal();
    for (const [i, location] of locations.entries()) {
      expect(Buffer.compare(await blobs.read(location), pieces[i]!)).toBe(0);
    }
    await blobs.close();
  });

  it('refuses with storage-full where no more can be written, takes the pack away, and keeps on reading', () => {
    const dataDir = newFolder();
    const harness = new URL('../../../test/harness/sealed-blobs.ts', import.meta.url).href;
    const script = `
      const { openSealedBlobs } = await import(${JSON.stringify(harness)});
      const { blobs } = await openSealedBlobs({ dataDir: ${JSON.stringify(dataDir)} });
      const kept = await blobs.openPack('main', '1');
      const location = await kept.append(new Uint8Array(1000).fill(7));
      await kept.seal();
      const pack = await blobs.openPack('main', '1');
      await pack.append(new Uint8Array(300_000));
      const first = await pack.append(new Uint8Array(300_000)).catch((error) => error.kind);
      const second = await pack.append(new Uint8Array(1)).catch((error) => error.message);
      const packs = [];
      for await (const name of blobs.packs()) packs.push(name);
      const read = (await blobs.read(location))[999];
      await blobs.close();
      console.log(JSON.stringify({ first, second, packs: packs.length, read }));`;
    // A limit on the size of files, here 100 KiB, stands in for a full disk: both fail in the write itself.
    const command = 'ulimit -f 100; exec "$0" "$@"';
    const node = ['--no-warnings', '--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync('bash', ['-c', command, process.execPath, ...node], { encoding: 'utf8' });
    expect([stdout.trim(), stderr]).toEqual([
      JSON.stringify({ first: 'storage-full', second: 'the pack takes nothing more', packs: 1, read: 7 }),
      '',
    ]);
    expect(filesIn(dataDir)).toHaveLength(1);
  });
});

describe('keys of studies', () => {
  const put = async (blobs: BlobStore, site: string, study: string, text: string) => {
    const pack = await blobs.openPack(site, study);
    const location = await pack.append(new TextEncoder().encode(text));
    return { location, ...(await pack.seal()) };
  };

  it('are one a study, whichever of its first packs is stored first', async () => {
    const kept = keptRows();
    const clock = { now: () => new Date('2026-11-24T12:00:00Z') };
    const options = { dataDir: newFolder(), keyRing: testKeyRing(), packs: kept.packs, clock };
    const blobs = await openFileBlobStore(options);
    const both = await Promise.all([blobs.openPack('main', '1'), blobs.openPack('main', '1')]);
    const locations = await Promise.all(both.map((pack) => pack.append(new Uint8Array(5).fill(3))));
    const [first, second] = await Promise.all(both.map((pack) => pack.seal()));
    expect(first!.studyKey).toBeDefined();
    expect(second!.studyKey).toEqual(first!.studyKey);
    for (const sealed of [second!, first!]) kept.keep('main', sealed);
    expect((await put(blobs, 'main', '1', 'later')).studyKey).toBeUndefined();
    const { studyKey: ofOther } = await put(blobs, 'other', '1', 'at another site');
    expect(ofOther!.wrapped).not.toBe(first!.studyKey!.wrapped);
    const { blobs: again } = await openSealedBlobs({ dataDir: newFolder(), kept });
    expect((await put(again, 'main', '1', 'after a restart')).studyKey).toBeUndefined();
    for (const location of locations) expect(await blobs.read(location)).toEqual(Buffer.alloc(5, 3));
    await Promise.all([blobs.close(), again.close()]);
  });

  it('take the bytes with them when they are deleted', async () => {
    const dataDir = newFolder();
    const { blobs, kept } = await openSealedBlobs({ dataDir });
    const { location } = await put(blobs, 'main', '1', 'secret');
    const late = await blobs.openPack('main', '1');
    kept.keys.clear();
    await blobs.forgetStudy('main', '1');
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'gone' });
    await expect(blobs.access(location.pack)).rejects.toMatchObject({ kind: 'gone' });
    await expect(late.seal()).rejects.toMatchObject({ kind: 'conflict' });
    const { location: anew, studyKey } = await put(blobs, 'main', '1', 'anew');
    expect(studyKey).toBeDefined();
    expect(Buffer.from(await blobs.read(anew)).toString()).toBe('anew');
    await expect(blobs.read(location)).rejects.toMatchObject({ kind: 'damaged' });
    await blobs.close();
  });

  it('move under the current KEK before they are stored, and open under a rotated one', async () => {
    const dataDir = newFolder();
    const ring = { current: testKeyRing('old') };
    const keyRing = {
      get currentKekId() {
        return ring.current.currentKekId;
      },
      wrap: (...args: Parameters<typeof ring.current.wrap>) => ring.current.wrap(...args),
      unwrap: (...args: Parameters<typeof ring.current.unwrap>) => ring.current.unwrap(...args),
    };
    const kept = keptRows();
    const { blobs } = await openSealedBlobs({ dataDir, kept, keyRing });
    const writer = await blobs.openPack('main', '1');
    const location = await writer.append(new TextEncoder().encode('rotated'));
    ring.current = testKeyRing('new', 'old');
    expect((await writer.seal()).studyKey).toMatchObject({ kekId: ring.current.currentKekId });
    const { blobs: later } = await openSealedBlobs({ dataDir, kept, keyRing: testKeyRing('new') });
    expect(Buffer.from(await later.read(location)).toString()).toBe('rotated');
    const { blobs: stranger } = await openSealedBlobs({ dataDir, kept, keyRing: testKeyRing('other') });
    await expect(stranger.read(location)).rejects.toMatchObject({ kind: 'wrong-key' });
    await Promise.all([blobs.close(), later.close(), stranger.close()]);
  });
});
