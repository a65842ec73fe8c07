import { userInfo } from 'node:os';
import type { z } from 'zod';
import type { Foundation } from '../compose-foundation.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal } from '../ports/index.ts';
import type { Emit, Execute } from './socket-server.ts';

/** One thing that an administrator can have done over the opened data folder, beside a server or without one. */
export interface Command {
  /** It writes its own audit row, and none may stand before what it does. */
  readonly isAuditedItself?: boolean;
  /** @throws what the command throws; invalid-request for arguments that are none. */
  run(foundation: Foundation, args: unknown, emit: Emit, signal: AbortSignal): Promise<unknown>;
}

export type Commands = Readonly<Record<string, Command>>;

/** What a command is given: its arguments as the schema leaves them. */
export interface Call<Args> {
  readonly foundation: Foundation;
  readonly args: Args;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export function defineCommand<Schema extends z.ZodType>(
  schema: Schema,
  work: (call: Call<z.infer<Schema>>) => Promise<unknown>,
  { isAuditedItself = false } = {},
): Command {
  return {
    isAuditedItself,
    async run(foundation, given, emit, signal) {
      const parsed = schema.safeParse(given);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new NeuroInsightError('invalid-request', `${issue?.path.join('.')}: ${issue?.message}`);
      }
      return work({ foundation, args: parsed.data, emit, signal });
    },
  };
}

/** Who can open the data folder: the user that this process runs as, or root. */
export function administratorOf(site: string): Principal {
  const { uid, username } = userInfo();
  return {
    kind: 'administrator',
    id: `${username} (${uid})`,
    name: 'local administrator',
    site,
    scopes: '',
    address: undefined,
  };
}

/**
 * Carries out commands over an opened foundation. Each is written into the audit before it begins, and again when it
 * fails; what cannot be written down is not done.
 */
export function createExecutor(foundation: Foundation, commands: Commands): Execute {
  const { audit, tracing } = foundation;
  const principal = administratorOf('main');
  return (name, args, emit, signal) => {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new NeuroInsightError('invalid-request', 'the server knows no such command');
    return tracing.run(undefined, async () => {
      const access = { principal, action: 'E' as const, interaction: `admin/${name}` };
      if (!command.isAuditedItself) await audit.record(access);
      try {
        return await command.run(foundation, args, emit, signal);
      } catch (error) {
        const outcome = error instanceof NeuroInsightError ? '4' : '8';
        const outcomeDesc = error instanceof NeuroInsightError ? error.kind : 'defect';
        await audit.record({ ...access, outcome, outcomeDesc });
        throw error;
      }
    });
  };
}
