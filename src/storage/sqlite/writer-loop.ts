import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { applyGroup } from './apply-operations.ts';
import { type Connection, type ConnectionOptions, foldLog, openConnection, refreshStatistics } from './database.ts';
import type { WriteRequest } from './operation.ts';

export interface WriterData {
  readonly path: string;
  readonly options: ConnectionOptions;
}

/** `undefined` asks the thread to end. */
export type WriterMessage = WriteRequest | undefined;

/** Bounds how long the first request of a group waits for the last. */
const LARGEST_GROUP = 256;

/** Commits after which the planner's statistics are taken anew for the first time; then after twice as many, and so on. */
const FIRST_REFRESH = 256;

/** Entry of the writer thread. */
export function startWriterThread(): void {
  const { path, options } = workerData as WriterData;
  serveWrites(parentPort!, openConnection(path, options));
}

/**
 * Group commit without a timer: whatever lies in the queue when a commit begins is one group; what comes meanwhile is
 * the next. A lone request waits for nobody.
 */
export function serveWrites(port: MessagePort, connection: Connection): void {
  let written = 0;
  let refreshAt = FIRST_REFRESH;
  port.on('message', (first: WriterMessage) => {
    const group: WriteRequest[] = [];
    let message: WriterMessage = first;
    while (message !== undefined) {
      group.push(message);
      const next = group.length < LARGEST_GROUP ? receiveMessageOnPort(port) : undefined;
      if (!next) break;
      message = next.message as WriterMessage;
    }
    if (group.length > 0) port.postMessage(applyGroup(connection, group));
    written += group.length;
    if (written >= refreshAt || message === undefined) {
      refreshStatistics(connection);
      refreshAt *= 2;
    }
    if (message === undefined) {
      foldLog(connection);
      connection.close();
      port.close();
    }
  });
  port.postMessage([]);
}
