import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MODEL_FOLDER } from '../../test/harness/formula-head.ts';
import type { ChildMessage, ParentMessage } from './inference.ts';
import { serveInference } from './inference-service.ts';

/** The child's end of a channel without a process. */
function openChannel() {
  const events = new EventEmitter();
  const waiting: ((message: ChildMessage) => void)[] = [];
  const exits: number[] = [];
  serveInference(Object.assign(events, { send: (message: ChildMessage) => waiting.shift()?.(message) }), (code) =>
    exits.push(code),
  );
  const ask = (message: ParentMessage): Promise<ChildMessage> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      events.emit('message', message);
    });
  return { ask, exits, events };
}

const bytesOf = (name: string): Uint8Array => readFileSync(new URL(name, MODEL_FOLDER));
const load = (): ParentMessage => ({
  kind: 'load',
  models: { coarse: bytesOf('coarse.onnx'), fine: bytesOf('fine.onnx') },
  threads: 1,
});

describe('serveInference', () => {
  it('loads both networks and answers runs in order with probabilities', async () => {
    const { ask } = openChannel();
    const answers = await Promise.all([
      ask(load()),
      ask({ kind: 'run', id: 1, stage: 'fine', dims: [1, 1, 16, 16, 16], data: new Float32Array(4096).fill(0.5) }),
      ask({ kind: 'run', id: 2, stage: 'coarse', dims: [1, 1, 16, 16, 16], data: new Float32Array(4096) }),
    ]);
    expect(answers[0]).toEqual({ kind: 'ready' });
    expect(answers.slice(1)).toMatchObject([
      { kind: 'result', id: 1, dims: [1, 3, 16, 16, 16] },
      { kind: 'result', id: 2, dims: [1, 3, 16, 16, 16] },
    ]);
    const fine = answers[1] as { data: Float32Array };
    for (const at of [0, 1000, 4095]) {
      expect(fine.data[at]! + fine.data[at + 4096]! + fine.data[at + 8192]!).toBeCloseTo(1, 4);
    }
  });

  it('says what failed and goes on', async () => {
    const { ask } = openChannel();
    const run = { kind: 'run', id: 7, stage: 'fine', dims: [1, 1, 16, 16, 16], data: new Float32Array(1) } as const;
    expect(await ask(run)).toEqual({ kind: 'failed', id: 7, message: 'no networks are loaded' });
    const junk = new Uint8Array([1, 2, 3]);
    expect(await ask({ kind: 'load', models: { coarse: junk, fine: junk }, threads: 1 })).toMatchObject({
      kind: 'failed',
    });
    await ask(load());
    expect(await ask(run)).toMatchObject({ kind: 'failed', id: 7 });
    expect(await ask({ ...run, data: new Float32Array(4096) })).toMatchObject({ kind: 'result', id: 7 });
  });

  it('ends with its parent', () => {
    const { events, exits } = openChannel();
    events.emit('disconnect');
    expect(exits).toEqual([0]);
  });
});
