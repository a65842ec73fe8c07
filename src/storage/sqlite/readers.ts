import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroInsightError } from '../../domain/errors.ts';
import { assertBindable, openConnection, type Row, rowsOf, sqliteCode, type Table, type Value } from './database.ts';
import {
  answerTo,
  failureOf,
  type Query,
  READER_OPTIONS,
  type ReadAnswer,
  type ReaderData,
  type ReadRequest,
} from './reader-loop.ts';
import { readyMacKey } from './row-mac.ts';
import type { SealName } from './sealed-answers.ts';

/**
 * Where everything is read. Each call sees every commit that was answered before it. Rows are held to the `seals` that
 * are named: damaged, which is counted, for one that is not what was written.
 */
export interface Readers {
  /** A read by key, which takes microseconds: done at once on the calling thread. */
  point(sql: string, params: readonly Value[], seals?: readonly SealName[]): Promise<Row | undefined>;
  /** Anything that may look at many rows: done in a reader thread. */
  all(sql: string, params: readonly Value[], seals?: readonly SealName[]): Promise<Row[]>;
  /** Several queries over one snapshot. */
  together(queries: readonly Query[]): Promise<Row[][]>;
  /** The error, counted, for a row of that kind which cannot be what was written. */
  damaged(kind: string): NeuroInsightError;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (tables: readonly Table[]) => void;
  readonly reject: (error: Error) => void;
}

interface Reader {
  readonly waiting: Map<number, Waiting>;
  /** Why the thread takes no more queries. */
  ended: Error | undefined;
  readonly worker: Worker;
  readonly closed: Promise<void>;
}

/** Queries that wait at one reader; more are refused at once rather than kept in memory. */
const MOST_WAITING = 1_024;

const ENTRY = new URL(`./reader-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** @param count told the kind of each row that is found damaged. */
export async function startReaders(
  file: ReaderData,
  threads: number,
  count: (kind: string) => void = () => undefined,
): Promise<Readers> {
  const readers = await Promise.all(Array.from({ length: threads }, () => startReader(file)));
  const near = openConnection(file.path, { ...READER_OPTIONS, key: file.key });
  // No wait for locks from here on, it would hold up the event loop: a read that meets one goes to a thread.
  near.table('PRAGMA busy_timeout = 0');
  const rowMac = readyMacKey(file.rowMac);
  let nextId = 1;
  let open = true;

  const counted = (error: unknown, queries: readonly Query[]): unknown => {
    if ((error as NeuroInsightError).kind === 'damaged')
      count(queries.find(({ seals }) => seals)?.seals?.[0] ?? 'page');
    return error;
  };
  const ask = async (queries: readonly Query[]): Promise<readonly Table[]> => {
    if (!open) throw new Error('the database is closed');
    for (const { params } of queries) assertBindable(params);
    const reader = readers.reduce((least, other) => (isBetter(other, least) ? other : least));
    return asked(reader, { id: nextId++, queries }).catch((error: unknown) => {
      throw counted(error, queries);
    });
  };
  return {
    async point(sql, params, seals) {
      if (!open) throw new Error('the database is closed');
      assertBindable(params);
      const query: Query = { sql, params, seals };
      try {
        return rowsOf(answerTo(near, query, rowMac))[0];
      } catch (error) {
        if (sqliteCode(error).startsWith('SQLITE_BUSY')) return rowsOf((await ask([query]))[0]!)[0];
        throw counted(failureOf(error) ?? error, [query]);
      }
    },
    all: async (sql, params, seals) => rowsOf((await ask([{ sql, params, seals }]))[0]!),
    together: async (queries) => (await ask(queries)).map(rowsOf),
    damaged(kind) {
      count(kind);
      return new NeuroInsightError('damaged', `a row of the kind "${kind}" does not agree with what it is found by`);
    },
    async close() {
      if (!open) return;
      open = false;
      near.close();
      for (const { worker } of readers) worker.postMessage(undefined);
      await Promise.all(readers.map(({ closed }) => closed));
    },
  };
}

function asked(reader: Reader, request: ReadRequest): Promise<readonly Table[]> {
  if (reader.ended) return Promise.reject(reader.ended);
  if (reader.waiting.size >= MOST_WAITING) {
    return Promise.reject(new NeuroInsightError('overloaded', 'too many queries wait for the database'));
  }
  return new Promise((resolve, reject) => {
    reader.worker.postMessage(request);
    reader.waiting.set(request.id, { resolve, reject });
  });
}

function isBetter(other: Reader, least: Reader): boolean {
  return !other.ended && (least.ended !== undefined || other.waiting.size < least.waiting.size);
}

async function startReader(file: ReaderData): Promise<Reader> {
  const worker = new Worker(fileURLToPath(ENTRY), { workerData: file });
  const waiting = new Map<number, Waiting>();
  const end = (error: Error): void => {
    reader.ended ??= error;
    for (const query of waiting.values()) query.reject(error);
    waiting.clear();
  };
  const closed = new Promise<void>((resolve) => {
    worker.on('error', (error) => end(new Error('a reader of the database failed', { cause: error })));
    worker.on('exit', () => {
      end(new Error('the database is closed'));
      resolve();
    });
  });
  const reader: Reader = { waiting, ended: undefined, worker, closed };
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  worker.on('message', (answer: ReadAnswer) => {
    const query = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('tables' in answer) query?.resolve(answer.tables);
    else if (answer.kind) query?.reject(new NeuroInsightError(answer.kind, answer.failed));
    else query?.reject(new Error(`the database refused a query: ${answer.failed}`));
  });
  return reader;
}
