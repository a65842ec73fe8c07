import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { kekProviderOf } from './kek-provider-of.ts';
import { commandKek } from './local-keks.ts';
import { readSecretFile } from './secret-text.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KEY = randomBytes(32);
const TEXT = KEY.toString('base64');
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

function fileWith(text: string, mode = 0o600, name = 'kek'): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

const deps = { environment: {} as NodeJS.ProcessEnv, now: () => new Date() };
const ofFile = (path: string) => kekProviderOf({ kind: 'file', path, setting: 'keys.kekFile' }, deps).open(undefined);

describe('a KEK in a file', () => {
  it('is the base64 of 32 bytes in a private file, with a line end or without', async () => {
    for (const text of [TEXT, `${TEXT}\n`, ` ${TEXT}\r\n`]) {
      expect(Buffer.from((await ofFile(fileWith(text))).key)).toEqual(KEY);
    }
    expect((await ofFile(fileWith(TEXT, 0o400))).stored).toBeUndefined();
  });

  it.each([0o640, 0o604, 0o660, 0o602, 0o601, 0o777])(
    'is refused with mode %o, by the name of the setting',
    async (mode) => {
      const refused = { kind: 'invalid-configuration', message: expect.stringMatching(/^keys\.kekFile .*chmod 600/) };
      await expect(ofFile(fileWith(TEXT, mode))).rejects.toMatchObject(refused);
    },
  );

  it('is judged by where a link leads', async () => {
    const link = join(folder, 'link');
    symlinkSync(fileWith(TEXT, 0o644), link);
    await expect(ofFile(link)).rejects.toMatchObject({ kind: 'invalid-configuration' });
    chmodSync(join(folder, 'kek'), 0o600);
    expect(Buffer.from((await ofFile(link)).key)).toEqual(KEY);
  });

  it('is refused when it is missing, a folder, a device, or too long; no path is told', async () => {
    mkdirSync(join(folder, 'folder'), { mode: 0o700 });
    for (const path of [join(folder, 'none'), join(folder, 'folder'), '/dev/null', fileWith('A'.repeat(20_000))]) {
      const error = await ofFile(path).catch((cause: Error) => cause);
      expect(error).toMatchObject({ kind: 'invalid-configuration' });
      expect(String(error)).not.toContain(path);
    }
  });

  it('is refused when it belongs to somebody else', () => {
    const own = process.getuid!;
    const path = fileWith(TEXT);
    process.getuid = () => own() + 1;
    try {
      expect(() => readSecretFile(path, 'keys.kekFile')).toThrow('keys.kekFile names a file of another user');
    } finally {
      process.getuid = own;
    }
  });

  it.each([
    ['nothing', ''],
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['hexadecimal digits', KEY.toString('hex')],
    ['base64 without its padding', TEXT.replace('=', '')],
    ['base64 with something after it', `${TEXT} x`],
  ])('is refused when it is %s', async (_, text) => {
    await expect(ofFile(fileWith(text))).rejects.toThrow('base64 of exactly 32 bytes');
  });

  it.each([
    ['zeros', Buffer.alloc(32).toString('base64')],
    ['one byte again and again', Buffer.alloc(32, 0xa7).toString('base64')],
    ['a word again and again', base64('changeme'.repeat(4))],
    ['text', base64('The quick brown fox jumps over.!')],
    ['digits', base64('0123456789abcdef'.repeat(2))],
    ['counted up', Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')],
    [
      'counted down in steps',
      Buffer.from(Array.from({ length: 32 }, (_, index) => 250 - index * 3)).toString('base64'),
    ],
  ])('is refused as a placeholder when it is %s', async (_, text) => {
    await expect(ofFile(fileWith(text))).rejects.toThrow('placeholder');
  });

  it('takes any random key', async () => {
    for (let number = 0; number < 200; number++) {
      const key = createHash('sha256').update(`key ${number}`).digest();
      expect(Buffer.from((await ofFile(fileWith(key.toString('base64')))).key)).toEqual(key);
    }
  });
});

describe('a KEK in a variable', () => {
  it('leaves the environment at once, and can be opened again', async () => {
    const environment: NodeJS.ProcessEnv = { NEUROINSIGHT_KEK: TEXT, OTHER: 'x' };
    const settings = { kind: 'environment', variable: 'NEUROINSIGHT_KEK', setting: 'keys.kekEnvironment' } as const;
    const provider = kekProviderOf(settings, { ...deps, environment });
    expect(environment).toEqual({ OTHER: 'x' });
    for (let time = 0; time < 2; time++) expect(Buffer.from((await provider.open(undefined)).key)).toEqual(KEY);
    const again = kekProviderOf(settings, { ...deps, environment });
    await expect(again.open(undefined)).rejects.toThrow('keys.kekEnvironment names a variable that is not set');
  });
});

describe('a KEK that a program prints', () => {
  const kekOf = (argv: readonly string[], limit?: number) => commandKek(argv, 'keys.kekCommand', limit).open(undefined);
  const script = (text: string) => [process.execPath, '-e', text];

  it('is taken from its output, with arguments that no shell sees', async () => {
    const opened = await kekOf([...script('console.log(process.argv[1])'), TEXT]);
    expect(Buffer.from(opened.key)).toEqual(KEY);
    await expect(kekOf(['/bin/echo', `$(printf ${TEXT})`])).rejects.toThrow('base64');
    const settings = { kind: 'command', argv: ['/bin/echo', TEXT], setting: 'keys.kekCommand' } as const;
    expect(Buffer.from((await kekProviderOf(settings, deps).open(undefined)).key)).toEqual(KEY);
  });

  it.each([
    ['that is not there', ['/no/such/program'], 'cannot be run (ENOENT)'],
    ['that fails, whatever it printed', script(`console.log('${TEXT}'); process.exit(3)`), 'ended with 3'],
    ['that is killed', script('process.kill(process.pid, "SIGKILL")'), 'ended with SIGKILL'],
    ['that prints too much', script('process.stdout.write("x".repeat(1e6))'), 'prints too much'],
    ['without a name', [], 'names no program'],
  ])('refuses a program %s', async (_, argv, message) => {
    const refused = { kind: 'invalid-configuration', message: expect.stringContaining(message) };
    await expect(kekOf(argv)).rejects.toMatchObject(refused);
  });

  it('ends a program that does not end, with what it started', async () => {
    const mark = join(folder, 'mark');
    const child = `sleep 60 & echo $! > ${mark}; chmod 600 ${mark}; wait`;
    await expect(kekOf(['/bin/sh', '-c', child], 1000)).rejects.toThrow('did not end within 1000 ms');
    const pid = Number(readSecretFile(mark, 'mark'));
    expect(pid).toBeGreaterThan(1);
    // A process that has ended and waits to be collected still has its number, and no command line.
    while (commandLineOf(pid).includes('sleep')) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
