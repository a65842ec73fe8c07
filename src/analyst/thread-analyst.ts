import { Worker } from 'node:worker_threads';
import { RESULT_FORMAT } from '../analysis/run-key.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { digestOf } from '../domain/identity.ts';
import type { AnalysisOutcome, AnalysisRequest, Analyst } from '../ports/index.ts';
import { childrenResidentBytes } from '../segmentation/resident-memory.ts';
import type { PackAccess } from '../storage/blobs/open-packs.ts';
import type { AnalysisThreadData, FromThread, ToThread } from './messages.ts';

export interface ThreadAnalystOptions {
  readonly data: AnalysisThreadData;
  /** What opens a pack: the thread is given that of the study it measures, and no other key. */
  readonly packAccess: (pack: string) => Promise<PackAccess>;
  /** Digest of the networks. */
  readonly modelSha256: string;
  /** Heap of the thread, MiB: above it the thread ends, and with it what it measured. */
  readonly heapMiB?: number;
  /** How long a thread that is told to stop may take; then it is ended. */
  readonly graceMilliseconds?: number;
  /** The thread's entry; another one only in tests. */
  readonly entry?: URL;
}

const DEFAULT_ENTRY = new URL(`./analysis-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
const DEFAULT_HEAP_MIB = 2048;
const DEFAULT_GRACE_MILLISECONDS = 10_000;

interface Waiting {
  readonly request: AnalysisRequest;
  readonly onProgress: (step: string, fraction: number) => void;
  readonly resolve: (outcome: AnalysisOutcome) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The walk in a thread of its own: assembling and encoding take seconds of computing, and a server that computes does
 * not answer. The thread starts with the first study; when it dies, what it had begun fails and the next study starts
 * another one. One that does not stop when it is told to is ended: it would hold up every study after this one.
 */
export function createThreadAnalyst(options: ThreadAnalystOptions): Analyst {
  const { graceMilliseconds = DEFAULT_GRACE_MILLISECONDS } = options;
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let nextId = 1;
  let closings = 0;
  const start = (): Worker => {
    const started = startThread(options);
    let cause: unknown;
    started.on('message', (message: FromThread) => settle(message, waiting, started));
    started.on('error', (error) => {
      cause = error;
    });
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      for (const { reject } of waiting.values())
        reject(new NeuroInsightError('inference-failed', 'the analysis thread ended unexpectedly', { cause }));
      waiting.clear();
    });
    return started;
  };
  return {
    fingerprint: digestOf(['analysis', RESULT_FORMAT, options.data.softwareVersion, options.modelSha256]),
    async analyse(request, onProgress, signal) {
      if (signal.aborted) throw new NeuroInsightError('cancelled', 'the analysis was stopped on request');
      const names = new Set(request.instances.map(({ blob }) => blob.pack));
      const before = closings;
      const packs = await Promise.all(Array.from(names, options.packAccess));
      if (closings > before) throw new NeuroInsightError('inference-failed', 'the analysis thread was ended');
      worker ??= start();
      return ask(worker, waiting, nextId++, { request, packs, onProgress, signal, graceMilliseconds });
    },
    prepare() {
      worker ??= start();
      worker.postMessage({ kind: 'prepare' } satisfies ToThread);
    },
    residentBytes: () => (worker === undefined ? undefined : childrenResidentBytes()),
    async close() {
      closings++;
      const closing = worker;
      if (!closing) return;
      const ended = new Promise((resolve) => closing.once('exit', resolve));
      closing.postMessage({ kind: 'close' } satisfies ToThread);
      const grace = setTimeout(() => void closing.terminate(), graceMilliseconds);
      await ended;
      clearTimeout(grace);
    },
  };
}

function startThread({ data, heapMiB = DEFAULT_HEAP_MIB, entry = DEFAULT_ENTRY }: ThreadAnalystOptions): Worker {
  const worker = new Worker(entry, { workerData: data, resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
  // A thread that waits does not keep the process alive.
  worker.unref();
  return worker;
}

interface Question extends Pick<Waiting, 'request' | 'onProgress'> {
  readonly packs: readonly PackAccess[];
  readonly signal: AbortSignal;
  readonly graceMilliseconds: number;
}

async function ask(
  worker: Worker,
  waiting: Map<number, Waiting>,
  id: number,
  { request, packs, onProgress, signal, graceMilliseconds }: Question,
): Promise<AnalysisOutcome> {
  let grace: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    worker.postMessage({ kind: 'cancel', id } satisfies ToThread);
    grace = setTimeout(() => void worker.terminate(), graceMilliseconds);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) throw new NeuroInsightError('cancelled', 'the analysis was stopped on request');
    return await new Promise<AnalysisOutcome>((resolve, reject) => {
      waiting.set(id, { request, onProgress, resolve, reject });
      const { instances, date } = request;
      worker.postMessage({ kind: 'analyse', id, instances, packs, date } satisfies ToThread);
    });
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new NeuroInsightError('cancelled', 'the analysis was stopped on request', { cause });
  } finally {
    waiting.delete(id);
    clearTimeout(grace);
    signal.removeEventListener('abort', onAbort);
  }
}

function settle(message: FromThread, waiting: ReadonlyMap<number, Waiting>, worker: Worker): void {
  const asked = waiting.get(message.id);
  if (!asked) return;
  if (message.kind === 'progress') asked.onProgress(message.step, message.fraction);
  else if (message.kind === 'done') asked.resolve(message);
  else if (message.kind === 'failed') {
    asked.reject(
      message.errorKind === undefined
        ? new Error(message.message)
        : new NeuroInsightError(message.errorKind, message.message),
    );
  } else {
    asked.request.dateOfEarlierRun(message.analysisKey).then(
      (date) => {
        worker.postMessage({ kind: 'earlier-date', id: message.id, date } satisfies ToThread);
      },
      (error: Error) => {
        worker.postMessage({ kind: 'cancel', id: message.id } satisfies ToThread);
        asked.reject(error);
      },
    );
  }
}
