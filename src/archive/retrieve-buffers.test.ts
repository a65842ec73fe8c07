import { describe, expect, it } from '@jest/globals';
import { createReadBuffers } from './retrieve-buffers.ts';
import { READ_BYTES, readInOrder } from './retrieve-pieces.ts';

const location = (offset: number, length: number) => ({ pack: 'a', offset, length });

/** Counts the buffers that are out, and refuses one that comes back twice. */
function countedBuffers() {
  const out = new Set<Uint8Array>();
  let made = 0;
  const buffers = createReadBuffers(READ_BYTES, 16);
  const seen = new Set<Uint8Array>();
  return {
    out,
    made: () => made,
    buffers: {
      size: buffers.size,
      take: () => {
        const buffer = buffers.take();
        if (!seen.has(buffer)) made++;
        seen.add(buffer);
        out.add(buffer);
        return buffer;
      },
      giveBack: (buffer: Uint8Array) => {
        if (!out.delete(buffer)) throw new Error('given back twice');
        buffers.giveBack(buffer);
      },
    },
  };
}

const read = async ({ length }: { length: number }, _?: unknown, into?: Uint8Array) => into!.subarray(0, length);

describe('memory that is used again', () => {
  it('comes back after each reply that was read to its end, and serves the next', async () => {
    const { buffers, out, made } = countedBuffers();
    for (let reply = 0; reply < 5; reply++) {
      for await (const _ of readInOrder({ read }, [location(0, 6 * READ_BYTES)], buffers));
      expect(out.size).toBe(0);
    }
    expect(made()).toBeLessThanOrEqual(5);
  });

  it('does not come back while what was handed out may still be sent, nor while it is being read into', async () => {
    const { buffers, out } = countedBuffers();
    let release: (() => void)[] = [];
    const slow = (place: { length: number }, _?: unknown, into?: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve) => release.push(() => resolve(into!.subarray(0, place.length))));
    const reader = readInOrder({ read: slow }, [location(0, 6 * READ_BYTES)], buffers);
    const first = reader.next();
    release[0]!();
    await first;
    const running = out.size - 1;
    await reader.return(undefined);
    expect(out.size).toBe(running + 1);
    for (const end of release) end();
    release = [];
    await new Promise((resolve) => setImmediate(resolve));
    // All but the one that the reader has seen.
    expect(out.size).toBe(1);
  });

  it('keeps no more than it was told to', () => {
    const buffers = createReadBuffers(8, 1);
    const [a, b] = [buffers.take(), buffers.take()];
    buffers.giveBack(a);
    buffers.giveBack(b);
    expect(buffers.take()).toBe(a);
    expect(buffers.take()).not.toBe(b);
  });
});
