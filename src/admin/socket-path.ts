import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { NeuroInsightError } from '../domain/errors.ts';

const SOCKET = 'admin.sock';
/** sun_path holds 108 bytes on Linux and 104 on macOS, the final NUL included. */
const LONGEST_PATH = 103;
const DESCRIPTORS = '/proc/self/fd';

export interface SocketPath {
  /** Good until `close`. */
  readonly path: string;
  close(): void;
}

/**
 * A path of the folder's socket that is short enough to be bound: a longer one leads through an open descriptor of the
 * folder. Throws invalid-configuration where the system has no such way; ENOENT for a folder that is not there.
 */
export function openSocketPath(dataDir: string): SocketPath {
  const path = join(dataDir, SOCKET);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, close: () => undefined };
  if (!existsSync(DESCRIPTORS)) {
    const message = `the path of the data folder is longer than a socket may have (${LONGEST_PATH - SOCKET.length - 1} bytes)`;
    throw new NeuroInsightError('invalid-configuration', message);
  }
  const folder = openSync(dataDir, 'r');
  return { path: `${DESCRIPTORS}/${folder}/${SOCKET}`, close: () => closeSync(folder) };
}
