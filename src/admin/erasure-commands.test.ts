import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { instanceRow, patientVersion } from '../../test/contract/store-rows.ts';
import { DEFAULT_CONFIG } from '../compose.ts';
import { type Foundation, openFoundation } from '../compose-foundation.ts';
import { type Config, loadConfig } from '../config.ts';
import type { BlobLocation, StudyKeyRow } from '../ports/index.ts';
import { lockFolder } from '../storage/folder-lock.ts';
import { createExecutor } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runRestore } from './run-restore.ts';

const SITE = 'main';
const ERIKA = '1.2.840.1';
const OTHER = '1.2.840.2';
const FRAME = Buffer.alloc(40_000, 'pixels of a patient');

let folder: string;
let config: Config;
let foundation: Foundation;

const configOf = (dataDir: string): Config =>
  loadConfig(DEFAULT_CONFIG, {
    NEUROINSIGHT_DATA_DIR: join(folder, dataDir),
    NEUROINSIGHT_KEK_FILE: join(folder, 'kek'),
    NEUROINSIGHT_BACKUP_REPOSITORY: join(folder, 'repository'),
    NEUROINSIGHT_LOG_LEVEL: 'silent',
    NEUROINSIGHT_MINIMUM_FREE_MIB: '0',
  });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-erase-'));
  writeFileSync(join(folder, 'kek'), randomBytes(32).toString('base64'), { mode: 0o600 });
  config = configOf('data');
  foundation = await openFoundation(config, { purpose: 'test' });
});
afterEach(async () => {
  await foundation.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An instance whose bytes lie in a sealed pack, as storing leaves it. */
async function store(study: string, patientId: string): Promise<BlobLocation> {
  const writer = await foundation.packFiles.openPack(SITE, study);
  const blob = await writer.append(FRAME);
  const { row: pack, studyKey } = await writer.seal();
  const row = instanceRow({ study, series: `${study}.1`, uid: `${study}.1.1` }, { blob, metadata: blob });
  const attributes = {
    ...row.attributes,
    study: { ...row.attributes.study, '00100020': { vr: 'LO', Value: [patientId] } },
  };
  await foundation.store.ledger.commit({
    site: SITE,
    instances: [{ ...row, attributes }],
    packs: [pack],
    ...(studyKey && { studyKeys: [studyKey] }),
    resources: [{ expected: 0, row: patientVersion(`p-${patientId}`, 1, patientId) }],
  });
  return blob;
}

const run = (command: string, args: object): Promise<unknown> =>
  Promise.resolve(createExecutor(foundation, COMMANDS)(command, args, () => undefined, new AbortController().signal));
const erase = (of: object): Promise<unknown> => run('erase', { of, reason: 'asked to be forgotten' });
const packFile = ({ pack }: BlobLocation): string => join(folder, 'data', 'blobs', pack.slice(0, 2), `${pack}.pack`);

/** What a table of the database holds now. */
async function rowsOf(sql: string) {
  const snapshot = await foundation.store.checkpoint.snapshot();
  const rows = await snapshot.rows(sql);
  await snapshot.release();
  return rows;
}

describe('the command erase', () => {
  it('leaves neither key nor bytes of the patient, and everything of others; with the key alone they would be back', async () => {
    const [blob, others] = [await store(ERIKA, 'PID-1'), await store(OTHER, 'PID-2')];
    expect(FRAME.equals(await foundation.packFiles.read(blob))).toBe(true);
    const kept = join(folder, 'kept.pack');
    copyFileSync(packFile(blob), kept);
    const packRow = (await foundation.store.packs.get(blob.pack))!.row;
    const key = (await foundation.store.packs.studyKey(SITE, ERIKA)) as StudyKeyRow;
    expect(await erase({ patientId: 'PID-1' })).toMatchObject({
      counts: { studies: 1, instances: 1 },
      logFolded: true,
      listPublished: true,
    });
    await expect(foundation.packFiles.read(blob)).rejects.toMatchObject({ kind: 'not-found' });
    expect(existsSync(packFile(blob))).toBe(false);
    expect(statSync(join(folder, 'data', 'neuroinsight.sqlite-wal')).size).toBe(0);
    expect(await rowsOf('SELECT study FROM study_keys')).toEqual([{ study: OTHER }]);
    expect(await rowsOf('SELECT study FROM packs')).toEqual([{ study: OTHER }]);
    expect(FRAME.equals(await foundation.packFiles.read(others))).toBe(true);
    // A thief of the disk has the pack, and its row; it stays closed.
    copyFileSync(kept, packFile(blob));
    await expect(foundation.store.ledger.commit({ site: SITE, packs: [packRow] })).rejects.toMatchObject({
      kind: 'conflict',
    });
    await expect(foundation.packFiles.read(blob)).rejects.toMatchObject({ kind: 'not-found' });
    await foundation.store.ledger.commit({ site: SITE, studyKeys: [key], packs: [packRow] });
    expect(FRAME.equals(await foundation.packFiles.read(blob))).toBe(true);
  });

  it('is refused under a hold and for arguments that name nobody or two', async () => {
    const blob = await store(ERIKA, 'PID-1');
    await run('hold/place', { on: { kind: 'patient', patientId: 'PID-1' }, reason: 'a case' });
    await expect(erase({ patientId: 'PID-1' })).rejects.toMatchObject({ kind: 'on-hold' });
    for (const whom of [{}, { patientId: '' }, { issuer: 'H' }, { patientId: 'PID-1', patient: 'Patient/1' }]) {
      await expect(erase(whom)).rejects.toMatchObject({ kind: 'invalid-request' });
    }
    expect(FRAME.equals(await foundation.packFiles.read(blob))).toBe(true);
  });

  it('holds in what is restored from an older backup, by the list beside it or one that was kept apart', async () => {
    const [blob, others] = [await store(ERIKA, 'PID-1'), await store(OTHER, 'PID-2')];
    const before = (await run('backup/make', {})) as { snapshot: string };
    await erase({ patientId: 'PID-1' });
    const { list } = (await run('erasures/export', {})) as { list: string };
    const published = join(folder, 'repository', 'erasures.json');
    expect(readFileSync(published, 'utf8')).toBe(list);
    const after = (await run('backup/make', {})) as { snapshot: string };
    await foundation.close();
    const repository = join(folder, 'repository');
    const ways = [
      { to: 'beside', given: {} },
      { to: 'apart', given: { erasures: Buffer.from(list) } },
    ];
    for (const { to, given } of ways) {
      if (to === 'apart') rmSync(published);
      const report = await runRestore(configOf(to), { repository, snapshot: before.snapshot, ...given });
      expect(report).toMatchObject({ erased: 1 });
      foundation = await openFoundation(configOf(to), { purpose: 'test' });
      await expect(foundation.packFiles.read(blob)).rejects.toMatchObject({ kind: 'not-found' });
      expect(readdirSync(join(folder, to, 'blobs'), { recursive: true }).join()).not.toContain(blob.pack);
      expect(await rowsOf('SELECT study FROM study_keys')).toEqual([{ study: OTHER }]);
      expect(FRAME.equals(await foundation.packFiles.read(others))).toBe(true);
      expect(await run('erasures/export', {})).toEqual({ list, erasures: 1 });
      await foundation.close();
    }
    const restoreAfter = (to: string, given: object = {}) =>
      runRestore(configOf(to), { repository, snapshot: after.snapshot, ...given });
    await expect(restoreAfter('missing')).rejects.toMatchObject({ kind: 'damaged' });
    const forged = Buffer.from(list.replace('"count":1', '"count":2'));
    await expect(restoreAfter('forged', { erasures: forged })).rejects.toMatchObject({ kind: 'damaged' });
    expect(await restoreAfter('whole', { erasures: Buffer.from(list) })).toMatchObject({ erased: 0 });
    foundation = await openFoundation(configOf('whole'), { purpose: 'test' });
  });

  it('leaves the list to a backup that is being made', async () => {
    await store(ERIKA, 'PID-1');
    await run('backup/make', {});
    const lock = lockFolder(join(folder, 'repository'), 'backup', '2026-11-24T10:00:00.000Z');
    const release = setTimeout(lock.release, 300);
    expect(await erase({ patientId: 'PID-1' })).toMatchObject({ listPublished: true });
    clearTimeout(release);
  });
});
