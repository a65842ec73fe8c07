import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TEST_DATA_KEYS } from '../../../test/harness/test-keys.ts';
import { openWitness, type Witness, type WitnessOptions } from './witness.ts';

let folder = '';
let file = '';
/** Chains of the log; the commit `n` is at n - 1. */
let log: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-witness-'));
  file = join(folder, 'witness.json');
  log = ['one', 'two'];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (given: Partial<WitnessOptions> = {}): Promise<Witness> =>
  openWitness({
    file,
    key: TEST_DATA_KEYS.rowMac,
    head: async () => ({ sequence: log.length, chain: log.at(-1) ?? '' }),
    chainAt: async (sequence) => (sequence === 0 ? '' : log[sequence - 1]),
    ...given,
  });
const said = (): unknown => JSON.parse(readFileSync(file, 'utf8'));

describe('a witness', () => {
  it('is made where there is none, for its owner alone, and follows the log when it is closed', async () => {
    const witness = await open();
    expect(said()).toMatchObject({ sequence: 2, chain: 'two' });
    expect(statSync(file).mode & 0o077).toBe(0);
    log.push('three');
    witness.touch();
    witness.touch();
    await witness.close();
    expect(said()).toMatchObject({ sequence: 3, chain: 'three' });
    await (await open()).close();
  });

  it('lets a log be longer than what it saw: the last commits before a power cut', async () => {
    await (await open()).close();
    log.push('three');
    await (await open()).close();
    expect(said()).toMatchObject({ sequence: 3 });
  });

  it.each<[string, () => void]>([
    ['ends earlier', () => log.pop()],
    ['says something else there', () => log.splice(1, 1, 'other')],
    ['was begun anew', () => log.splice(0, 2)],
    ['went another way and is longer', () => log.splice(1, 1, 'other', 'third')],
  ])('refuses a log that %s, and says what to do', async (_, change) => {
    await (await open()).close();
    change();
    await expect(open()).rejects.toMatchObject({ kind: 'damaged', message: expect.stringContaining('Restore') });
    expect(said()).toMatchObject({ sequence: 2 });
  });

  it.each<[string, string]>([
    ['another number', '{"sequence":1,"chain":"one","mac":"AAAAAAAAAAAAAAAAAAAAAA"}'],
    ['no MAC', '{"sequence":2,"chain":"two"}'],
    ['half of it', '{"sequence":2,"ch'],
    ['nothing', ''],
    ['null', 'null'],
  ])('is refused with %s in it', async (_, text) => {
    await (await open()).close();
    writeFileSync(file, text);
    await expect(open()).rejects.toMatchObject({ kind: 'damaged', message: expect.stringContaining('remove it') });
  });

  it('is refused beside a database with other keys', async () => {
    await (await open()).close();
    await expect(open({ key: new Uint8Array(32) })).rejects.toMatchObject({ kind: 'damaged' });
  });

  it('that cannot be read or written is told without its path', async () => {
    const nowhere = open({ file: join(folder, 'none', 'witness.json') });
    await expect(nowhere).rejects.toMatchObject({
      kind: 'invalid-configuration',
      message: 'the witness file cannot be used (ENOENT)',
    });
    await expect(open({ file: folder })).rejects.toMatchObject({ kind: 'invalid-configuration' });
  });

  it('tells when it cannot follow, and goes on', async () => {
    const told: unknown[] = [];
    const witness = await open({ failed: (error) => told.push(error) });
    rmSync(file);
    mkdirSync(file);
    witness.touch();
    await witness.close();
    expect(told).toHaveLength(1);
  });
});
