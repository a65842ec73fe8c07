import { setTimeout } from 'node:timers/promises';
import { type Foundation, openFoundation } from '../compose-foundation.ts';
import type { Config } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { createExecutor } from './command.ts';
import { COMMANDS } from './commands.ts';
import { askServer } from './socket-client.ts';
import type { Emit } from './socket-server.ts';

export interface AdminOptions {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** How long somebody else's hold of the folder is waited for: a server that starts, another command. */
  readonly patienceMilliseconds?: number;
}

const PATIENCE_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 100;

/**
 * Has a command of administration carried out: by the server that works on the data folder, through its socket, or in
 * this process when there is none. A socket that a dead server left does no harm.
 *
 * @throws what the command throws; in-use when the folder stays in use by a process that opens no socket.
 */
export async function runAdmin(
  config: Config,
  command: string,
  args: unknown,
  options: AdminOptions,
): Promise<unknown> {
  const { emit, signal, patienceMilliseconds = PATIENCE_MILLISECONDS } = options;
  const { dataDir } = config.storage;
  const until = performance.now() + patienceMilliseconds;
  for (;;) {
    if (signal.aborted) throw new NeuroInsightError('cancelled', 'stopped on request');
    const answer = await askServer({ dataDir, command, args, emit, signal });
    if (answer) return answer.result;
    const foundation = await openUnlessInUse(config, command, performance.now() >= until);
    if (foundation === undefined) {
      await setTimeout(LOOK_MILLISECONDS);
      continue;
    }
    try {
      return await createExecutor(foundation, COMMANDS)(command, args, emit, signal);
    } finally {
      await foundation.close();
    }
  }
}

async function openUnlessInUse(config: Config, purpose: string, isLast: boolean): Promise<Foundation | undefined> {
  try {
    return await openFoundation(config, { purpose });
  } catch (error) {
    if (isLast || !(error instanceof NeuroInsightError && error.kind === 'in-use')) throw error;
    return undefined;
  }
}
