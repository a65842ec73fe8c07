import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { administer, showResult, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { EXPORT_USAGE, IMPORT_USAGE } from './usage.ts';

/** Writes everything that the server keeps into one enciphered file. Resolves to the exit code. */
export async function exportAll(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { out: { type: 'string' }, 'passphrase-file': { type: 'string' } },
  });
  if (values.out === undefined) throw usageError('give --out FILE', EXPORT_USAGE);
  const order = { file: resolve(values.out), ...passphraseOf(values['passphrase-file']) };
  showResult(terminal, await administer(config, terminal, 'export', order));
  return 0;
}

/** Writes an export into an empty server, and compares. Resolves to the exit code. */
export async function importAll(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'passphrase-file': { type: 'string' } },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw usageError('give one FILE', IMPORT_USAGE);
  const order = { file: resolve(file), ...passphraseOf(values['passphrase-file']) };
  showResult(terminal, await administer(config, terminal, 'import', order));
  return 0;
}

/** From a file, as what is typed on a command line is seen by everybody on the machine. */
function passphraseOf(file: string | undefined): { readonly passphrase?: string } {
  if (file === undefined) return {};
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw new NeuroInsightError('invalid-request', 'the passphrase file may be read by its owner only: chmod 600');
    }
    return { passphrase: readFileSync(file, 'utf8').trim() };
  } catch (cause) {
    if (cause instanceof NeuroInsightError) throw cause;
    throw new NeuroInsightError('invalid-request', 'the passphrase file cannot be read', { cause });
  }
}
