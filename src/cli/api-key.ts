import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { administer, usageError } from './administer.ts';
import type { Terminal } from './main.ts';
import { API_KEY_USAGE } from './usage.ts';

const DEFAULT_DAYS = 365;

/** A key as administration tells of it. */
interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

/** Makes, lists and revokes keys. `create` prints the key as its last line, this once. Resolves to the exit code. */
export async function apiKey(
  [action, ...args]: readonly string[],
  config: Config,
  terminal: Terminal,
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      name: { type: 'string' },
      scopes: { type: 'string' },
      days: { type: 'string', default: String(DEFAULT_DAYS) },
      site: { type: 'string', default: 'main' },
    },
  });
  const { site, name, scopes } = values;
  const { stdout } = terminal;
  if (action === 'create') {
    const days = Number(values.days);
    if (name === undefined || scopes === undefined) throw usage('give --name and --scopes');
    if (!(Number.isInteger(days) && days >= 1 && days <= 3650)) throw usage('--days is 1 to 3650');
    const made = await administer(config, terminal, 'api-key/create', { site, name, scopes, days });
    const { row, secret } = made as { readonly row: Key; readonly secret: string };
    stdout.write(`key ${row.id} "${row.name}" for ${row.scopes}, until ${row.expiresAt}\n${secret}\n`);
    return 0;
  }
  if (action === 'list') {
    for (const row of (await administer(config, terminal, 'api-key/list', { site })) as readonly Key[]) {
      const state = row.revokedAt ? `revoked ${row.revokedAt}` : `until ${row.expiresAt}`;
      stdout.write(`${row.id}  ${row.name}  ${row.scopes}  ${state}\n`);
    }
    return 0;
  }
  if (action === 'revoke') {
    if (name === undefined) throw usage('give --name');
    await administer(config, terminal, 'api-key/revoke', { site, name });
    stdout.write(`revoked ${name}\n`);
    return 0;
  }
  throw usage('give create, list or revoke');
}

const usage = (message: string): Error => usageError(message, API_KEY_USAGE.split('\n')[0]!);
