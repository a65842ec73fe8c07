import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ErrorKind, NeuroInsightError } from '../../domain/errors.ts';
import { requirePageWithin } from '../page-budget.ts';
import { type Connection, openConnection, type Table, type Value } from './database.ts';

export interface Query {
  readonly sql: string;
  readonly params: readonly Value[];
  /** The first column of the statement is the rowid of a resource, the last the size of its text; the text is wanted. */
  readonly texts?: Texts;
}

export interface Texts {
  /** Where the column json is. */
  readonly from: 'resources' | 'resource_versions';
  /** Of so many rows; further ones only tell that they are there. */
  readonly rows: number;
  /** Bytes of all of them together. */
  readonly mostBytes: number;
}

export interface ReadRequest {
  readonly id: number;
  readonly queries: readonly Query[];
}

export type ReadAnswer =
  | { readonly id: number; readonly tables: readonly Table[] }
  | { readonly id: number; readonly failed: string; readonly kind?: ErrorKind };

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
    const failed = error instanceof Error ? error.message : String(error);
    return { id, failed, ...(error instanceof NeuroInsightError && { kind: error.kind }) };
  }
}

/** A page and its total must not see different commits. */
function inOneSnapshot(connection: Connection, queries: readonly Query[]): Table[] {
  if (queries.length === 1 && !queries[0]!.texts) return [connection.table(queries[0]!.sql, queries[0]!.params)];
  connection.run('BEGIN');
  try {
    return queries.map(({ sql, params, texts }) => {
      const table = connection.table(sql, params);
      return texts ? withTexts(connection, table, texts) : table;
    });
  } finally {
    connection.run('COMMIT');
  }
}

/**
 * The rows with the texts in place of their sizes. No text is read before all are known to be within the budget: the
 * size of a text stands before it. @throws limit-exceeded
 */
function withTexts(connection: Connection, table: Table, { from, rows: count, mostBytes }: Texts): Table {
  const wanted = table.rows.slice(0, count);
  const sizes = wanted.map((row) => Number(row.at(-1) ?? 0));
  requirePageWithin(sizes, mostBytes);
  const sql = `SELECT rowid, json FROM ${from} WHERE rowid IN (SELECT value FROM json_each(?))`;
  const ids = wanted.map(([rowid]) => rowid);
  const texts = new Map(
    connection.table(sql, [JSON.stringify(ids)]).rows.map(([rowid, json]) => [rowid, json ?? null]),
  );
  return {
    columns: [...table.columns.slice(0, -1), 'json'],
    rows: table.rows.map((row) => [...row.slice(0, -1), texts.get(row[0]) ?? null]),
  };
}
