import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { auditRow, instanceRow, patientVersion } from '../../test/contract/store-rows.ts';
import { TEST_DATA_KEYS, testKeyRing } from '../../test/harness/test-keys.ts';
import { openFileBlobStore } from './blobs/file-blob-store.ts';
import { guardSpace } from './space-guard.ts';
import { openSqliteStore } from './sqlite/open.ts';

const SITE = 'main';
const MEBIBYTE = 2 ** 20;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});

function mounted(folder: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]).status === 0;
}

/** A disk of 8 MiB in memory. */
function smallDisk(): string {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-full-'));
  closing.push(() => rmdirSync(folder));
  if (!mounted(folder)) throw new Error('the small disk could not be mounted');
  closing.push(() => spawnSync('umount', ['-l', folder]));
  return folder;
}

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'neuroinsight-full-'));
  const may = mounted(folder);
  if (may) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return may;
}

async function house(dataDir: string, reserveBytes: number) {
  const time = { now: Date.UTC(2026, 10, 24) };
  const clock = { now: () => new Date(time.now) };
  const store = await openSqliteStore({ dataDir, clock, keys: TEST_DATA_KEYS, readerThreads: 1 });
  closing.push(store.close);
  const packs = await openFileBlobStore({ dataDir, keyRing: testKeyRing(), packs: store.packs, clock });
  closing.push(packs.close);
  const { ledger, blobs } = guardSpace({ ledger: store.ledger, blobs: packs, clock, reserveBytes });
  const storeInstance = async (number: number, bytes: number) => {
    const study = `1.2.${number}`;
    const writer = await blobs.openPack(SITE, study);
    const blob = await writer.append(Buffer.alloc(bytes, number));
    const { row, studyKey } = await writer.seal();
    await ledger.commit({
      site: SITE,
      packs: [row],
      studyKeys: studyKey ? [studyKey] : [],
      instances: [instanceRow({ study, series: `${study}.1`, uid: `${study}.1.1` }, { blob, metadata: blob })],
    });
    return blob;
  };
  return { time, store, ledger, packs, storeInstance };
}

describe('a real disk that is full', () => {
  if (!mayMount()) {
    it('runs only where a small disk can be mounted', () => {
      const line = 'mounting a small disk takes root';
      if (process.env.CI) throw new Error(line);
      process.stderr.write(`${line}\n`);
    });
    return;
  }

  it('refuses what does not fit, keeps what was acknowledged, and takes more when there is room again', async () => {
    const disk = smallDisk();
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(2 * MEBIBYTE));
    const { store, packs, storeInstance } = await house(disk, 0);
    const kept: Awaited<ReturnType<typeof storeInstance>>[] = [];
    let refused: unknown;
    for (let number = 1; refused === undefined && number < 20; number++) {
      await storeInstance(number, MEBIBYTE).then(
        (blob) => kept.push(blob),
        (error: unknown) => {
          refused = error;
        },
      );
    }
    expect(refused).toMatchObject({ kind: 'storage-full' });
    expect(kept.length).toBeGreaterThan(1);
    for (const [index, blob] of kept.entries()) {
      expect((await packs.read(blob)).every((byte) => byte === index + 1)).toBe(true);
    }
    rmSync(ballast);
    await store.ledger.commit({ site: SITE, removals: { studies: ['1.2.1'] } });
    await packs.forgetStudy(SITE, '1.2.1');
    await packs.remove(kept[0]!.pack);
    await expect(storeInstance(30, MEBIBYTE / 2)).resolves.toBeDefined();
  });

  it('is refused by the reserve before it is full, so that audit, deletion and reading go on', async () => {
    const disk = smallDisk();
    const { time, store, ledger, packs, storeInstance } = await house(disk, 6 * MEBIBYTE);
    const { bavail, bsize } = await statfs(disk);
    expect(bavail * bsize).toBeGreaterThan(6 * MEBIBYTE);
    const blob = await storeInstance(1, 2 * MEBIBYTE);
    // The guard looks once a second.
    time.now += 1_000;
    await expect(storeInstance(2, 1)).rejects.toMatchObject({ kind: 'storage-full' });
    const patient = ledger.commit({ site: SITE, resources: [{ expected: 0, row: patientVersion('p', 1) }] });
    await expect(patient).rejects.toMatchObject({ kind: 'storage-full' });
    await ledger.commit({ site: SITE, audit: [auditRow('a')] });
    expect(await packs.read(blob)).toHaveLength(2 * MEBIBYTE);
    await ledger.commit({ site: SITE, removals: { studies: ['1.2.1'] } });
    expect(await store.dicom.study(SITE, '1.2.1')).toBeUndefined();
  });
});
