import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroInsightError } from '../../domain/errors.ts';
import { assertBindable, type Row, rowsOf, type Table, type Value } from './database.ts';
import type { SnapshotAnswer, SnapshotData, SnapshotMessage } from './snapshot-loop.ts';

/** One state of the database. While it is held the file does not change: commits gather in the log beside it. */
export interface Snapshot {
  /** Rows of that state. */
  rows(sql: string, params?: readonly Value[]): Promise<Row[]>;
  /** Resolves when the file may change again. Harmless when called again. */
  release(): Promise<void>;
}

export interface Checkpoint {
  /** Folds the log into the file and lets no checkpoint happen until released. @throws overloaded */
  hold(): Promise<() => void>;
  /** As `hold`, and that very state can be asked. @throws overloaded */
  snapshot(): Promise<Snapshot>;
  /** Lets go of everything that is held. */
  close(): Promise<void>;
}

const ENTRY = new URL(`./snapshot-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** @param data the database file and how a connection to it is opened. */
export function createCheckpoint(data: SnapshotData): Checkpoint {
  const held = new Set<Snapshot>();
  const take = async (): Promise<Snapshot> => {
    const opened = await startSnapshot(data);
    const snapshot: Snapshot = {
      rows: opened.rows,
      async release() {
        held.delete(snapshot);
        await opened.release();
      },
    };
    held.add(snapshot);
    return snapshot;
  };
  return {
    snapshot: take,
    async hold() {
      const snapshot = await take();
      return () => void snapshot.release();
    },
    close: async () => void (await Promise.all([...held].map((snapshot) => snapshot.release()))),
  };
}

interface Waiting {
  readonly resolve: (table: Table | undefined) => void;
  readonly reject: (error: Error) => void;
}

async function startSnapshot(data: SnapshotData): Promise<Snapshot> {
  const worker = new Worker(fileURLToPath(ENTRY), { workerData: data });
  const waiting = new Map<number, Waiting>();
  let ended: Error | undefined;
  let nextId = 1;
  const end = (error: Error): void => {
    ended ??= error;
    for (const question of waiting.values()) question.reject(error);
    waiting.clear();
  };
  const closed = new Promise<void>((resolve) => {
    worker.on('error', (cause) => end(new Error('a snapshot of the database failed', { cause })));
    worker.on('exit', () => {
      end(new Error('the snapshot of the database is released'));
      resolve();
    });
  });
  worker.on('message', (answer: SnapshotAnswer) => {
    const question = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('table' in answer) question?.resolve(answer.table);
    else if (answer.kind) question?.reject(new NeuroInsightError(answer.kind, answer.failed));
    else question?.reject(new Error(`the database refused a question to a snapshot: ${answer.failed}`));
  });
  const answered = (id: number): Promise<Table | undefined> =>
    ended ? Promise.reject(ended) : new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  const post = (message: SnapshotMessage): void => worker.postMessage(message);

  await answered(0);
  return {
    async rows(sql, params = []) {
      assertBindable(params);
      const id = nextId++;
      const answer = answered(id);
      post({ id, sql, params });
      return rowsOf((await answer)!);
    },
    async release() {
      ended ??= new Error('the snapshot of the database is released');
      post(undefined);
      await closed;
    },
  };
}
