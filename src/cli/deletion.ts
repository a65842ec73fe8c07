import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { administer, showResult, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { DELETE_STUDY_USAGE, HOLD_USAGE, PROOFS_USAGE } from './usage.ts';

/** What a hold is on, from the options; exactly one thing must be named. */
function heldThing(values: {
  readonly study?: string | undefined;
  readonly 'patient-id'?: string | undefined;
  readonly issuer?: string | undefined;
  readonly resource?: string | undefined;
}): object {
  const { study, 'patient-id': patientId, issuer, resource } = values;
  if ([study, patientId, resource].filter((given) => given !== undefined).length !== 1) {
    throw usageError('give one of --study, --patient-id and --resource', HOLD_USAGE);
  }
  if (study !== undefined) return { kind: 'study', studyInstanceUid: study };
  if (resource !== undefined) return { kind: 'resource', reference: resource };
  return { kind: 'patient', patientId, ...(issuer === undefined ? {} : { issuer }) };
}

/** Places, releases and lists legal holds. Resolves to the exit code. */
export async function hold(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      study: { type: 'string' },
      'patient-id': { type: 'string' },
      issuer: { type: 'string' },
      resource: { type: 'string' },
      reason: { type: 'string' },
      site: { type: 'string', default: 'main' },
    },
  });
  const [action, id, ...more] = positionals;
  const { site, reason } = values;
  if (more.length > 0 || (id !== undefined && action !== 'release')) throw usageError('too much is given', HOLD_USAGE);
  if (action === 'list') {
    showResult(terminal, await administer(config, terminal, 'hold/list', { site }));
    return 0;
  }
  if (reason === undefined) throw usageError('give list, or --reason', HOLD_USAGE);
  if (action === 'place') {
    const placed = await administer(config, terminal, 'hold/place', { site, on: heldThing(values), reason });
    showResult(terminal, placed);
    return 0;
  }
  if (action !== 'release' || id === undefined) throw usageError('give place, list or release ID', HOLD_USAGE);
  showResult(terminal, await administer(config, terminal, 'hold/release', { site, id, reason }));
  return 0;
}

/** Deletes a study with all that was made of it. Resolves to the exit code. */
export async function deleteStudy(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      reason: { type: 'string' },
      confirm: { type: 'boolean', default: false },
      site: { type: 'string', default: 'main' },
    },
  });
  const [studyInstanceUid, ...more] = positionals;
  const { site, reason, confirm } = values;
  if (studyInstanceUid === undefined || more.length > 0) throw usageError('give one UID', DELETE_STUDY_USAGE);
  if (reason === undefined) throw usageError('give --reason', DELETE_STUDY_USAGE);
  if (!confirm) throw usageError('it cannot be undone: give --confirm', DELETE_STUDY_USAGE);
  await administer(config, terminal, 'delete-study', { site, studyInstanceUid, reason });
  terminal.stdout.write(`deleted ${studyInstanceUid}\n`);
  return 0;
}

/** Deletes what has been kept its time; `--dry-run` says what that would be. Resolves to the exit code. */
export async function retention(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { 'dry-run': { type: 'boolean', default: false } } });
  showResult(terminal, await administer(config, terminal, 'retention', { dryRun: values['dry-run'] }));
  return 0;
}

/** Lists the proofs of deletion, or checks their signatures: exit code 2 when one is not good. */
export async function proofs(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { site: { type: 'string', default: 'main' } },
  });
  const [action, ...more] = positionals;
  if ((action !== 'list' && action !== 'check') || more.length > 0)
    throw usageError('give list or check', PROOFS_USAGE);
  const result = await administer(config, terminal, `proofs/${action}`, { site: values.site });
  showResult(terminal, result);
  return (result as { readonly damaged?: number }).damaged ? 2 : 0;
}
