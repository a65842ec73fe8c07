import { parseArgs } from 'node:util';
import { composeServer, ROLES, type Role } from '../compose-server.ts';
import { type Config, refuseProduction } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { EXIT_DEFECT, type Terminal } from './main.ts';
import { SERVE_USAGE } from './usage.ts';

/** Throws invalid-request for a role that there is not. */
export function parseRoles(text: string): readonly Role[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !ROLES.includes(name as Role));
  if (unknown !== undefined || names.length === 0) {
    throw new NeuroInsightError('invalid-request', `roles are ${ROLES.join(', ')}; usage: ${SERVE_USAGE}`);
  }
  return [...new Set(names as Role[])];
}

/** Serves until it is told to stop; what is in progress may finish within the grace. Resolves to the exit code. */
export async function serve(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { roles: { type: 'string', default: ROLES.join(',') } } });
  const roles = parseRoles(values.roles ?? ROLES.join(','));
  refuseProduction(config, terminal.environment);
  const broken = new AbortController();
  const server = await composeServer(config, {
    roles,
    logStream: terminal.stdout,
    onFailure: () => broken.abort(),
  });
  try {
    const { url } = await server.start();
    terminal.stderr.write(`serving ${roles.join(', ')}${url === undefined ? '' : ` at ${url}`}\n`);
    await stopped(AbortSignal.any([terminal.signal, broken.signal]));
    // Whoever supervises the process starts it anew, and the start recovers what was acknowledged.
    const why = broken.signal.aborted ? 'the database can no longer be written' : 'work in progress may finish';
    terminal.stderr.write(`stopping: ${why}\n`);
  } finally {
    await server.close();
  }
  return broken.signal.aborted ? EXIT_DEFECT : 0;
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
