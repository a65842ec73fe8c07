import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ReaderData } from './reader-loop.ts';
import type { VerifyMessage } from './verify-loop.ts';

/** One thing that is not as it was written; nothing of what is in it. */
export interface Finding {
  /** What does not hold, in plain words. */
  readonly check: string;
  /** How often. */
  readonly found: number;
  /** Where first: the sequence of a commit, or the number of a row in its table. */
  readonly first: number;
}

export interface Verification {
  /** How many of each were looked at: commits, changes, rows by kind. */
  readonly looked: Readonly<Record<string, number>>;
  /** Empty: everything is what was written, as far as rows, history and index can tell. */
  readonly findings: readonly Finding[];
}

export interface VerifyOptions {
  /** Told from time to time what is being looked at and how much of it was. */
  readonly progress?: (what: string, looked: number) => void;
  readonly signal?: AbortSignal;
}

const ENTRY = new URL(`./verify-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * Walks through one state of the whole database in a thread of its own: the MAC of every row, the chain of commits,
 * every change against the rows it made, what stands in two places against the other. Writing goes on; the log beside
 * the file grows meanwhile.
 *
 * @throws the reason of the signal when it is aborted.
 */
export function verifyStore(file: ReaderData, { progress, signal }: VerifyOptions = {}): Promise<Verification> {
  signal?.throwIfAborted();
  const worker = new Worker(fileURLToPath(ENTRY), { workerData: file });
  const stop = (): void => worker.postMessage(undefined);
  signal?.addEventListener('abort', stop);
  return new Promise<Verification>((resolve, reject) => {
    worker.on('message', (message: VerifyMessage) => {
      if (message.kind === 'progress') progress?.(message.what, message.looked);
      else if (signal?.aborted) reject(signal.reason as Error);
      else if (message.kind === 'verified') resolve(message.verification);
      else reject(new Error(`the verification of the database failed: ${message.message}`));
    });
    worker.on('error', (cause) => reject(new Error('the verification of the database failed', { cause })));
    worker.on('exit', () => reject(new Error('the verification of the database ended early')));
  }).finally(() => signal?.removeEventListener('abort', stop));
}
