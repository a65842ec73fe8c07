import { Worker } from 'node:worker_threads';
import { NeuroInsightError } from '../domain/errors.ts';
import type { PixelHeader } from '../domain/instance.ts';
import type { FrameDecoder } from '../ports/index.ts';
import type { DecodedFrame, FrameToDecode } from './frame-messages.ts';

export interface ThreadFrameDecoderOptions {
  /** How long one frame may take, the start of the thread included; then the thread is ended. */
  readonly frameMilliseconds?: number;
  /** Heap of the thread, MiB; pixels lie outside it and are bounded by the header of their frame. */
  readonly heapMiB?: number;
  /** Frames that may wait for the one in work. */
  readonly waitingFrames?: number;
  /** The thread's entry; another one only in tests. */
  readonly entry?: URL;
}

interface Job {
  readonly request: FrameToDecode;
  readonly resolve: (samples: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const DEFAULTS: Required<ThreadFrameDecoderOptions> = {
  frameMilliseconds: 10_000,
  heapMiB: 256,
  waitingFrames: 32,
  entry: new URL(`./frame-decoder-thread${EXTENSION}`, import.meta.url),
};

/**
 * Frames decoded in a thread of their own, one at a time: a stream made for it keeps a decoder busy for minutes, and
 * the codecs have no limit of time themselves. The thread starts with the first frame. A frame that takes too long, or
 * that the thread dies of, fails alone: those that wait get another thread.
 */
export class ThreadFrameDecoder implements FrameDecoder {
  readonly #options: Required<ThreadFrameDecoderOptions>;
  readonly #waiting: Job[] = [];
  #thread: Worker | undefined;
  /** Until it is answered, or until the thread that has it is gone. */
  #current: { readonly job: Job; readonly thread: Worker; readonly timer: NodeJS.Timeout } | undefined;
  #closed = false;

  constructor(options: ThreadFrameDecoderOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  async decode(frame: Uint8Array, transferSyntaxUid: string, pixels: PixelHeader): Promise<Uint8Array> {
    if (this.#closed) throw closing();
    if (this.#waiting.length >= this.#options.waitingFrames) {
      throw new NeuroInsightError('overloaded', 'too many frames wait to be decoded');
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request: { frame, transferSyntaxUid, pixels }, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const timer = setTimeout(() => {
      job.reject(new NeuroInsightError('limit-exceeded', 'a frame takes too long to decode'));
      this.#end(thread);
    }, this.#options.frameMilliseconds);
    this.#current = { job, thread, timer };
    // A copy, so that it can be handed over: the frame is mostly a view of its whole file.
    const frame = new Uint8Array(job.request.frame);
    thread.postMessage({ ...job.request, frame } satisfies FrameToDecode, [frame.buffer]);
  }

  #start(): Worker {
    const { entry, heapMiB } = this.#options;
    const thread = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    // A thread that waits does not keep the process alive.
    thread.unref();
    let cause: unknown;
    thread.on('message', (answer: DecodedFrame) => {
      // What an ended thread had still sent is not listened to.
      if (this.#thread === thread) this.#settle(thread, (job) => answerTo(job, answer));
    });
    thread.on('error', (error) => {
      cause = error;
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      this.#settle(thread, ({ reject }) => reject(deathOf(cause)));
    });
    return thread;
  }

  /** Ends what the thread had in work. One that was answered by the clock is not answered again. */
  #settle(thread: Worker, answer: (job: Job) => void): void {
    if (this.#current?.thread !== thread) return;
    const { job, timer } = this.#current;
    clearTimeout(timer);
    this.#current = undefined;
    answer(job);
    this.#next();
  }

  /** The next frame waits until the thread is really gone: never are two at work. */
  #end(thread: Worker): void {
    if (this.#thread === thread) this.#thread = undefined;
    void thread.terminate();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closing());
    this.#current?.job.reject(closing());
    await (this.#current?.thread ?? this.#thread)?.terminate();
  }
}

function answerTo({ resolve, reject }: Job, answer: DecodedFrame): void {
  if ('samples' in answer) resolve(answer.samples);
  else if (answer.errorKind === undefined) reject(new Error(answer.message));
  else reject(new NeuroInsightError(answer.errorKind, answer.message));
}

function deathOf(cause: unknown): NeuroInsightError {
  const outOfMemory = (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return outOfMemory
    ? new NeuroInsightError('limit-exceeded', 'a frame takes too much memory to decode', { cause })
    : new NeuroInsightError('malformed-pixels', 'a frame ended its decoder', { cause });
}

const closing = (): NeuroInsightError => new NeuroInsightError('cancelled', 'the server is closing');
