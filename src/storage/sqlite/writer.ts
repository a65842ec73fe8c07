import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Metrics } from '../../ports/index.ts';
import { assertBindable } from './database.ts';
import type { LoggedAt, Operation, OperationResult, WriteAnswer, WriteRequest } from './operation.ts';
import type { WriterData, WriterMessage } from './writer-loop.ts';

/** The one place that writes: a thread that owns the writing connection. */
export interface Writer {
  /**
   * Resolves to the results of the operations after they survive a power cut. Throws conflict, duplicate-instance,
   * storage-full, overloaded; then none of them happened.
   *
   * @param commit takes a place in the log of commits, which is the first result.
   */
  submit(operations: readonly Operation[], commit?: LoggedAt): Promise<readonly OperationResult[]>;
  /** Resolves when everything submitted is answered and the file is closed. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (results: readonly OperationResult[]) => void;
  readonly reject: (error: Error) => void;
  readonly since: number;
}

/** Requests that wait for the disk at one time; more are refused at once rather than kept in memory. */
const MOST_WAITING = 4_096;

/** Node cannot rewrite this name when types are stripped for the package, so it follows the file that asks. */
const ENTRY = new URL(`./writer-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** @param failed told once when the thread ends by itself: nothing can be written from then on. */
export async function startWriter(
  data: WriterData,
  metrics: Pick<Metrics, 'commit'> | undefined,
  failed: (error: Error) => void = () => undefined,
): Promise<Writer> {
  const worker = new Worker(fileURLToPath(ENTRY), { workerData: data });
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let ended: Error | undefined;

  const settle = (answer: WriteAnswer, grouped: number): void => {
    const request = waiting.get(answer.id);
    if (!request) return;
    waiting.delete(answer.id);
    metrics?.commit((performance.now() - request.since) / 1000, grouped);
    if ('results' in answer) request.resolve(answer.results);
    else if (answer.refused === 'defect') request.reject(new Error(`the database refused a write: ${answer.message}`));
    else request.reject(new NeuroInsightError(answer.refused, answer.message));
  };
  const end = (error: Error): void => {
    if (!ended) {
      ended = error;
      failed(error);
    }
    for (const request of waiting.values()) request.reject(error);
    waiting.clear();
  };
  const closed = new Promise<void>((resolve) => {
    worker.on('error', (error) => end(new Error('the writer of the database failed', { cause: error })));
    worker.on('exit', () => {
      end(new Error('the database is closed'));
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  worker.on('message', (answers: readonly WriteAnswer[]) => {
    for (const answer of answers) settle(answer, answers.length);
  });

  const post = (message: WriterMessage): void => worker.postMessage(message);
  let gathered: WriteRequest[] = [];
  const send = (): void => {
    if (gathered.length > 0) post(gathered);
    gathered = [];
  };
  // Callers that were answered together ask again in the same turn: one message takes all of them.
  const gather = (request: WriteRequest): void => {
    if (gathered.push(request) === 1) process.nextTick(send);
  };
  return {
    submit(operations, commit) {
      if (ended) return Promise.reject(ended);
      if (waiting.size >= MOST_WAITING) {
        return Promise.reject(new NeuroInsightError('overloaded', 'too many writes wait for the database'));
      }
      return new Promise((resolve, reject) => {
        for (const [, params] of operations) assertBindable(params);
        const id = nextId++;
        gather({ id, commit, operations });
        waiting.set(id, { resolve, reject, since: performance.now() });
      });
    },
    close() {
      if (!ended) {
        ended = new Error('the database is closed');
        send();
        post(undefined);
      }
      return closed;
    },
  };
}
