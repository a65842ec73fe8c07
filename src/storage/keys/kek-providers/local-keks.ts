import { spawn } from 'node:child_process';
import type { KekProvider } from './kek-provider.ts';
import { badSetting, decodeKek, readSecretFile } from './secret-text.ts';

/** The KEK lies in a file: base64 of 32 bytes, mode 0600, ours. */
export function fileKek(path: string, setting: string): KekProvider {
  return { name: 'file', open: async () => ({ key: decodeKek(readSecretFile(path, setting), setting) }) };
}

/** The KEK is in a variable, from which it is taken away: children don't get it. The system still shows what a process began with. */
export function environmentKek(variable: string, setting: string, environment: NodeJS.ProcessEnv): KekProvider {
  const text = environment[variable];
  delete environment[variable];
  return {
    name: 'environment',
    async open() {
      if (text === undefined) throw badSetting(setting, 'names a variable that is not set');
      return { key: decodeKek(text.trim(), setting) };
    },
  };
}

const COMMAND_MILLISECONDS = 10_000;
const MOST_OUTPUT_BYTES = 4_096;

/** A program prints the KEK. Its errors are shown nowhere: they may tell secrets. */
export function commandKek(
  argv: readonly string[],
  setting: string,
  limitMilliseconds: number = COMMAND_MILLISECONDS,
): KekProvider {
  return {
    name: 'command',
    open: async () => ({ key: decodeKek(await outputOf(argv, setting, limitMilliseconds), setting) }),
  };
}

function outputOf([program, ...args]: readonly string[], setting: string, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (!program) throw badSetting(setting, 'names no program');
    // A group of its own, so that what the program started ends with it.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (what: string, cause?: unknown): void => {
      clearTimeout(timer);
      endGroup(child.pid);
      child.stdout.destroy();
      reject(badSetting(setting, what, cause));
    };
    const timer = setTimeout(() => stop(`names a program that did not end within ${limit} ms`), limit);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MOST_OUTPUT_BYTES) stop('names a program that prints too much');
    });
    child.on('error', (cause: NodeJS.ErrnoException) =>
      stop(`names a program that cannot be run (${cause.code})`, cause),
    );
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8').trim());
      else reject(badSetting(setting, `names a program that ended with ${signal ?? code}`));
    });
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
