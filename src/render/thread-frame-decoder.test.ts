import { afterEach, describe, expect, it } from '@jest/globals';
import { compressFrame } from '../../test/harness/compressed-frame.ts';
import type { PixelHeader } from '../domain/instance.ts';
import { ThreadFrameDecoder, type ThreadFrameDecoderOptions } from './thread-frame-decoder.ts';

const MISBEHAVING = new URL('../../test/harness/misbehaving-frame-decoder.js', import.meta.url);
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const PIXELS: PixelHeader = {
  rows: 4,
  columns: 6,
  samplesPerPixel: 1,
  photometricInterpretation: 'MONOCHROME2',
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  pixelRepresentation: 0,
};
const samples = new Uint8Array(Uint16Array.from({ length: 24 }, (_, i) => 100 * i).buffer);
const opened: ThreadFrameDecoder[] = [];

function open(options: ThreadFrameDecoderOptions = {}): ThreadFrameDecoder {
  const decoder = new ThreadFrameDecoder(options);
  opened.push(decoder);
  return decoder;
}

/** The stand-in does what the transfer syntax says. */
function openMisbehaving(options: ThreadFrameDecoderOptions = {}) {
  const decoder = open({ entry: MISBEHAVING, ...options });
  return {
    ask: async (what: string, ...frame: number[]) => [...(await decoder.decode(Uint8Array.from(frame), what, PIXELS))],
    close: () => decoder.close(),
  };
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((decoder) => decoder.close()));
});

describe('a frame decoded in its thread', () => {
  it('has the samples that were compressed, and leaves the file alone that it lies in', async () => {
    const frame = await compressFrame(
      { rows: 4, columns: 6, bitsAllocated: 16, bitsStored: 12, samples },
      { codec: 'jpeg-ls' },
    );
    const file = new Uint8Array(frame.length + 100);
    file.set(frame, 50);
    const before = Uint8Array.from(file);
    const decoder = open();
    const view = file.subarray(50, 50 + frame.length);
    expect([...(await decoder.decode(view, JPEG_LS, PIXELS))]).toEqual([...samples]);
    expect(file).toEqual(before);
    await expect(decoder.decode(view, JPEG_LS, { ...PIXELS, rows: 5 })).rejects.toMatchObject({
      kind: 'malformed-pixels',
      message: 'a jpeg-ls frame of another size than its header says',
    });
    await expect(decoder.decode(view, '1.2.3', PIXELS)).rejects.toMatchObject({ kind: 'unsupported-transfer-syntax' });
  });

  it('comes in the order in which it was asked for, all from one thread', async () => {
    const { ask } = openMisbehaving();
    const answers = await Promise.all([7, 8, 9].map((byte) => ask('echoes', byte)));
    expect(answers).toEqual([
      [0, 7],
      [1, 8],
      [2, 9],
    ]);
  });

  it('fails with the kind that the thread named, or as a defect', async () => {
    const { ask } = openMisbehaving();
    await expect(ask('refuses')).rejects.toMatchObject({ kind: 'malformed-pixels', message: 'too few pixels' });
    const defect = await ask('defect').catch((error: unknown) => error);
    expect(defect).toMatchObject({ message: 'x is not a function' });
    expect(defect).not.toHaveProperty('kind');
  });
});

describe('a frame that goes wrong', () => {
  it.each(['hangs', 'waits'])('is given up when its thread %s, and the next one gets another thread', async (how) => {
    const { ask } = openMisbehaving({ frameMilliseconds: 2000 });
    expect(await ask('echoes', 1)).toEqual([0, 1]);
    const outcomes = await Promise.allSettled([ask(how), ask('echoes', 2)]);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { kind: 'limit-exceeded', message: 'a frame takes too long to decode' } },
      { status: 'fulfilled', value: [0, 2] },
    ]);
  });

  it.each(['throws', 'exits'])('fails alone when its thread %s, and the next one gets another thread', async (how) => {
    const { ask } = openMisbehaving();
    const outcomes = await Promise.allSettled([ask('echoes', 1), ask(how), ask('echoes', 2)]);
    expect(outcomes).toMatchObject([
      { value: [0, 1] },
      { status: 'rejected', reason: { kind: 'malformed-pixels', message: 'a frame ended its decoder' } },
      { value: [0, 2] },
    ]);
  });

  it('does not take more memory than the thread may have', async () => {
    const { ask } = openMisbehaving({ heapMiB: 32 });
    await expect(ask('hoards')).rejects.toMatchObject({
      kind: 'limit-exceeded',
      cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    });
    expect(await ask('echoes', 3)).toEqual([0, 3]);
  });
});

describe('a decoder that has enough to do', () => {
  it('refuses what more than a few would wait for', async () => {
    const { ask } = openMisbehaving({ waitingFrames: 2 });
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((byte) => ask('echoes', byte)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[3]).toMatchObject({ reason: { kind: 'overloaded' } });
    expect(await ask('echoes', 5)).toEqual([3, 5]);
  });

  it('gives up what is in work and what waits when it is closed, and takes nothing more', async () => {
    const { ask, close } = openMisbehaving();
    const asked = [ask('hangs'), ask('echoes', 1)].map((answer) => answer.catch(({ kind }) => kind));
    await close();
    expect(await Promise.all(asked)).toEqual(['cancelled', 'cancelled']);
    await expect(ask('echoes', 2)).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('can be closed before it was ever asked', async () => {
    await expect(open().close()).resolves.toBeUndefined();
  });
});
