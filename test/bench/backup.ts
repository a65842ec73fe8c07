/**
 * Backups, check, restore, export and import of a few hundred megabytes while others write. `node test/bench/backup.ts
 * [megabytes] [resources]`.
 */

import { join } from 'node:path';
import { verifyBackup } from '../../src/storage/backup/upkeep.ts';
import { openExportReader } from '../../src/storage/sqlite/export-reader.ts';
import { compareRestored, createLoad, openBlobs } from '../harness/backup-load.ts';
import { openBackupWorld } from '../harness/backup-world.ts';
import { TEST_DATA_KEYS } from '../harness/test-keys.ts';
import { exportTo, importFrom } from '../harness/transfer-world.ts';

const megabytes = Number(process.argv[2] ?? 300);
const resources = Number(process.argv[3] ?? 20_000);
const { rowMac } = TEST_DATA_KEYS;
const MEGABYTE = 1_000_000;

const world = await openBackupWorld();
const blobs = await openBlobs(world.dataDir, world.store);
const load = createLoad(world, blobs);
const show = (what: string, values: object): void => console.log(what, JSON.stringify(values));
const mb = (bytes: number): number => Math.round(bytes / 10_000) / 100;
const cpu = (): number => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;

for (let done = 0; done < megabytes; done += 26) await load.addStudy(200, (26 * MEGABYTE) / 200);
for (let done = 0; done < resources; done += 16) {
  await Promise.all(Array.from({ length: 16 }, (_, n) => load.addVersion(`p-${done + n}`)));
}
for (const name of ['first', 'second', 'third']) {
  const before = load.copy();
  const writing = load.start();
  const began = cpu();
  const report = await world.backup();
  const { seconds, bytes, addedBytes, packs } = report;
  const used = cpu() - began;
  const writes = await writing.stop();
  show(name, { seconds, cpu: used, mb: mb(bytes), addedMb: mb(addedBytes), packs, writesMeanwhile: writes });
  if (name !== 'third') continue;
  const signal = new AbortController().signal;
  show('verify', await verifyBackup({ repository: world.repository, keys: TEST_DATA_KEYS, signal }));
  show('restore', await world.restore('again'));
  show('compared', await compareRestored(world, 'again', before));
}

const source = { store: world.store, blobs, openExport: () => openExportReader(world.store.checkpoint, rowMac) };
const file = join(world.folder, 'export');
const exported = await exportTo(source, file);
show('export', { seconds: exported.seconds, mb: mb(exported.fileBytes), rssMb: mb(process.memoryUsage().rss) });
const store = await world.openRestored('imported');
const target = await openBlobs(join(world.folder, 'imported'), store);
const imported = await importFrom(
  { store, blobs: target, openExport: () => openExportReader(store.checkpoint, rowMac) },
  file,
);
show('import, with every byte read again', { seconds: imported.seconds, rssMb: mb(process.memoryUsage().rss) });
await target.close();
await store.close();
await blobs.close();
await world.close();
