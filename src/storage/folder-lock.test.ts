import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { holderOf, lockFolder } from './folder-lock.ts';

const AT = '2026-01-02T03:04:05.000Z';
const HOLDER = fileURLToPath(new URL('../../test/harness/hold-folder.ts', import.meta.url));
let folder: string;
let other: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroinsight-lock-'));
});
afterEach(() => {
  other?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function heldByAnother(): Promise<ChildProcess> {
  other = spawn(process.execPath, ['--no-warnings', HOLDER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout!, 'data');
  return other;
}

describe('the lock of a data folder', () => {
  it('refuses a second taker by name, in this process and from another, until it is released', async () => {
    const lock = lockFolder(folder, 'server', AT);
    expect(() => lockFolder(folder, 'backup', AT)).toThrow(`in use by process ${process.pid} (server), since ${AT}`);
    lock.release();
    lock.release();
    expect(readdirSync(folder)).toEqual(['lock']);
    const { pid } = await heldByAnother();
    expect(() => lockFolder(folder, 'backup', AT)).toThrow(`in use by process ${pid} (server), since ${AT}`);
  });

  it('ends with the process, however that ends, and leaves nothing that is in the way', async () => {
    const child = await heldByAnother();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = lockFolder(folder, 'server', AT);
    expect(holderOf(folder)).toEqual({ pid: process.pid, purpose: 'server', startedAt: AT });
    lock.release();
    expect(holderOf(folder)).toBeUndefined();
  });

  it('makes folder and files for their owner alone', () => {
    const inner = join(folder, 'new', 'data');
    const lock = lockFolder(inner, 'server', AT);
    expect([inner, join(inner, 'lock'), join(inner, 'lock.json')].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o600, 0o600,
    ]);
    lock.release();
  });

  it('names nobody when the companion says nothing that can be read', async () => {
    await heldByAnother();
    writeFileSync(join(folder, 'lock.json'), '{"pid":"x"');
    expect(() => lockFolder(folder, 'server', AT)).toThrow('in use by another process');
    writeFileSync(join(folder, 'lock.json'), '{"pid":"x"}');
    expect(holderOf(folder)).toBeUndefined();
  });

  it('says what cannot be written, without a path', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const refused = 'the data folder cannot be made or written (ENOTDIR)';
    expect(() => lockFolder(join(file, 'data'), 'server', AT)).toThrow(refused);
  });
});
