import { parseArgs } from 'node:util';
import { openKeys } from '../compose-server.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Terminal } from './main.ts';
import { API_KEY_USAGE } from './usage.ts';

const DEFAULT_DAYS = 365;

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
  const keys = await openKeys(config);
  try {
    if (action === 'create') {
      const days = Number(values.days);
      if (name === undefined || scopes === undefined) throw usage('give --name and --scopes');
      if (!(Number.isInteger(days) && days >= 1 && days <= 3650)) throw usage('--days is 1 to 3650');
      const { row, secret } = await keys.create({ site, name, scopes, days });
      terminal.stdout.write(`key ${row.id} "${row.name}" for ${row.scopes}, until ${row.expiresAt}\n${secret}\n`);
      return 0;
    }
    if (action === 'list') {
      for (const row of await keys.list(site)) {
        const state = row.revokedAt === undefined ? `until ${row.expiresAt}` : `revoked ${row.revokedAt}`;
        terminal.stdout.write(`${row.id}  ${row.name}  ${row.scopes}  ${state}\n`);
      }
      return 0;
    }
    if (action === 'revoke') {
      if (name === undefined) throw usage('give --name');
      await keys.revoke({ site, name });
      terminal.stdout.write(`revoked ${name}\n`);
      return 0;
    }
    throw usage('give create, list or revoke');
  } finally {
    await keys.close();
  }
}

function usage(message: string): NeuroInsightError {
  return new NeuroInsightError('invalid-request', `${message}; usage: ${API_KEY_USAGE.split('\n')[0]}`);
}
