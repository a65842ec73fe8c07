import { connect, type Socket } from 'node:net';
import { type ErrorKind, NeuroInsightError } from '../domain/errors.ts';
import { holderOf } from '../storage/folder-lock.ts';
import { jsonLines, sendLine } from './json-lines.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';
import type { Emit } from './socket-server.ts';

export interface ServerRequest {
  readonly dataDir: string;
  readonly command: string;
  readonly args: unknown;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** A server that says nothing for so long does not answer. */
  readonly silentMilliseconds?: number;
}

/** What a line of the server may be. */
interface Line {
  readonly progress?: object;
  readonly result?: unknown;
  readonly error?: { readonly kind: string; readonly message: string };
}

const LONGEST_LINE = 64 * 2 ** 20;
const SILENT_MILLISECONDS = 15_000;

/**
 * Gives a command to the server that works on the data folder. Resolves to undefined when there is none: no socket, or
 * one that a dead server left.
 *
 * @throws what the command throws; in-use for a server that does not answer, forbidden for one of another user.
 */
export async function askServer(request: ServerRequest): Promise<{ readonly result: unknown } | undefined> {
  const at = pathOf(request.dataDir);
  if (at === undefined) return undefined;
  try {
    const socket = await reach(at.path);
    return socket && (await ask(socket, request));
  } finally {
    at.close();
  }
}

function pathOf(dataDir: string): SocketPath | undefined {
  try {
    return openSocketPath(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else if (error.code === 'EACCES') {
        reject(new NeuroInsightError('forbidden', 'the server is administered by the user that it runs as'));
      } else reject(error);
    });
  });
}

async function ask(socket: Socket, request: ServerRequest): Promise<{ readonly result: unknown }> {
  const { dataDir, command, args, emit, signal } = request;
  const stop = (): void => void socket.destroy();
  let silent = false;
  socket.setTimeout(request.silentMilliseconds ?? SILENT_MILLISECONDS, () => {
    silent = true;
    socket.destroy();
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    sendLine(socket, { command, args });
    for await (const value of jsonLines(socket, LONGEST_LINE)) {
      const { progress, result, error } = value as Line;
      if (progress) emit(progress);
      if (error) throw thrown(error);
      if (result !== undefined) return { result };
    }
  } catch (error) {
    if (!silent && !signal.aborted && !isGone(error)) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
  if (signal.aborted) throw new NeuroInsightError('cancelled', 'stopped on request');
  throw unanswered(dataDir, silent);
}

const isGone = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String((error as NodeJS.ErrnoException).code));

function thrown({ kind, message }: { readonly kind: string; readonly message: string }): Error {
  return kind === 'defect' ? new Error(message) : new NeuroInsightError(kind as ErrorKind, message);
}

function unanswered(dataDir: string, silent: boolean): NeuroInsightError {
  const holder = holderOf(dataDir);
  const who = holder ? `process ${holder.pid}, since ${holder.startedAt}` : 'a process that is not known';
  const what = silent ? 'does not answer' : 'ended before it had answered: look whether the command was carried out';
  return new NeuroInsightError('in-use', `the server of the data folder (${who}) ${what}`);
}
