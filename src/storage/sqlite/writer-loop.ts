import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { applyGroup, type Writing } from './apply-operations.ts';
import { openCommitLog } from './commit-log.ts';
import { type ConnectionOptions, foldLog, openConnection, refreshStatistics } from './database.ts';
import type { WriteRequest } from './operation.ts';
import { readyMacKey } from './row-mac.ts';

export interface WriterData {
  readonly path: string;
  readonly options: ConnectionOptions;
  /** Key of the MACs of rows and of the chain of commits. */
  readonly rowMac: Uint8Array;
}

/** `undefined` asks the thread to end. */
export type WriterMessage = WriteRequest | undefined;

/** Bounds how long the first request of a group waits for the last. */
const LARGEST_GROUP = 256;

/** Commits after which the planner's statistics are taken anew for the first time; then after twice as many, and so on. */
const FIRST_REFRESH = 256;

/** Entry of the writer thread. */
export function startWriterThread(): void {
  const { path, options, rowMac } = workerData as WriterData;
  const connection = openConnection(path, options);
  serveWrites(parentPort!, { connection, log: openCommitLog(connection, readyMacKey(rowMac)) });
}

/**
 * Group commit without a timer: whatever lies in the queue when a commit begins is one group; what comes meanwhile is
 * the next. A lone request waits for nobody.
 */
export function serveWrites(port: MessagePort, writing: Writing): void {
  const { connection } = writing;
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
    if (group.length > 0) port.postMessage(applyGroup(writing, group));
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
