import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type BackupWorld, filesBelow, openBackupWorld } from '../../../test/harness/backup-world.ts';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { type BackupContents, type BackupManifest, writeManifest } from './manifest.ts';
import { createSigner } from './signature.ts';

let world: BackupWorld;
beforeEach(async () => {
  world = await openBackupWorld();
  await world.addInstance(1, 1_200_000);
  await world.addInstance(2, 1_000);
  await world.addPatient('a');
});
afterEach(() => world.close());

/** Nothing was made where something was refused. */
async function refused(kind: string, given: Parameters<BackupWorld['restore']>[1] = {}): Promise<string> {
  const error = await world.restore('refused', given).then(
    () => undefined,
    (cause: unknown) => cause as NeuroInsightError,
  );
  expect(error).toMatchObject({ kind });
  expect(readdirSync(world.folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  return String(error?.message);
}

const inRepository = (...path: string[]): string => join(world.repository, ...path);
const objectPaths = (): string[] => filesBelow(inRepository('objects')).map((name) => inRepository('objects', name));

describe('restoring', () => {
  it('refuses every object that is missing, cut, longer, flipped or another, by name', async () => {
    await world.backup();
    const paths = objectPaths();
    expect(paths.length).toBeGreaterThanOrEqual(5);
    for (const [index, path] of paths.entries()) {
      const bytes = readFileSync(path);
      const flipped = Buffer.from(bytes);
      flipped[Math.floor(bytes.length / 2)]! ^= 1;
      const others = readFileSync(paths[(index + 1) % paths.length]!);
      for (const wrong of [undefined, bytes.subarray(0, -1), Buffer.concat([bytes, bytes]), flipped, others]) {
        rmSync(path, { force: true });
        if (wrong) writeFileSync(path, wrong);
        expect(await refused('damaged')).toContain(path.slice(-64, -52));
      }
      writeFileSync(path, bytes);
    }
    await world.restore('again');
  });

  it('refuses a manifest that was edited, cut, signed by somebody else or given another name', async () => {
    const first = await world.backup();
    await world.addPatient('b');
    const second = await world.backup();
    const path = inRepository('snapshots', `${second.snapshot}.json`);
    const text = readFileSync(path, 'utf8');
    const [line = '', signature = ''] = text.split('\n');
    const manifest = JSON.parse(line) as BackupManifest;
    const forger = createSigner(createHash('sha256').update('somebody else').digest());
    const wrong = [
      '',
      line,
      `${line}\n`,
      text.slice(0, -3),
      `${text}\n`,
      `${JSON.stringify({ ...manifest, erasures: 0, at: '2020-01-01T00:00:00.000Z' })}\n${signature}\n`,
      `${JSON.stringify({ ...manifest, contents: { ...manifest.contents, bytes: -1 } })}\n${signature}\n`,
      `{"format":"neuroinsight-backup-2"}\n${signature}\n`,
      writeManifest(manifest, forger),
      readFileSync(inRepository('snapshots', `${first.snapshot}.json`), 'utf8'),
    ];
    for (const forged of wrong) {
      writeFileSync(path, forged);
      await refused('damaged');
    }
    writeFileSync(path, text);
    await world.restore('again');
  });

  it('refuses a list that was signed and names files outside of the folder, or another database', async () => {
    const { snapshot } = await world.backup();
    const path = inRepository('snapshots', `${snapshot}.json`);
    const manifest = JSON.parse(readFileSync(path, 'utf8').split('\n')[0]!) as BackupManifest;
    const objectAt = (sha256: string): string => inRepository('objects', sha256.slice(0, 2), sha256);
    const contents = JSON.parse(readFileSync(objectAt(manifest.contents.sha256), 'utf8')) as BackupContents;
    const sign = (changed: unknown, log = manifest.log): void => {
      const bytes = Buffer.from(JSON.stringify(changed));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      mkdirSync(inRepository('objects', sha256.slice(0, 2)), { recursive: true });
      writeFileSync(objectAt(sha256), bytes);
      const signed = { ...manifest, log, contents: { sha256, bytes: bytes.length } };
      writeFileSync(path, writeManifest(signed, createSigner(TEST_DATA_KEYS.signingSeed)));
    };
    const [keysFile, ...packs] = contents.files;
    sign({ ...contents, files: [keysFile, { ...packs[0]!, path: '../outside' }] });
    await refused('damaged');
    sign({ ...contents, files: 'none' });
    await refused('damaged');
    const { database } = contents;
    sign({ ...contents, database: { ...database, blocks: database.blocks.toReversed() } });
    await refused('damaged');
    sign({ ...contents, files: [keysFile, packs[0]!] });
    expect(await refused('damaged')).toContain('pack');
    sign(contents, { ...manifest.log, sequence: manifest.log.sequence + 1 });
    expect(await refused('damaged')).toContain('log');
    sign(contents);
    await world.restore('again');
  });

  it('goes into an empty folder or none, never over something', async () => {
    await world.backup();
    mkdirSync(join(world.folder, 'full'));
    writeFileSync(join(world.folder, 'full', 'file'), 'x');
    await expect(world.restore('full')).rejects.toMatchObject({ kind: 'output-exists' });
    expect(filesBelow(join(world.folder, 'full'))).toEqual(['file']);
    mkdirSync(join(world.folder, 'empty'));
    await world.restore('empty');
    expect(existsSync(join(world.folder, 'empty', 'neuroinsight.sqlite'))).toBe(true);
    await world.restore(join('deep', 'below'));
    expect(existsSync(join(world.folder, 'deep', 'below', 'keys.json'))).toBe(true);
  });

  it('changes nothing in the repository, and is written down in what it restored', async () => {
    await world.backup();
    const before = filesBelow(world.repository);
    const moved = join(world.folder, 'moved');
    renameSync(world.repository, moved);
    await world.restore('again', { repository: moved });
    expect(filesBelow(moved)).toEqual(before);
    const store = await world.openRestored('again');
    const { rows } = await store.audit.search('main', { count: 10, offset: 0 });
    expect(rows.map(({ interaction }) => interaction)).toContain('admin/restore');
    await store.close();
  });

  it('serves nothing when the check of the rows or the keys refuse', async () => {
    await world.backup();
    const damaged = async () => {
      throw new NeuroInsightError('damaged', 'a row is not what was written');
    };
    await refused('damaged', { deps: { verifyStore: damaged } });
    const wrongKey = async () => {
      throw new NeuroInsightError('wrong-key', 'the key-encryption key is not at hand');
    };
    await refused('wrong-key', { deps: { openKeys: wrongKey } });
  });
});

describe('the erasure list of a backup', () => {
  const listOf = (count: number): Uint8Array => Buffer.from(JSON.stringify(Array.from({ length: count })));
  const replayed: number[] = [];
  const countOf = (list: Uint8Array): number => {
    if (list[0] !== '['.charCodeAt(0)) throw new NeuroInsightError('damaged', 'the erasure list was changed');
    return (JSON.parse(Buffer.from(list).toString()) as unknown[]).length;
  };
  const erasures = {
    count: countOf,
    replay: async (list: Uint8Array) => {
      replayed.push(countOf(list));
      return countOf(list);
    },
  };
  const backUp = (count: number) => world.backup({ deps: { erasures: async () => ({ bytes: listOf(count), count }) } });

  it('is carried out in what is restored, with a newer one that was kept apart', async () => {
    const { snapshot } = await backUp(1);
    await backUp(2);
    expect(await world.restore('again', { snapshot, deps: { erasures } })).toMatchObject({ erased: 2 });
    replayed.length = 0;
    await world.restore('newer', { snapshot, erasures: listOf(3), deps: { erasures } });
    expect(replayed).toEqual([2, 3]);
  });

  it('may not be missing, older than the snapshot, or changed', async () => {
    await backUp(2);
    await refused('damaged');
    writeFileSync(inRepository('erasures.json'), listOf(1));
    await refused('damaged', { deps: { erasures } });
    await refused('damaged', { erasures: Buffer.from('changed'), deps: { erasures } });
    await world.restore('again', { erasures: listOf(2), deps: { erasures } });
    rmSync(inRepository('erasures.json'));
    await refused('damaged', { deps: { erasures } });
  });
});
