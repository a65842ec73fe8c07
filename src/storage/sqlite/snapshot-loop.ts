import { statSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ErrorKind, NeuroInsightError } from '../../domain/errors.ts';
import { type Connection, type ConnectionOptions, openConnection, type Table, type Value } from './database.ts';

export interface SnapshotData {
  readonly path: string;
  readonly options: ConnectionOptions;
}

/** `undefined` lets go and ends the thread. */
export type SnapshotMessage = SnapshotRequest | undefined;

export interface SnapshotRequest {
  readonly id: number;
  readonly sql: string;
  readonly params: readonly Value[];
}

/** The first answer has the id 0: the snapshot is held, or why not. */
export type SnapshotAnswer =
  | { readonly id: number; readonly table: Table | undefined }
  | { readonly id: number; readonly failed: string; readonly kind?: ErrorKind };

/** A fold holds up writers while it waits for readers of old states: briefly, then it steps back and tries again. */
const FIRST_WAIT_MILLISECONDS = 20;
const LONGEST_WAIT_MILLISECONDS = 500;
const TRIES = 40;

/** Entry of a snapshot thread. */
export function startSnapshotThread(): void {
  const { path, options } = workerData as SnapshotData;
  serveSnapshot(parentPort!, openConnection(path, options), `${path}-wal`);
}

/** Answers questions to one state of the database until it is told to let go. */
export function serveSnapshot(port: MessagePort, connection: Connection, logPath: string): void {
  const close = (): void => {
    connection.close();
    port.close();
  };
  const held = answerOf(0, () => {
    holdState(connection, logPath);
    return undefined;
  });
  port.postMessage(held);
  if ('failed' in held) {
    close();
    return;
  }
  port.on('message', (request: SnapshotMessage) => {
    if (request) {
      port.postMessage(answerOf(request.id, () => connection.table(request.sql, request.params)));
      return;
    }
    connection.exec('COMMIT');
    close();
  });
}

function answerOf(id: number, work: () => Table | undefined): SnapshotAnswer {
  try {
    return { id, table: work() };
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error);
    return { id, failed, ...(error instanceof NeuroInsightError && { kind: error.kind }) };
  }
}

/**
 * Folds the log into the file and begins to read before anybody has written anew. Such a reader reads the file alone,
 * so no checkpoint may write into the file until it ends: commits gather in the log. Whether it came in time is seen
 * by the log, which must still be empty.
 *
 * @throws overloaded when others read and write so that the log is never empty.
 */
export function holdState(connection: Connection, logPath: string): void {
  let wait = FIRST_WAIT_MILLISECONDS;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    // Most of the log is folded while writers go on; only the rest of it makes them wait.
    connection.table('PRAGMA wal_checkpoint(PASSIVE)');
    connection.table(`PRAGMA busy_timeout = ${wait}`);
    if (isFolded(connection)) {
      connection.exec('BEGIN');
      connection.table('SELECT count(*) FROM sqlite_master');
      if (isEmpty(logPath)) return;
      connection.exec('ROLLBACK');
    }
    sleep(wait);
    wait = Math.min(2 * wait, LONGEST_WAIT_MILLISECONDS);
  }
  throw new NeuroInsightError('overloaded', 'the log of the database cannot be folded while so much is read');
}

function isFolded(connection: Connection): boolean {
  try {
    return connection.table('PRAGMA wal_checkpoint(TRUNCATE)').rows[0]?.[0] === 0;
  } catch {
    // The driver tells some of the waits that ran out as errors.
    return false;
  }
}

function isEmpty(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

/** In a thread of its own, where nothing else waits. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
