import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS, testKeyRing } from '../../../test/harness/test-keys.ts';
import {
  transferClock as clock,
  exportTo,
  fillServer,
  importDeps,
  importFrom,
  importRequest,
  type TransferServer,
} from '../../../test/harness/transfer-world.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { type EmptyServer, importIntoFolder } from '../transfer/import-folder.ts';
import { openConnection } from './database.ts';
import { openExportReader } from './export-reader.ts';
import { openSqliteStore } from './open.ts';

let folder: string;
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-export-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function openSqlite(name: string): Promise<TransferServer> {
  const dataDir = join(folder, name);
  const store = await openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });
  closing.push(store.close);
  const blobs = await openFileBlobStore({ dataDir, keyRing: testKeyRing(name), packs: store.packs, clock });
  closing.push(blobs.close);
  return { store, blobs, openExport: () => openExportReader(store.checkpoint, TEST_DATA_KEYS.rowMac) };
}

async function openMemory(name: string): Promise<TransferServer> {
  const store = await openMemoryStore({ clock });
  const dataDir = join(folder, name);
  const blobs = await openFileBlobStore({ dataDir, keyRing: testKeyRing(name), packs: store.packs, clock });
  closing.push(blobs.close);
  return { store, blobs, openExport: store.openExport };
}

describe('the export of the embedded database', () => {
  it('goes to another engine and back, and is the same by every digest', async () => {
    const memory = await openMemory('memory');
    await fillServer(memory);
    const first = await exportTo(memory, join(folder, 'first'));
    const sqlite = await openSqlite('sqlite');
    expect(await importFrom(sqlite, join(folder, 'first'))).toMatchObject({ compared: true });
    const second = await exportTo(sqlite, join(folder, 'second'));
    // Import and export are audited: the audit has grown by two rows.
    const { audit: _, ...digests } = first.digests;
    expect(second.digests).toMatchObject(digests);
    expect(second.counts.audit).toBe(first.counts.audit + 2);
    const back = await openSqlite('back');
    expect(await importFrom(back, join(folder, 'second'))).toMatchObject({ compared: true, counts: second.counts });
  });

  it('becomes a folder only when all of it was imported', async () => {
    const memory = await openMemory('memory');
    await fillServer(memory);
    await exportTo(memory, join(folder, 'whole'));
    const bytes = readFileSync(join(folder, 'whole'));
    writeFileSync(join(folder, 'cut'), bytes.subarray(0, -200));
    const openServer = async (dataDir: string): Promise<EmptyServer> => {
      const store = await openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });
      const blobs = await openFileBlobStore({ dataDir, keyRing: testKeyRing('new'), packs: store.packs, clock });
      const openReader = () => openExportReader(store.checkpoint, TEST_DATA_KEYS.rowMac);
      const close = async (): Promise<void> => {
        await blobs.close();
        await store.close();
      };
      return { ...importDeps({ store, blobs, openExport: openReader }), close };
    };
    const into = (file: string) =>
      importIntoFolder(openServer, { ...importRequest(join(folder, file)), dataDir: join(folder, 'new') });
    await expect(into('cut')).rejects.toMatchObject({ kind: 'damaged' });
    expect(readdirSync(folder).filter((name) => name.startsWith('new'))).toEqual([]);
    expect(await into('whole')).toMatchObject({ compared: true });
    await expect(into('whole')).rejects.toMatchObject({ kind: 'output-exists' });
    const store = await openSqliteStore({
      dataDir: join(folder, 'new'),
      clock,
      keys: TEST_DATA_KEYS,
      readerThreads: 1,
    });
    expect(await store.resources.get('main', 'Patient', 'a')).toMatchObject({ versionId: 2 });
    await store.close();
  });

  it('is of one moment, whatever is written meanwhile, and tells which', async () => {
    const server = await openSqlite('sqlite');
    await fillServer(server);
    const reader = await server.openExport();
    expect(reader.log).toEqual(await server.store.changes.head());
    await server.store.ledger.commit({ site: 'main', removals: { studies: ['1.2.3'] } });
    let instances = 0;
    for await (const _ of reader.instancesOf('main', '1.2.3')) instances++;
    expect(instances).toBe(2);
    await reader.release();
  });

  it('is refused with damaged when a row is not what was written', async () => {
    const server = await openSqlite('sqlite');
    await fillServer(server);
    const path = join(folder, 'sqlite', 'neuroinsight.sqlite');
    const connection = openConnection(path, { key: TEST_DATA_KEYS.database, busyMilliseconds: 1_000 });
    connection.run("UPDATE resource_versions SET json = replace(json, 'Canaryname', 'Somebody')");
    connection.close();
    await expect(exportTo(server, join(folder, 'all'))).rejects.toMatchObject({ kind: 'damaged' });
  });
});
