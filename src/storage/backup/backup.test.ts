import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type BackupWorld, filesBelow, openBackupWorld, packPath } from '../../../test/harness/backup-world.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { listBackups, pruneBackups, verifyBackup } from './upkeep.ts';

let world: BackupWorld;
beforeEach(async () => {
  world = await openBackupWorld();
});
afterEach(() => world.close());

const clock = { now: () => new Date() };
const signal = new AbortController().signal;
const verified = () => verifyBackup({ repository: world.repository, keys: TEST_DATA_KEYS, signal });
const snapshots = (): string[] => readdirSync(join(world.repository, 'snapshots'));

describe('a backup', () => {
  it('becomes a data folder with everything that was stored, and no more than that', async () => {
    const pack = await world.addInstance(1, 3_000_000);
    await world.addPatient('a');
    const report = await world.backup();
    await world.addPatient('after');
    expect(report).toMatchObject({ packs: 1, damagedPacks: 0, missingPacks: 0, archivedPacks: 0 });
    const restored = await world.restore('again');
    expect(restored).toMatchObject({ snapshot: report.snapshot, packs: 1, log: report.log, erased: 0 });
    expect(readFileSync(packPath(join(world.folder, 'again'), pack)).equals(world.packs.get(pack)!)).toBe(true);
    const store = await world.openRestored('again');
    expect(await store.resources.get('main', 'Patient', 'a')).toEqual(
      await world.store.resources.get('main', 'Patient', 'a'),
    );
    expect(await store.resources.get('main', 'Patient', 'after')).toBeUndefined();
    expect(await store.dicom.instances('main', { studyInstanceUid: '1.2.1' })).toEqual(
      await world.store.dicom.instances('main', { studyInstanceUid: '1.2.1' }),
    );
    await store.close();
  });

  it('adds only what is new since the last one', async () => {
    await world.addInstance(1, 500_000);
    for (let number = 0; number < 150; number++) await world.addPatient(`p-${number}`, 'x'.repeat(10_000));
    const first = await world.backup();
    await world.addPatient('one more');
    await world.addInstance(2, 10_000);
    const second = await world.backup();
    expect(second.addedBytes).toBeLessThan(first.addedBytes / 2);
    expect(second.bytes).toBeGreaterThanOrEqual(first.bytes);
    const third = await world.restore('again');
    expect(third.snapshot).toBe(second.snapshot);
    expect(await verified()).toMatchObject({ snapshots: 2 });
    await world.restore('earlier', { snapshot: first.snapshot });
    const store = await world.openRestored('earlier');
    expect(await store.resources.get('main', 'Patient', 'one more')).toBeUndefined();
    await store.close();
  });

  it('is for its owner alone and says nothing of patients in names and lists', async () => {
    await world.addInstance(4711);
    await world.addPatient('a', 'Canaryname');
    await world.backup();
    for (const file of filesBelow(world.repository)) {
      const path = join(world.repository, file);
      expect([file, statSync(path).mode & 0o777]).toEqual([file, 0o600]);
      expect(file).not.toContain('4711');
      const bytes = readFileSync(path);
      expect(['Canaryname', '1.2.4711'].filter((text) => bytes.includes(text))).toEqual([]);
    }
    expect(statSync(join(world.repository, 'objects')).mode & 0o777).toBe(0o700);
  });

  it('is written down: in the audit, and as the last good one', async () => {
    const report = await world.backup();
    const again = await world.backup();
    const { rows } = await world.store.audit.search('main', { count: 10, offset: 0 });
    expect(rows.map(({ interaction, outcome, agent }) => [interaction, outcome, agent.kind])).toEqual([
      ['admin/backup', '0', 'administrator'],
      ['admin/backup', '0', 'administrator'],
    ]);
    expect(await world.store.documents.get('main', 'backup', 'last')).toMatchObject({
      version: 2,
      content: { snapshot: again.snapshot, sequence: again.log.sequence },
    });
    expect(report.log.sequence).toBeLessThan(again.log.sequence);
  });

  it('that was cancelled leaves no snapshot, is audited, and the next one goes on from what it copied', async () => {
    for (let number = 0; number < 10; number++) await world.addInstance(number, 300_000);
    const cancelling = new AbortController();
    const cancelled = world.backup({
      signal: cancelling.signal,
      onProgress: ({ step, done }) => void (step === 'packs' && done === 8 && cancelling.abort()),
    });
    await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
    expect(snapshots()).toEqual([]);
    const { rows } = await world.store.audit.search('main', { count: 10, offset: 0 });
    expect(rows[0]).toMatchObject({ interaction: 'admin/backup', outcome: '8', outcomeDesc: 'cancelled' });
    expect(readdirSync(world.dataDir).filter((name) => name.startsWith('backup-links'))).toEqual([]);
    const next = await world.backup();
    expect(next.addedBytes).toBeLessThan(next.bytes - 800_000);
    await world.restore('again');
  });

  it('cleans up after one that died, and lets no second one in', async () => {
    await world.addInstance(1);
    await world.backup();
    mkdirSync(join(world.dataDir, 'backup-links-00000000'));
    writeFileSync(join(world.repository, 'unfinished', '0123'), 'half an obj');
    const [one, other] = await Promise.allSettled([world.backup(), world.backup()]);
    expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect([one, other].find(({ status }) => status === 'rejected')).toMatchObject({ reason: { kind: 'in-use' } });
    expect(existsSync(join(world.dataDir, 'backup-links-00000000'))).toBe(false);
    expect(readdirSync(join(world.repository, 'unfinished'))).toEqual([]);
  });

  it('keeps a pack that is deleted while it is made', async () => {
    const pack = await world.addInstance(1, 100_000);
    const other = await world.addInstance(2, 100_000);
    await world.backup({
      onProgress: ({ step }) => {
        if (step === 'packs') for (const name of [pack, other]) rmSync(packPath(world.dataDir, name), { force: true });
      },
    });
    const { missingPacks } = await world.restore('again');
    expect(missingPacks).toBe(0);
    expect(readFileSync(packPath(join(world.folder, 'again'), pack)).equals(world.packs.get(pack)!)).toBe(true);
  });

  it('goes on past packs that were lost or damaged before, and names how many', async () => {
    await world.addInstance(1);
    rmSync(packPath(world.dataDir, await world.addInstance(2)));
    writeFileSync(packPath(world.dataDir, await world.addInstance(3)), 'rotten');
    expect(await world.backup()).toMatchObject({ packs: 2, missingPacks: 1, damagedPacks: 1 });
    expect(await world.restore('again')).toMatchObject({ packs: 2, missingPacks: 1, damagedPacks: 1 });
  });

  it('is refused within the data folder, and where no folder can be made', async () => {
    const before = world.repository;
    for (const repository of [world.dataDir, join(world.dataDir, 'copies')]) {
      world = { ...world, ...(await reopened(repository)) };
      await expect(world.backup()).rejects.toMatchObject({ kind: 'invalid-request' });
    }
    world = { ...world, ...(await reopened(before)) };
  });
});

/** The world with another place for its backups. */
async function reopened(repository: string): Promise<Pick<BackupWorld, 'repository' | 'backup'>> {
  const { backup } = await import('./backup.ts');
  const { ADMINISTRATOR } = await import('../../../test/harness/backup-world.ts');
  const deps = world.deps();
  return { repository, backup: () => backup(deps, { repository, principal: ADMINISTRATOR, signal }) };
}

describe('the upkeep of backups', () => {
  it('lists them, removes the oldest with what only they need, and leaves the others whole', async () => {
    await world.addInstance(1, 50_000);
    const first = await world.backup();
    for (let number = 0; number < 20; number++) await world.addPatient(`p-${number}`, 'x'.repeat(10_000));
    const second = await world.backup();
    expect((await listBackups(world.repository, TEST_DATA_KEYS)).map(({ snapshot }) => snapshot)).toEqual([
      first.snapshot,
      second.snapshot,
    ]);
    const pruned = await pruneBackups(world.repository, 1, TEST_DATA_KEYS, clock);
    expect(pruned.removedSnapshots).toBe(1);
    expect(pruned.removedObjects).toBeGreaterThan(0);
    expect(pruned.freedBytes).toBeGreaterThan(0);
    expect(snapshots()).toEqual([`${second.snapshot}.json`]);
    await verified();
    await world.restore('again');
    await expect(pruneBackups(world.repository, 0, TEST_DATA_KEYS, clock)).rejects.toMatchObject({
      kind: 'invalid-request',
    });
  });

  it('removes nothing while a manifest that stays is damaged', async () => {
    await world.backup();
    const second = await world.backup();
    writeFileSync(join(world.repository, 'snapshots', `${second.snapshot}.json`), '{}');
    const before = filesBelow(world.repository);
    await expect(pruneBackups(world.repository, 1, TEST_DATA_KEYS, clock)).rejects.toMatchObject({ kind: 'damaged' });
    expect(filesBelow(world.repository)).toEqual(before);
  });

  it('finds nothing where there is nothing', async () => {
    await expect(verified()).rejects.toMatchObject({ kind: 'not-found' });
    await expect(world.restore('again')).rejects.toMatchObject({ kind: 'not-found' });
    await world.backup();
    await expect(world.restore('again', { snapshot: '../../etc/passwd' })).rejects.toMatchObject({ kind: 'not-found' });
  });
});
