import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ServerClient } from '../../src/cli/server-client.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_MILLISECONDS = 60_000;

export interface ServerProcess {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: string;
  /** What it wrote to standard error: its log. */
  log(): string;
  /** What it wrote to standard output. */
  printed(): string;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

export interface ServerProcessOptions {
  readonly dataDir: string;
  readonly port: number;
  /** The entry, relative to the repository. */
  readonly entry?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export const environmentOf = ({ dataDir, port, environment }: ServerProcessOptions): NodeJS.ProcessEnv => ({
  ...process.env,
  NEUROINSIGHT_DATA_DIR: dataDir,
  NEUROINSIGHT_PORT: String(port),
  ...environment,
});

/** Starts a server in a process of its own and waits until it is ready. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const entry = options.entry ?? ['test/harness/serve-recorded.ts'];
  const child = spawn(process.execPath, ['--no-warnings', ...entry], {
    cwd: ROOT,
    env: environmentOf(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  let printed = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-200_000);
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-200_000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${options.port}`;
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    const up = await fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) break;
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the server did not start: ${log.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    process: child,
    pid: child.pid!,
    url,
    log: () => log,
    printed: () => printed,
    kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** A key for the data folder, made by the command line as an administrator does. */
export function makeKey(options: ServerProcessOptions, scopes = 'system/*.cruds', name = 'test'): string {
  const args = ['--no-warnings', 'src/cli/launch.js', 'api-key', 'create', '--name', name, '--scopes', scopes];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: environmentOf(options),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`no key: ${stderr}`);
  return stdout.trim().split('\n').at(-1)!;
}

export const clientOf = (server: { readonly url: string }, key: string): ServerClient =>
  new ServerClient(server.url, key);
