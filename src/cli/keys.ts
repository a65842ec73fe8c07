import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { administer, showResult, usageError } from './administer.ts';
import { escrow, recover } from './escrow.ts';
import type { Terminal } from './main.ts';
import { KEYS_USAGE } from './usage.ts';

/** Says which key-encryption key the data lies under, or puts another in its place. Resolves to the exit code. */
export async function keys(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  if (args[0] === 'escrow') return escrow(args.slice(1), config, terminal);
  if (args[0] === 'recover') return recover(args.slice(1), terminal);
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'new-kek-file': { type: 'string' } },
  });
  const [action, ...more] = positionals;
  const file = values['new-kek-file'];
  if (more.length > 0) throw usageError('too much is given', KEYS_USAGE);
  if (action === 'status' && file === undefined) {
    showResult(terminal, await administer(config, terminal, 'keys/status', {}));
    return 0;
  }
  if (action !== 'rotate') throw usageError('give status, rotate, escrow or recover', KEYS_USAGE);
  // Where the server looks, which has another working folder.
  const given = file === undefined ? {} : { newKekFile: resolve(file) };
  if (file !== undefined) {
    terminal.stderr.write('name the new key in the settings, and the old one as the previous, before the next start\n');
  }
  const rotated = await administer(config, terminal, 'keys/rotate', given);
  showResult(terminal, rotated);
  return (rotated as { readonly state?: string }).state === 'done' ? 0 : 2;
}
