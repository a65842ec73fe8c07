import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ErrorKind, NeuroInsightError } from '../../domain/errors.ts';
import { requirePageWithin } from '../page-budget.ts';
import { type Connection, openConnection, sqliteCode, type Table, type Value } from './database.ts';
import { type MacKey, readyMacKey } from './row-mac.ts';
import { requireSealed, type SealName } from './sealed-answers.ts';

export interface Query {
  readonly sql: string;
  readonly params: readonly Value[];
  /** What each row of the answer is held to before it is given; see `requireSealed`. */
  readonly seals?: readonly SealName[] | undefined;
  /** So many columns are given; those behind are only for the seals. */
  readonly columns?: number;
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

export interface ReaderData {
  readonly path: string;
  /** Passphrase of the file. */
  readonly key: string;
  /** Key of the MACs of rows. */
  readonly rowMac: Uint8Array;
}

/** Readers wait for nothing but the moments in which another process recovers or closes the file. */
export const READER_OPTIONS = { busyMilliseconds: 5_000, readOnly: true } as const;

/** Entry of a reader thread. */
export function startReaderThread(): void {
  const { path, key, rowMac } = workerData as ReaderData;
  serveReads(parentPort!, openConnection(path, { ...READER_OPTIONS, key }), readyMacKey(rowMac));
}

/** `undefined` ends the thread. */
export function serveReads(port: MessagePort, connection: Connection, rowMac: MacKey): void {
  port.on('message', (request: ReadRequest | undefined) => {
    if (request) {
      port.postMessage(answerOf(connection, request, rowMac));
      return;
    }
    connection.close();
    port.close();
  });
  port.postMessage(undefined);
}

function answerOf(connection: Connection, { id, queries }: ReadRequest, rowMac: MacKey): ReadAnswer {
  try {
    return { id, tables: inOneSnapshot(connection, queries, rowMac) };
  } catch (error) {
    const { kind, message } = failureOf(error) ?? { kind: undefined, message: String((error as Error).message) };
    return { id, failed: message, ...(kind && { kind }) };
  }
}

/** A foreseen error; undefined for a defect. A page that was changed deciphers to what is none, or
 * has bytes where text should be (guarded-rows.ts). */
export function failureOf(error: unknown): NeuroInsightError | undefined {
  if (error instanceof NeuroInsightError) return error;
  const isDamage = /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error)) || /BLOB values/.test(String(error));
  if (!isDamage) return undefined;
  return new NeuroInsightError('damaged', 'a page of the database is not what was written', { cause: error });
}

/** A page and its total must not see different commits. */
function inOneSnapshot(connection: Connection, queries: readonly Query[], rowMac: MacKey): Table[] {
  if (queries.length === 1 && !queries[0]!.texts) return [answerTo(connection, queries[0]!, rowMac)];
  connection.run('BEGIN');
  try {
    return queries.map((query) => answerTo(connection, query, rowMac));
  } finally {
    connection.run('COMMIT');
  }
}

/** @throws damaged for a row that is not what was written. */
export function answerTo(
  connection: Connection,
  { sql, params, seals = [], columns, texts }: Query,
  rowMac: MacKey,
): Table {
  const found = connection.table(sql, params);
  const table = texts ? withTexts(connection, found, texts) : found;
  // Of a row beyond the page nothing is given but that it is there.
  requireSealed(rowMac, texts ? { ...table, rows: table.rows.slice(0, texts.rows) } : table, seals);
  if (columns === undefined) return table;
  return { columns: table.columns.slice(0, columns), rows: table.rows.map((row) => row.slice(0, columns)) };
}

/**
 * The rows with the texts in place of their sizes. No text is read before all are known to be within the budget: the
 * size of a text stands before it. @throws limit-exceeded
 */
function withTexts(connection: Connection, table: Table, { from, rows: count, mostBytes }: Texts): Table {
  const wanted = table.rows.slice(0, count);
  const sizes = wanted.map((row) => Number(row.at(-1) ?? 0));
  requirePageWithin(sizes, mostBytes);
  const sql = `SELECT rowid, json, site, mac FROM ${from} WHERE rowid IN (SELECT value FROM json_each(?))`;
  const ids = wanted.map(([rowid]) => rowid);
  const texts = new Map(connection.table(sql, [JSON.stringify(ids)]).rows.map(([rowid, ...others]) => [rowid, others]));
  return {
    columns: [...table.columns.slice(0, -1), 'json', 'site', 'mac'],
    rows: table.rows.map((row) => [...row.slice(0, -1), ...(texts.get(row[0]) ?? [null, null, null])]),
  };
}
