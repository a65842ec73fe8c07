import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_CONFIG } from '../compose.ts';
import { loadConfig } from '../config.ts';
import { writeEscrow } from '../storage/keys/escrow.ts';
import { kekIdOf } from '../storage/keys/key-ring.ts';
import { keys } from './keys.ts';
import type { Terminal } from './main.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'escrow-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KEY = createHash('sha256').update('kek').digest();
const KEK = { id: kekIdOf(KEY), key: KEY };

async function run(...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const stdout = { write: (text: string) => (out += text) } as unknown as NodeJS.WriteStream;
  const stderr = { write: () => true } as unknown as NodeJS.WriteStream;
  const terminal: Terminal = { stdout, stderr, environment: {}, signal: new AbortController().signal };
  const config = loadConfig(DEFAULT_CONFIG, { NEUROINSIGHT_DATA_DIR: join(folder, 'data') });
  return { code: await keys(args, config, terminal), out };
}

function filesOf(copies: readonly string[]): string[] {
  return copies.map((copy, number) => {
    const path = join(folder, `copy-${number}`);
    writeFileSync(path, copy);
    return path;
  });
}

describe('keys recover', () => {
  const kekFile = () => join(folder, 'kek');

  it('makes a private file of the key from a whole copy, and from enough shares', async () => {
    const [whole = ''] = filesOf(writeEscrow(KEK, undefined, randomBytes));
    expect(await run('recover', '--kek-file', kekFile(), whole)).toEqual({
      code: 0,
      out: `key-encryption key ${KEK.id}\n`,
    });
    expect(readFileSync(kekFile(), 'utf8')).toBe(`${KEY.toString('base64')}\n`);
    expect(statSync(kekFile()).mode & 0o777).toBe(0o600);
    const shares = filesOf(writeEscrow(KEK, { threshold: 2, count: 3 }, randomBytes));
    rmSync(kekFile());
    expect((await run('recover', '--kek-file', kekFile(), shares[2]!, shares[0]!)).code).toBe(0);
    expect(readFileSync(kekFile(), 'utf8')).toBe(`${KEY.toString('base64')}\n`);
  });

  it('never writes over a file, and tells what is missing', async () => {
    const [whole = ''] = filesOf(writeEscrow(KEK, undefined, randomBytes));
    writeFileSync(kekFile(), 'x');
    await expect(run('recover', '--kek-file', kekFile(), whole)).rejects.toMatchObject({ kind: 'output-exists' });
    expect(readFileSync(kekFile(), 'utf8')).toBe('x');
    const bad = [
      ['recover', whole],
      ['recover', '--kek-file', join(folder, 'new')],
      ['recover', '--kek-file', join(folder, 'new'), join(folder, 'none')],
      ['recover', '--kek-file', join(folder, 'none', 'new'), whole],
      ['escrow', '--holders', '3'],
      ['escrow', '--holders', 'three', '--needed', '2'],
    ];
    for (const args of bad) await expect(run(...args)).rejects.toMatchObject({ kind: 'invalid-request' });
    writeFileSync(whole, 'x'.repeat(20_000));
    await expect(run('recover', '--kek-file', join(folder, 'new'), whole)).rejects.toThrow('a short text');
  });
});

describe('keys escrow', () => {
  it('prints what opens the data folder again', async () => {
    const { code, out } = await run('escrow', '--holders', '3', '--needed', '2');
    expect(code).toBe(0);
    const shares = filesOf(out.split(/(?=^NeuroInsight)/m));
    expect(shares).toHaveLength(3);
    const file = join(folder, 'recovered');
    await run('recover', '--kek-file', file, shares[1]!, shares[2]!);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(join(folder, 'data.kek'), 'utf8'));
  });
});
