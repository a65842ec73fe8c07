import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import type { ChildMessage, LoadMessage, ParentMessage, RunMessage, StageName } from './inference.ts';

/** The child's end of the channel: `process` in the child, a fake in tests. */
export interface ParentChannel {
  on(event: 'message', listener: (message: ParentMessage) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  send?(message: ChildMessage): unknown;
}

type Sessions = Readonly<Record<StageName, InferenceSession>>;

/**
 * Serves inference over the channel: one `load`, then any number of `run`, answered in order. Ends the process when
 * the parent is gone. Messages of one channel arrive in order, so a `run` always finds the sessions being loaded.
 */
export function serveInference(channel: ParentChannel, exit: (code: number) => void): void {
  let sessions: Promise<Sessions> | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  const answer = async (message: ParentMessage): Promise<ChildMessage> => {
    if (message.kind === 'load') {
      sessions = loadSessions(message);
      await sessions;
      return { kind: 'ready' };
    }
    if (sessions === undefined) throw new Error('no networks are loaded');
    return runNetwork((await sessions)[message.stage], message);
  };
  channel.on('disconnect', () => exit(0));
  channel.on('message', (message) => {
    tail = tail.then(async () => {
      channel.send?.(
        await answer(message).catch((error: unknown) => ({
          kind: 'failed' as const,
          ...(message.kind === 'run' ? { id: message.id } : {}),
          message: error instanceof Error ? error.message : 'unknown failure',
        })),
      );
    });
  });
}

async function loadSessions({ models, threads }: LoadMessage): Promise<Sessions> {
  const open = (bytes: Uint8Array) =>
    InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Errors only: warnings about the graph would end up on a terminal that shows a progress bar.
      logSeverityLevel: 3,
      // Idle worker threads must sleep, not spin: the server has other work for these cores.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  return { coarse: await open(models.coarse), fine: await open(models.fine) };
}

async function runNetwork(session: InferenceSession, message: RunMessage): Promise<ChildMessage> {
  const [inputName] = session.inputNames;
  const [outputName] = session.outputNames;
  const outputs = await session.run({ [inputName!]: new OnnxTensor('float32', message.data, message.dims) });
  const output = outputs[outputName!]!;
  if (!(output.data instanceof Float32Array)) throw new Error('the network does not answer 32-bit floats');
  return { kind: 'result', id: message.id, dims: output.dims, data: output.data };
}
