import { describe, expect, it } from '@jest/globals';
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN } from '../dicom/transfer-syntax.ts';
import { createInflations } from './inflations.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to. */
function works(count: number) {
  const begun: number[] = [];
  const ends: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const works = Array.from({ length: count }, (_, i) => () => {
    begun.push(i);
    return new Promise<number>((resolve, reject) => {
      ends[i] = { resolve, reject };
    });
  });
  return { begun, ends, works };
}

describe('work on deflated files', () => {
  it('is done so much at a time, in the order it came, and goes on after a failure', async () => {
    const inflations = createInflations(2);
    const { begun, ends, works: all } = works(4);
    const results = Promise.allSettled(all.map((work) => inflations.run(DEFLATED_EXPLICIT_LITTLE_ENDIAN, work)));
    await turn();
    expect(begun).toEqual([0, 1]);
    ends[1]!.reject(new Error('cut'));
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    ends[0]!.resolve(0);
    await turn();
    expect(begun).toEqual([0, 1, 2, 3]);
    ends[2]!.resolve(2);
    ends[3]!.resolve(3);
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await inflations.run(DEFLATED_EXPLICIT_LITTLE_ENDIAN, async () => 'free again')).toBe('free again');
  });

  it('does not hold up any other file', async () => {
    const inflations = createInflations(1);
    const { ends, works: all } = works(1);
    const held = inflations.run(DEFLATED_EXPLICIT_LITTLE_ENDIAN, all[0]!);
    await turn();
    expect(await inflations.run('1.2.840.10008.1.2.1', async () => 'plain')).toBe('plain');
    ends[0]!.resolve(7);
    expect(await held).toBe(7);
  });
});
