import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dateOfEarlierRun, writeResultFolder } from './result-folder.ts';

const file = (name: string, text: string) => ({ name, bytes: Buffer.from(text) });

describe('a result folder', () => {
  let parent = '';
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'neuroinsight-result-'));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('holds every file, folders included, and leaves nothing beside it', async () => {
    const out = join(parent, 'deep', 'out');
    await writeResultFolder(out, [file('measurements.json', '{}'), file('overlay/01.dcm', 'x')]);
    expect(await readFile(join(out, 'overlay/01.dcm'), 'utf8')).toBe('x');
    expect(await readdir(join(parent, 'deep'))).toEqual(['out']);
  });

  it('keeps files that are not ours and replaces those that are', async () => {
    await writeFile(join(parent, 'notes.txt'), 'mine');
    await writeResultFolder(parent, [file('measurements.json', 'old')]);
    await writeResultFolder(parent, [file('measurements.json', 'new')]);
    expect(await readFile(join(parent, 'notes.txt'), 'utf8')).toBe('mine');
    expect(await readFile(join(parent, 'measurements.json'), 'utf8')).toBe('new');
  });

  it('refuses an output path that is a file', async () => {
    await writeFile(join(parent, 'out'), '');
    await expect(writeResultFolder(join(parent, 'out'), [])).rejects.toMatchObject({ kind: 'output-exists' });
  });

  it('gives the date of an earlier equal run and of no other', async () => {
    await writeFile(
      join(parent, 'measurements.json'),
      JSON.stringify({ runKey: 'k', createdAt: '2026-01-02T03:04:05.000Z' }),
    );
    expect(await dateOfEarlierRun(parent, 'k')).toBe('2026-01-02T03:04:05.000Z');
    expect(await dateOfEarlierRun(parent, 'other')).toBeUndefined();
    await writeFile(join(parent, 'measurements.json'), 'null');
    expect(await dateOfEarlierRun(parent, 'k')).toBeUndefined();
    expect(await dateOfEarlierRun(join(parent, 'none'), 'k')).toBeUndefined();
  });
});
