import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NeuroInsightError } from '../domain/errors.ts';
import type { ChildMessage, Inference, ParentMessage, StageName, Tensor } from './inference.ts';
import { residentBytesOf } from './resident-memory.ts';

export interface InferenceLimits {
  /** One run of one network, the start of the child included; then it is killed. */
  readonly runMilliseconds: number;
  /** Resident memory of the child; above it the child is killed. */
  readonly memoryMebibytes: number;
}

export const DEFAULT_INFERENCE_LIMITS: InferenceLimits = { runMilliseconds: 60_000, memoryMebibytes: 1_024 };

export interface InferenceChildOptions {
  /** Verified ONNX bytes: the child never opens a model file itself. */
  readonly models: Readonly<Record<StageName, Uint8Array>>;
  readonly threads: number;
  readonly limits: InferenceLimits;
  /** The child's entry; another one only in tests. */
  readonly entry?: URL;
}

/** Node cannot rewrite this name when types are stripped for the package, so it follows the file that asks. */
const DEFAULT_ENTRY = new URL(`./inference-entry${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

const MEMORY_POLL_MILLISECONDS = 50;
const MEBIBYTE = 1024 * 1024;

/** The only variables the child may see: no secret of the server reaches native code. */
const CHILD_ENVIRONMENT = ['PATH', 'LD_LIBRARY_PATH', 'SystemRoot', 'TMPDIR', 'NODE_V8_COVERAGE'];

interface Child {
  readonly process: ChildProcess;
  /** Settles the waiting run when an answer, the end of the process or a limit comes. */
  answer: (message: ChildMessage | 'ended' | 'memory') => void;
}

/**
 * Inference in a child process: a crash, a hang or a memory bomb in native code ends that process, never the server.
 * One run at a time, later ones queue. The first run, or `prepare` before it, starts the child; after a failure the
 * next run starts a new one.
 */
export function openInferenceChild(options: InferenceChildOptions): Inference {
  let child: Child | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let nextId = 1;
  let closed = false;

  const stop = (): void => {
    child?.process.kill('SIGKILL');
    child = undefined;
  };
  const running = (): Child => {
    if (!child?.process.connected) child = startChild(options);
    return child;
  };
  const runNow = async (stage: StageName, input: Tensor, signal: AbortSignal): Promise<Tensor> => {
    if (signal.aborted) throw cancelled();
    if (closed) throw new NeuroInsightError('inference-failed', 'the segmenter is closed');
    const asked = running();
    const id = nextId++;
    try {
      return await ask(asked, { kind: 'run', id, stage, dims: input.dims, data: input.data }, options.limits, signal);
    } catch (error) {
      stop();
      throw error;
    }
  };
  return {
    run(stage, input, signal) {
      const result = tail.then(() => runNow(stage, input, signal));
      tail = result.catch(() => undefined);
      return result;
    },
    prepare() {
      if (closed) return;
      try {
        idle(running().process);
      } catch {
        // What keeps a child from starting now fails the run, if it still does then.
      }
    },
    async close() {
      closed = true;
      await tail;
      if (child) await endQuietly(child.process);
      child = undefined;
    },
  };
}

function startChild({ models, threads, limits, entry = DEFAULT_ENTRY }: InferenceChildOptions): Child {
  const started = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    // Not the parent's flags: a debugger port or a test runner's loader has no business in the child.
    execArgv: [`--max-old-space-size=${limits.memoryMebibytes}`],
    env: Object.fromEntries(
      CHILD_ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const child: Child = { process: started, answer: () => undefined };
  // A failed send or spawn is followed by the end of the process, which is what the run waits for.
  started.on('error', () => child.answer('ended'));
  started.on('exit', () => child.answer('ended'));
  started.on('message', (message) => child.answer(message as ChildMessage));
  const load: ParentMessage = { kind: 'load', models, threads };
  started.send(load);
  return child;
}

/** Sends one run and waits for its answer under all limits. */
async function ask(
  child: Child,
  message: ParentMessage & { kind: 'run' },
  limits: InferenceLimits,
  signal: AbortSignal,
): Promise<Tensor> {
  child.process.ref();
  child.process.channel?.ref();
  let release = (): void => undefined;
  try {
    return await new Promise<Tensor>((resolve, reject) => {
      const onAbort = (): void => reject(cancelled());
      const timeout = setTimeout(() => reject(timedOut(limits)), limits.runMilliseconds);
      const poll = setInterval(() => {
        if (residentBytesOf(child.process.pid) > limits.memoryMebibytes * MEBIBYTE) child.answer('memory');
      }, MEMORY_POLL_MILLISECONDS);
      release = () => {
        clearTimeout(timeout);
        clearInterval(poll);
        signal.removeEventListener('abort', onAbort);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      child.answer = (answer) => {
        if (answer === 'ended') reject(failed('the model process ended unexpectedly'));
        else if (answer === 'memory') reject(failed(`the model process passed ${limits.memoryMebibytes} MiB`));
        else if (answer.kind === 'failed') reject(failed(oneLine(answer.message)));
        else if (answer.kind === 'result' && answer.id === message.id) resolve(answer);
      };
      child.process.send(message);
    });
  } finally {
    release();
    child.answer = () => undefined;
    idle(child.process);
  }
}

/** An idle child does not keep the server alive. */
function idle(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

/** Lets the child end by itself, so that its coverage is written; after a second it is killed. */
async function endQuietly(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  await new Promise<void>((resolve) => {
    const impatient = setTimeout(() => child.kill('SIGKILL'), 1_000);
    child.once('exit', () => {
      clearTimeout(impatient);
      resolve();
    });
    child.disconnect();
  });
}

const failed = (what: string): NeuroInsightError => new NeuroInsightError('inference-failed', what);
const cancelled = (): NeuroInsightError => new NeuroInsightError('cancelled', 'the segmentation was cancelled');
const timedOut = ({ runMilliseconds }: InferenceLimits): NeuroInsightError =>
  new NeuroInsightError('inference-timeout', `the model did not answer within ${runMilliseconds / 1000} s`);
const oneLine = (text: string): string => `the model process failed: ${text.split('\n')[0]!.slice(0, 200)}`;
