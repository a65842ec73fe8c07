import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Connection, openConnection, type Table, type Value } from './database.ts';

export interface Query {
  readonly sql: string;
  readonly params: readonly Value[];
}

export interface ReadRequest {
  readonly id: number;
  readonly queries: readonly Query[];
}

export type ReadAnswer =
  | { readonly id: number; readonly tables: readonly Table[] }
  | { readonly id: number; readonly failed: string };

/** Readers wait for nothing but the moments in which another process recovers or closes the file. */
export const READER_OPTIONS = { busyMilliseconds: 5_000, readOnly: true } as const;

/** Entry of a reader thread. */
export function startReaderThread(): void {
  serveReads(parentPort!, openConnection((workerData as { readonly path: string }).path, READER_OPTIONS));
}

/** `undefined` ends the thread. */
export function serveReads(port: MessagePort, connection: Connection): void {
  port.on('message', (request: ReadRequest | undefined) => {
    if (request) {
      port.postMessage(answerOf(connection, request));
      return;
    }
    connection.close();
    port.close();
  });
  port.postMessage(undefined);
}

function answerOf(connection: Connection, { id, queries }: ReadRequest): ReadAnswer {
  try {
    return { id, tables: inOneSnapshot(connection, queries) };
  } catch (error) {
    return { id, failed: error instanceof Error ? error.message : String(error) };
  }
}

/** A page and its total must not see different commits. */
function inOneSnapshot(connection: Connection, queries: readonly Query[]): Table[] {
  if (queries.length === 1) return [connection.table(queries[0]!.sql, queries[0]!.params)];
  connection.run('BEGIN');
  try {
    return queries.map(({ sql, params }) => connection.table(sql, params));
  } finally {
    connection.run('COMMIT');
  }
}
