import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { readEscrow } from '../storage/keys/escrow.ts';
import { administer, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { KEYS_USAGE } from './usage.ts';

/** Prints the key-encryption key for the safe, whole or a share for each holder. Resolves to the exit code. */
export async function escrow(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { holders: { type: 'string' }, needed: { type: 'string' } },
  });
  const { holders, needed } = values;
  if ((holders === undefined) !== (needed === undefined))
    throw usageError('give both --holders and --needed', KEYS_USAGE);
  const split = holders === undefined ? {} : { split: { threshold: numberOf(needed), count: numberOf(holders) } };
  const { copies } = (await administer(config, terminal, 'keys/escrow', split)) as {
    readonly copies: readonly string[];
  };
  terminal.stderr.write('whoever has what follows can open the data: print it, lock it away, keep no file of it\n');
  terminal.stdout.write(copies.join('\n'));
  return 0;
}

function numberOf(text: string | undefined): number {
  if (text !== undefined && /^\d{1,3}$/.test(text)) return Number(text);
  throw usageError('--holders and --needed are whole numbers', KEYS_USAGE);
}

const LONGEST_COPY = 10_000;

/** Makes a file of the key-encryption key from escrow copies that were typed into files. Resolves to the exit code. */
export async function recover(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'kek-file': { type: 'string' } },
  });
  const file = values['kek-file'];
  if (file === undefined || positionals.length === 0) throw usageError('give --kek-file and the copies', KEYS_USAGE);
  const { id, key } = readEscrow(positionals.map(copyOf));
  const text = `${Buffer.from(key).toString('base64')}\n`;
  explained('the file of the key', () => writeFileSync(file, text, { mode: 0o600, flag: 'wx', flush: true }));
  terminal.stdout.write(`key-encryption key ${id}\n`);
  return 0;
}

function copyOf(path: string): string {
  const text = explained('an escrow copy', () => readFileSync(path, 'utf8'));
  if (text.length > LONGEST_COPY) throw new NeuroInsightError('invalid-request', 'an escrow copy is a short text');
  return text;
}

function explained<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new NeuroInsightError('output-exists', `${what} is there already`);
    throw new NeuroInsightError('invalid-request', `${what} cannot be read or written (${code})`, { cause });
  }
}
