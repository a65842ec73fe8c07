import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroInsightError } from '../../domain/errors.ts';
import { assertBindable, openConnection, type Row, rowsOf, sqliteCode, type Table, type Value } from './database.ts';
import { type Query, READER_OPTIONS, type ReadAnswer, type ReadRequest } from './reader-loop.ts';

/** Where everything is read. Each call sees every commit that was answered before it. */
export interface Readers {
  /** A read by key, which takes microseconds: done at once on the calling thread. */
  point(sql: string, params: readonly Value[]): Promise<Row | undefined>;
  /** Anything that may look at many rows: done in a reader thread. */
  all(sql: string, params: readonly Value[]): Promise<Row[]>;
  /** Several queries over one snapshot. */
  together(queries: readonly Query[]): Promise<Row[][]>;
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

export async function startReaders(path: string, threads: number): Promise<Readers> {
  const readers = await Promise.all(Array.from({ length: threads }, () => startReader(path)));
  const near = openConnection(path, READER_OPTIONS);
  // No wait for locks from here on, it would hold up the event loop: a read that meets one goes to a thread.
  near.table('PRAGMA busy_timeout = 0');
  let nextId = 1;
  let open = true;

  const ask = (queries: readonly Query[]): Promise<readonly Table[]> => {
    if (!open) return Promise.reject(new Error('the database is closed'));
    const reader = readers.reduce((least, other) => (isBetter(other, least) ? other : least));
    if (reader.ended) return Promise.reject(reader.ended);
    if (reader.waiting.size >= MOST_WAITING) {
      return Promise.reject(new NeuroInsightError('overloaded', 'too many queries wait for the database'));
    }
    return new Promise((resolve, reject) => {
      for (const { params } of queries) assertBindable(params);
      const request: ReadRequest = { id: nextId++, queries };
      reader.worker.postMessage(request);
      reader.waiting.set(request.id, { resolve, reject });
    });
  };
  return {
    async point(sql, params) {
      if (!open) throw new Error('the database is closed');
      assertBindable(params);
      try {
        return rowsOf(near.table(sql, params))[0];
      } catch (error) {
        if (!sqliteCode(error).startsWith('SQLITE_BUSY')) throw error;
        return rowsOf((await ask([{ sql, params }]))[0]!)[0];
      }
    },
    all: async (sql, params) => rowsOf((await ask([{ sql, params }]))[0]!),
    together: async (queries) => (await ask(queries)).map(rowsOf),
    async close() {
      if (!open) return;
      open = false;
      near.close();
      for (const { worker } of readers) worker.postMessage(undefined);
      await Promise.all(readers.map(({ closed }) => closed));
    },
  };
}

function isBetter(other: Reader, least: Reader): boolean {
  return !other.ended && (least.ended !== undefined || other.waiting.size < least.waiting.size);
}

async function startReader(path: string): Promise<Reader> {
  const worker = new Worker(fileURLToPath(ENTRY), { workerData: { path } });
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
