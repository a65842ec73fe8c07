import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { applyGroup, type Writing } from './apply-operations.ts';
import { openCommitLog } from './commit-log.ts';
import { type ConnectionOptions, foldLog, openConnection, refreshStatistics } from './database.ts';
import { type LogSync, openLogSync } from './log-sync.ts';
import type { WriteRequest } from './operation.ts';
import { readyMacKey } from './row-mac.ts';

export interface WriterData {
  readonly path: string;
  readonly options: ConnectionOptions;
  /** Key of the MACs of rows and of the chain of commits. */
  readonly rowMac: Uint8Array;
}

/** Requests of one turn of the event loop that asks; `undefined` asks the thread to end. */
export type WriterMessage = readonly WriteRequest[] | undefined;

/** Bounds how long the first request of a group waits for the last. */
const LARGEST_GROUP = 256;

/** Commits after which the planner's statistics are taken anew for the first time; then after twice as many, and so on. */
const FIRST_REFRESH = 256;

/**
 * Pages of the log, 16 MB, before they are folded into the file: the pages that most commits touch are then written
 * there once for hundreds of commits.
 */
const PAGES_OF_LOG = 4_000;

/** KiB of pages in memory: a commit changes pages all over the indexes, and reading one anew means deciphering it. */
const CACHE_KIB = 65_536;

/** Entry of the writer thread. */
export function startWriterThread(): void {
  const { path, options, rowMac } = workerData as WriterData;
  const connection = openConnection(path, options);
  // The log is synced by the thread itself, see LogSync.
  connection.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${PAGES_OF_LOG};
    PRAGMA cache_size = -${CACHE_KIB}`);
  const log = openCommitLog(connection, readyMacKey(rowMac));
  serveWrites(parentPort!, { connection, log }, openLogSync(`${path}-wal`));
}

/**
 * Group commit without a timer: whatever lies in the queue when a commit begins is one group; what comes while it is
 * applied, or while the one before is synced, is the next. A lone request waits for nobody. An error of the sync ends
 * the thread: nothing that waits is acknowledged, and everything after it is refused.
 */
export function serveWrites(port: MessagePort, writing: Writing, sync: LogSync): void {
  const { connection } = writing;
  let written = 0;
  let refreshAt = FIRST_REFRESH;
  let unsynced = 0;
  let isEnding = false;

  const write = (group: readonly WriteRequest[]): void => {
    const answers = applyGroup(writing, group);
    unsynced++;
    sync.after((error) => {
      if (error) throw error;
      unsynced--;
      port.postMessage(answers);
      if (isEnding && unsynced === 0) end();
    });
    written += group.length;
    if (written < refreshAt) return;
    refreshStatistics(connection);
    refreshAt *= 2;
  };
  const end = (): void => {
    refreshStatistics(connection);
    foldLog(connection);
    sync.close();
    connection.close();
    port.close();
  };
  port.on('message', (first: WriterMessage) => {
    const requests: WriteRequest[] = [];
    let message: WriterMessage = first;
    while (message !== undefined) {
      requests.push(...message);
      const next = requests.length < LARGEST_GROUP ? receiveMessageOnPort(port) : undefined;
      if (!next) break;
      message = next.message as WriterMessage;
    }
    if (requests.length > 0) write(requests);
    if (message !== undefined) return;
    isEnding = true;
    if (unsynced === 0) end();
  });
  port.postMessage([]);
}
