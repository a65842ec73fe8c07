import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Log } from '../ports/index.ts';
import { firstJsonLine, sendLine } from './json-lines.ts';
import { openSocketPath } from './socket-path.ts';

/** Told while a command works; shown by the command line as it comes. */
export type Emit = (line: object) => void;

/** Carries out one command of administration. @throws what the command throws */
export type Execute = (command: string, args: unknown, emit: Emit, signal: AbortSignal) => Promise<unknown>;

export interface AdminSocketDeps {
  readonly dataDir: string;
  readonly execute: Execute;
  readonly log: Pick<Log, 'error'>;
  /** So often is a waiting client told that its command still works. */
  readonly aliveMilliseconds?: number;
}

export interface AdminSocket {
  /** Takes no further command, aborts those at work and resolves when they have ended. */
  close(): Promise<void>;
}

const LONGEST_REQUEST = 2 ** 20;
const MOST_CONNECTIONS = 16;
const REQUEST_MILLISECONDS = 10_000;
const ALIVE_MILLISECONDS = 3000;

/**
 * The door of administration: a unix socket of mode 0600 in the data folder. Who can open it is the administrator; the
 * file system decides that, so nothing that is sent could. One command a connection: a line `{command, args}` comes,
 * lines `{accepted}`, `{alive}` and `{progress}` go, and a last one `{result}` or `{error: {kind, message}}`. A
 * connection that is closed aborts its command.
 *
 * The caller holds the lock of the folder: a socket that lies there is a dead server's and is replaced.
 *
 * @throws invalid-configuration when the socket cannot be made.
 */
export async function openAdminSocket(deps: AdminSocketDeps): Promise<AdminSocket> {
  const at = openSocketPath(deps.dataDir);
  const working = new Set<Promise<void>>();
  const stopping = new AbortController();
  const server = createServer((socket) => {
    const work = serve(socket, deps, stopping.signal).finally(() => working.delete(work));
    working.add(work);
  });
  server.maxConnections = MOST_CONNECTIONS;
  try {
    rmSync(at.path, { force: true });
    await listen(server, at.path);
  } catch (cause) {
    at.close();
    const { code } = cause as NodeJS.ErrnoException;
    throw new NeuroInsightError('invalid-configuration', `the socket of administration cannot be made (${code})`, {
      cause,
    });
  }
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      stopping.abort();
      await Promise.all(working);
      await closed;
      at.close();
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
    // Bound by now; before anybody else runs.
    try {
      chmodSync(path, 0o600);
    } catch (error) {
      // Not bound: the error event tells why.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') reject(error);
    }
  });
}

async function serve(socket: Socket, deps: AdminSocketDeps, stopping: AbortSignal): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  // A client that goes while it is written to; its command is aborted by the close.
  socket.on('error', () => undefined);
  const waiting = setTimeout(() => socket.destroy(), REQUEST_MILLISECONDS);
  stopping.addEventListener('abort', abort, { once: true });
  const closeIdle = (): void => void socket.destroy();
  stopping.addEventListener('abort', closeIdle, { once: true });
  let alive: NodeJS.Timeout | undefined;
  try {
    const request = await firstJsonLine(socket, LONGEST_REQUEST);
    clearTimeout(waiting);
    if (request === undefined) return;
    // From here on the answer is told before the connection ends.
    stopping.removeEventListener('abort', closeIdle);
    socket.once('close', abort);
    sendLine(socket, { accepted: true });
    alive = setInterval(() => sendLine(socket, { alive: true }), deps.aliveMilliseconds ?? ALIVE_MILLISECONDS);
    const { command, args } = requestOf(request);
    const emit: Emit = (progress) => sendLine(socket, { progress });
    const result = await deps.execute(command, args, emit, controller.signal);
    sendLine(socket, { result: result ?? null });
  } catch (error) {
    sendLine(socket, { error: errorOf(error, deps.log) });
  } finally {
    clearTimeout(waiting);
    clearInterval(alive);
    stopping.removeEventListener('abort', abort);
    stopping.removeEventListener('abort', closeIdle);
    await new Promise<void>((resolve) => {
      if (socket.destroyed) resolve();
      else socket.end(() => resolve()).once('close', () => resolve());
    });
    socket.destroy();
  }
}

function requestOf(value: unknown): { readonly command: string; readonly args: unknown } {
  const { command, args } = (value ?? {}) as { readonly command?: unknown; readonly args?: unknown };
  if (typeof command !== 'string') throw new NeuroInsightError('invalid-request', 'a request names a command');
  return { command, args };
}

function errorOf(error: unknown, log: Pick<Log, 'error'>): { readonly kind: string; readonly message: string } {
  if (error instanceof NeuroInsightError) return { kind: error.kind, message: error.message };
  log.error('a command of administration failed', {
    error: error instanceof Error ? error : new Error(String(error)),
  });
  return { kind: 'defect', message: 'something went wrong that should not; the log of the server says where' };
}
