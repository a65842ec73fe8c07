import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { administer, showResult, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { ERASE_USAGE, ERASURES_USAGE } from './usage.ts';

/** Erases a patient for good. Resolves to the exit code: 2 when something is left to be done again. */
export async function erase(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'patient-id': { type: 'string' },
      issuer: { type: 'string' },
      patient: { type: 'string' },
      reason: { type: 'string' },
      confirm: { type: 'boolean', default: false },
      site: { type: 'string', default: 'main' },
    },
  });
  const { 'patient-id': patientId, issuer, patient, reason, confirm, site } = values;
  const isOne = (patientId === undefined) !== (patient === undefined);
  if (!isOne || (issuer !== undefined && patientId === undefined)) {
    throw usageError('give --patient-id, with --issuer or without, or --patient', ERASE_USAGE);
  }
  if (reason === undefined) throw usageError('give --reason', ERASE_USAGE);
  if (!confirm) throw usageError('it cannot be undone: give --confirm', ERASE_USAGE);
  const of = patient === undefined ? { patientId, ...(issuer === undefined ? {} : { issuer }) } : { patient };
  const result = await administer(config, terminal, 'erase', { site, of, reason });
  showResult(terminal, result);
  const { logFolded, listPublished } = result as { readonly logFolded: boolean; readonly listPublished: boolean };
  if (!logFolded)
    terminal.stderr.write(
      'deleted pages are still in the log of the database: give the command again, which then finds nothing\n',
    );
  if (!listPublished && config.backup.repository !== null) {
    terminal.stderr.write('the list of erasures is not in the repository yet: make a backup\n');
  }
  return logFolded ? 0 : 2;
}

/** Writes the signed list of erasures into a file, to be kept apart from the backups. Resolves to the exit code. */
export async function erasures(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  const [action, file, ...more] = positionals;
  if (action !== 'export' || file === undefined || more.length > 0)
    throw usageError('give export FILE', ERASURES_USAGE);
  const result = await administer(config, terminal, 'erasures/export', {});
  const { list, erasures: count } = result as { readonly list: string; readonly erasures: number };
  try {
    writeFileSync(file, list, { mode: 0o600, flush: true });
  } catch (cause) {
    throw new NeuroInsightError('invalid-request', 'the list of erasures cannot be written there', { cause });
  }
  showResult(terminal, { erasures: count });
  return 0;
}
