import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Inference } from './inference.ts';
import { openInferenceChild } from './inference-child.ts';

const entry = new URL('../../test/harness/misbehaving-inference.js', import.meta.url);
const models = { coarse: new Uint8Array(1), fine: new Uint8Array(1) };
const echo = 0;
const crash = 1;
const hang = 2;
const hoard = 3;
const report = 4;
const pid = 5;
const leave = 6;
const surroundings = 7;

/** Ids of the processes that this one started. */
function childrenOfThis(): number[] {
  const listed = readdirSync('/proc/self/task').map((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8'));
  return listed.flatMap((line) => line.trim().split(' ').filter(Boolean).map(Number));
}

describe('openInferenceChild', () => {
  let inference: Inference | undefined;
  const open = (limits: { runMilliseconds?: number; memoryMebibytes?: number } = {}): Inference => {
    inference = openInferenceChild({
      models,
      threads: 1,
      limits: { runMilliseconds: 20_000, memoryMebibytes: 512, ...limits },
      entry,
    });
    return inference;
  };
  const run = (behaviour: number, signal = new AbortController().signal) =>
    inference!.run('fine', { dims: [1, 2], data: Float32Array.of(behaviour, 0.5) }, signal);
  afterEach(async () => {
    await inference?.close();
    inference = undefined;
  });

  it('hands tensors there and back unchanged', async () => {
    open();
    const answer = await run(echo);
    expect(answer.dims).toEqual([1, 2]);
    expect(Array.from(answer.data)).toEqual([0, 0.5]);
  });

  it('keeps one child between runs and queues runs that overlap', async () => {
    open();
    const [first, second] = await Promise.all([run(pid), run(pid)]);
    expect(first.data[0]).toBe(second.data[0]);
  });

  it('starts the child that the first run then uses when it is told to prepare', async () => {
    const earlier = childrenOfThis();
    const prepared = open();
    prepared.prepare?.();
    prepared.prepare?.();
    const started = childrenOfThis().filter((child) => !earlier.includes(child));
    expect(started).toEqual([(await run(pid)).data[0]]);
  });

  it('ends a child that was only prepared, and prepares none after it was closed', async () => {
    const prepared = open();
    prepared.prepare?.();
    await prepared.close();
    prepared.prepare?.();
    await expect(run(echo)).rejects.toMatchObject({ message: 'the segmenter is closed' });
  });

  it('reports a crash by name and starts a new child for the next run', async () => {
    open();
    const before = await run(pid);
    await expect(run(crash)).rejects.toMatchObject({
      kind: 'inference-failed',
      message: expect.stringMatching(/ended unexpectedly/),
    });
    const after = await run(pid);
    expect(after.data[0]).not.toBe(before.data[0]);
  });

  it('kills a child that hangs in a loop', async () => {
    open({ runMilliseconds: 700 });
    await expect(run(hang)).rejects.toMatchObject({ kind: 'inference-timeout' });
    await expect(run(echo)).resolves.toBeDefined();
  });

  it('kills a child that takes too much memory', async () => {
    open({ memoryMebibytes: 300 });
    await expect(run(hoard)).rejects.toMatchObject({
      kind: 'inference-failed',
      message: expect.stringMatching(/passed 300 MiB/),
    });
  });

  it('passes on the first line of what failed in the child', async () => {
    open();
    await expect(run(report)).rejects.toMatchObject({
      kind: 'inference-failed',
      message: 'the model process failed: first line',
    });
  });

  it('ends a running child when the caller aborts, and a queued run before it starts', async () => {
    open();
    const controller = new AbortController();
    const running = run(hang, controller.signal);
    const queued = run(echo, controller.signal);
    const later = run(echo);
    setTimeout(() => controller.abort(), 200);
    await expect(running).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(queued).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(later).resolves.toBeDefined();
  });

  it('starts a new child when the old one left while idle', async () => {
    open();
    await run(leave);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(run(echo)).resolves.toBeDefined();
  });

  it('gives the child no setting of the server and no flag of its own process', async () => {
    process.env.NEUROINSIGHT_TEST_SECRET = 'x';
    try {
      open();
      expect(Array.from((await run(surroundings)).data)).toEqual([0, 1]);
    } finally {
      delete process.env.NEUROINSIGHT_TEST_SECRET;
    }
  });

  it('refuses runs after it was closed', async () => {
    const closed = open();
    await run(echo);
    await closed.close();
    await expect(run(echo)).rejects.toMatchObject({ kind: 'inference-failed', message: 'the segmenter is closed' });
  });
});
