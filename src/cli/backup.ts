import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runRestore } from '../admin/run-restore.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { administer, showResult, stepPrinter, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { BACKUP_USAGE, RESTORE_USAGE } from './usage.ts';

/** Makes, lists, checks and removes backups. Resolves to the exit code. */
export async function backup(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { to: { type: 'string' }, snapshot: { type: 'string' }, keep: { type: 'string' } },
  });
  const [action = 'make', ...more] = positionals;
  if (!['make', 'list', 'verify', 'prune'].includes(action) || more.length > 0) {
    throw usageError('give list, verify, prune or nothing', BACKUP_USAGE);
  }
  // The server has a working folder of its own.
  const repository = values.to === undefined ? {} : { repository: resolve(values.to) };
  const snapshot = values.snapshot === undefined || action !== 'verify' ? {} : { snapshot: values.snapshot };
  const keep = values.keep === undefined || action !== 'prune' ? {} : { keep: Number(values.keep) };
  showResult(terminal, await administer(config, terminal, `backup/${action}`, { ...repository, ...snapshot, ...keep }));
  return 0;
}

/** Builds the data folder, which must be empty, from a backup. Resolves to the exit code. */
export async function restore(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { from: { type: 'string' }, snapshot: { type: 'string' }, erasures: { type: 'string' } },
  });
  const { from, snapshot, erasures } = values;
  if (from === undefined) throw usageError('give --from DIR', RESTORE_USAGE);
  const report = await runRestore(config, {
    repository: resolve(from),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(erasures === undefined ? {} : { erasures: readErasures(erasures) }),
    onProgress: stepPrinter(terminal),
  });
  showResult(terminal, report);
  return 0;
}

function readErasures(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new NeuroInsightError('invalid-request', 'the list of erasures cannot be read', { cause });
  }
}
