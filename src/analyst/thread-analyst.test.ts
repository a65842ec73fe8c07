import { afterEach, describe, expect, it } from '@jest/globals';
import { sourceRow } from '../../test/harness/run-world.ts';
import type { AnalysisRequest, Analyst } from '../ports/index.ts';
import { childrenResidentBytes } from '../segmentation/resident-memory.ts';
import { createThreadAnalyst } from './thread-analyst.ts';

const ENTRY = new URL('../../test/harness/misbehaving-analysis.js', import.meta.url);
const DATA = {
  dataDir: '/nowhere',
  modelDir: '/nowhere',
  normsFile: '/nowhere',
  fonts: { regular: '/nowhere', bold: '/nowhere' },
  threads: 1,
  inferenceTimeoutSeconds: 1,
  inferenceMemoryMiB: 256,
  softwareVersion: '1.0.0',
};
const packAccess = async (pack: string) => ({ pack, bytes: 48, key: new Uint8Array(32), context: new Uint8Array(32) });
const never = new AbortController().signal;
const opened: Analyst[] = [];

function open(options: { heapMiB?: number; graceMilliseconds?: number } = {}): Analyst {
  const analyst = createThreadAnalyst({
    data: DATA,
    packAccess,
    modelSha256: 'm'.repeat(64),
    entry: ENTRY,
    ...options,
  });
  opened.push(analyst);
  return analyst;
}

/** The stand-in does what the date says. */
const asked = (date: string, change: Partial<AnalysisRequest> = {}): AnalysisRequest => ({
  instances: [sourceRow(1), sourceRow(2)],
  date,
  dateOfEarlierRun: async () => undefined,
  ...change,
});
const ignored = (): void => undefined;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((analyst) => analyst.close()));
});

describe('an analysis in its thread', () => {
  it('tells its progress and hands over result, files and times', async () => {
    const steps: string[] = [];
    const analyst = open();
    expect(analyst.residentBytes()).toBeUndefined();
    const outcome = await analyst.analyse(asked('done'), (step, part) => steps.push(`${step} ${part}`), never);
    expect(steps).toEqual(['read-headers 0.5', 'segment 0.5', 'encode 0.5']);
    expect(outcome).toMatchObject({ result: { instances: 2 }, times: { encode: 1 } });
    expect(outcome.files.map(({ name, bytes }) => [name, ...bytes])).toEqual([['report.pdf', 37, 80]]);
    expect(analyst.residentBytes()).toBeGreaterThanOrEqual(0);
  });

  it('starts before the first study when it is told to prepare, and measures in what it started', async () => {
    const analyst = open();
    analyst.prepare?.();
    expect(analyst.residentBytes()).toBeGreaterThanOrEqual(0);
    await expect(analyst.analyse(asked('done'), ignored, never)).resolves.toMatchObject({ times: { encode: 1 } });
  });

  it('fails with the kind that the walk named, or as a defect', async () => {
    const analyst = open();
    await expect(analyst.analyse(asked('refused'), ignored, never)).rejects.toMatchObject({
      kind: 'too-few-slices',
      message: 'the series has 3 slices',
    });
    const defect = await analyst.analyse(asked('defect'), ignored, never).catch((error: unknown) => error);
    expect(defect).toMatchObject({ message: 'TypeError: x is not a function' });
    expect(defect).not.toHaveProperty('kind');
  });

  it('asks for the date of an earlier run by the key of the analysis', async () => {
    const dateOfEarlierRun = async (key: string): Promise<string> => `date of ${key}`;
    const answer = open().analyse(asked('asks', { dateOfEarlierRun }), ignored, never);
    await expect(answer).rejects.toThrow('date of key-1');
  });

  it('fails when that date cannot be found out', async () => {
    const dateOfEarlierRun = () => Promise.reject(new Error('the store is closed'));
    await expect(open().analyse(asked('asks', { dateOfEarlierRun }), ignored, never)).rejects.toThrow(
      'the store is closed',
    );
  });

  it('runs beside others', async () => {
    const analyst = open();
    const outcomes = await Promise.allSettled(
      ['done', 'refused', 'done'].map((date) => analyst.analyse(asked(date), ignored, never)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('has a fingerprint that changes with the model and the software', () => {
    const of = (modelSha256: string, softwareVersion: string): string =>
      createThreadAnalyst({ data: { ...DATA, softwareVersion }, packAccess, modelSha256 }).fingerprint;
    expect(of('a', '1')).toBe(of('a', '1'));
    expect(new Set([of('a', '1'), of('b', '1'), of('a', '2')]).size).toBe(3);
  });
});

describe('a thread that dies', () => {
  it.each(['throws', 'exits'])('fails what it had begun when it %s, and the next study gets another', async (how) => {
    const analyst = open();
    const outcomes = await Promise.allSettled(
      ['waits', how].map((date) => analyst.analyse(asked(date), ignored, never)),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { kind: 'inference-failed', message: 'the analysis thread ended unexpectedly' },
      });
    }
    expect(await analyst.analyse(asked('done'), ignored, never)).toMatchObject({ result: { instances: 2 } });
  });

  it('dies of too much memory alone', async () => {
    const analyst = open({ heapMiB: 32 });
    await expect(analyst.analyse(asked('hoards'), ignored, never)).rejects.toMatchObject({
      kind: 'inference-failed',
      cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    });
  });
});

describe('a cancelled analysis', () => {
  it('does not begin', async () => {
    const analyst = open();
    await expect(analyst.analyse(asked('done'), ignored, AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
    expect(analyst.residentBytes()).toBeUndefined();
  });

  it('ends, and leaves the others alone', async () => {
    const controller = new AbortController();
    const analyst = open();
    const cancelled = analyst.analyse(asked('waits'), ignored, controller.signal);
    const other = analyst.analyse(asked('done'), ignored, never);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await other).toMatchObject({ result: { instances: 2 } });
  });

  it('ends with its thread when the thread does not listen', async () => {
    const controller = new AbortController();
    const analyst = open({ graceMilliseconds: 10 });
    const cancelled = analyst.analyse(asked('hangs'), ignored, controller.signal);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await analyst.analyse(asked('done'), ignored, never)).toMatchObject({ result: { instances: 2 } });
  });
});

describe('closing', () => {
  it('ends the thread, also one that does not listen, and is harmless without one', async () => {
    const analyst = open({ graceMilliseconds: 10 });
    await analyst.close();
    const early = expect(analyst.analyse(asked('hangs'), ignored, never)).rejects.toMatchObject({
      kind: 'inference-failed',
    });
    await analyst.close();
    await early;
    const hanging = analyst.analyse(asked('hangs'), ignored, never);
    await new Promise((resolve) => setImmediate(resolve));
    const failed = expect(hanging).rejects.toMatchObject({ kind: 'inference-failed' });
    await analyst.close();
    await failed;
    expect(analyst.residentBytes()).toBeUndefined();
  });
});

describe('the memory of the children', () => {
  it('is counted in bytes', () => {
    expect(childrenResidentBytes()).toBeGreaterThanOrEqual(0);
  });
});
