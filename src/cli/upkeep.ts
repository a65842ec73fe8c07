import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import type { Verification } from '../storage/sqlite/verify.ts';
import { administer, showResult } from './administer.ts';
import type { Terminal } from './main.ts';

type Upkeep = (args: readonly string[], config: Config, terminal: Terminal) => Promise<number>;

const upkeep =
  (command: string): Upkeep =>
  async (args, config, terminal) => {
    parseArgs({ args: [...args], options: {} });
    showResult(terminal, await administer(config, terminal, command, {}));
    return 0;
  };

/** Gives back the space of what was deleted. Resolves to the exit code. */
export const compact = upkeep('compact');

/** Moves old studies to the slow store. Resolves to the exit code. */
export const archive = upkeep('archive');

/** Reads and checks the stored bytes that are due: exit code 2 when something is damaged. */
export async function scrub(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  const result = await administer(config, terminal, 'scrub', {});
  showResult(terminal, result);
  return (result as { readonly damaged: readonly string[] }).damaged.length > 0 ? 2 : 0;
}

/** Holds rows, history and index to their MACs and to each other: exit code 2 when something is not as it was written. */
export async function verify(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  const result = (await administer(config, terminal, 'verify', {})) as Verification;
  showResult(terminal, result.looked);
  showResult(terminal, result.findings);
  terminal.stdout.write(result.findings.length === 0 ? 'everything is as it was written\n' : 'see docs/operations\n');
  return result.findings.length === 0 ? 0 : 2;
}
