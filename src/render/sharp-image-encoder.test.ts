import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { SharpImageEncoder } from './sharp-image-encoder.ts';

const encoder = new SharpImageEncoder();
const rgb = Uint8Array.from({ length: 7 * 5 * 3 }, (_, n) => (n * 37) % 256);

describe('SharpImageEncoder', () => {
  it('writes a PNG that holds exactly the given pixels, top row first', async () => {
    const png = await encoder.png(rgb, 7, 5);
    expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([7, 5, 3]);
    expect([...data]).toEqual([...rgb]);
  });

  it('stays in RGB for a grey picture, so that all pictures of a report are of one kind', async () => {
    const { channels } = await sharp(await encoder.png(new Uint8Array(300).fill(90), 10, 10)).metadata();
    expect(channels).toBe(3);
  });

  it('writes the same bytes again', async () => {
    expect(await encoder.png(rgb, 7, 5)).toEqual(await encoder.png(rgb, 7, 5));
  });

  it.each([
    [7, 6],
    [0, 0],
    [-7, -5],
  ])('refuses bytes that do not fill %i x %i pixels', async (width, height) => {
    await expect(encoder.png(rgb, width, height)).rejects.toMatchObject({ kind: 'invalid-request' });
  });
});
