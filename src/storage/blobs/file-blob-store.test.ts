import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { describeBlobs } from '../../../test/contract/blobs.contract.ts';
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

describeBlobs('files', async () => {
  const blobs = await openFileBlobStore({ dataDir: newFolder() });
  return { blobs, close: () => blobs.close() };
});

describe('the file blob store', () => {
  it('finds after a restart what was sealed before it, and what was not', async () => {
    const dataDir = newFolder();
    const before = await openFileBlobStore({ dataDir });
    const sealed = await before.openPack('main', '1');
    const location = await sealed.append(new TextEncoder().encode('kept'));
    await sealed.seal();
    const crashed = await before.openPack('main', '1');
    const lost = await crashed.append(new TextEncoder().encode('lost'));
    const after = await openFileBlobStore({ dataDir });
    const packs: string[] = [];
    for await (const pack of after.packs()) packs.push(pack);
    expect(packs.sort()).toEqual([location.pack, lost.pack].sort());
    expect(new TextDecoder().decode(await after.read(location))).toBe('kept');
    await crashed.discard();
    await after.close();
  });

  it('lets nobody else read, and passes over what is no pack', async () => {
    const dataDir = newFolder();
    const blobs = await openFileBlobStore({ dataDir });
    const pack = await blobs.openPack('main', '1');
    const location = await pack.append(new Uint8Array(10));
    await pack.seal();
    const [file] = filesIn(dataDir);
    expect(file).toBe(join(location.pack.slice(0, 2), `${location.pack}.pack`));
    expect(statSync(join(dataDir, 'blobs', file!)).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'blobs')).mode & 0o777).toBe(0o700);
    mkdirSync(join(dataDir, 'blobs', 'zz'));
    writeFileSync(join(dataDir, 'blobs', 'zz', 'notes.txt'), 'x');
    writeFileSync(join(dataDir, 'blobs', 'zz', 'name.pack'), 'x');
    writeFileSync(join(dataDir, 'blobs', 'stray'), 'x');
    const packs: string[] = [];
    for await (const name of blobs.packs()) packs.push(name);
    expect(packs).toEqual([location.pack]);
  });

  it('keeps a pack whole whose beginning was synced while the rest arrived', async () => {
    const blobs = await openFileBlobStore({ dataDir: newFolder() });
    const pack = await blobs.openPack('main', '1');
    const pieces = Array.from({ length: 20 }, (_, i) => new Uint8Array(2 ** 20).fill(i));
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
    const script = `
      const { openFileBlobStore } = await import(${JSON.stringify(new URL('./file-blob-store.ts', import.meta.url).href)});
      const blobs = await openFileBlobStore({ dataDir: ${JSON.stringify(dataDir)} });
      const kept = await blobs.openPack('main', '1');
      const location = await kept.append(new Uint8Array(1000).fill(7));
      await kept.seal();
      const pack = await blobs.openPack('main', '1');
      await pack.append(new Uint8Array(60_000));
      const first = await pack.append(new Uint8Array(60_000)).catch((error) => error.kind);
      const second = await pack.append(new Uint8Array(1)).catch((error) => error.message);
      const packs = [];
      for await (const name of blobs.packs()) packs.push(name);
      const read = (await blobs.read(location))[999];
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
