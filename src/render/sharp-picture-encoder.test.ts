import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { SharpPictureEncoder } from './sharp-picture-encoder.ts';

const encoder = new SharpPictureEncoder();
const picture = { grey: Uint8Array.from({ length: 40 * 20 }, (_, n) => (n * 5) % 256), width: 40, height: 20 };

describe('SharpPictureEncoder', () => {
  it('writes a PNG of one channel that holds exactly the given pixels', async () => {
    const png = await encoder.encode(picture, 'image/png', { quality: 90 });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, (await sharp(png).metadata()).channels]).toEqual([40, 20, 1]);
    expect(data.filter((_, i) => i % info.channels === 0)).toEqual(Buffer.from(picture.grey));
  });

  it('writes a JPEG, smaller with less quality', async () => {
    const good = await encoder.encode(picture, 'image/jpeg', { quality: 95 });
    const poor = await encoder.encode(picture, 'image/jpeg', { quality: 10 });
    expect((await sharp(good).metadata()).format).toBe('jpeg');
    expect(poor.length).toBeLessThan(good.length);
  });

  it.each([
    [10, 10, 10, 5],
    [80, 400, 80, 40],
  ])('fits it into %i x %i as %i x %i', async (width, height, columns, rows) => {
    const png = await encoder.encode(picture, 'image/png', { quality: 90, fitInto: { width, height } });
    const found = await sharp(png).metadata();
    expect([found.width, found.height, found.channels]).toEqual([columns, rows, 1]);
  });

  it('refuses bytes that do not fill the picture', async () => {
    const short = { ...picture, width: 41 };
    await expect(encoder.encode(short, 'image/png', { quality: 90 })).rejects.toMatchObject({
      kind: 'invalid-request',
    });
  });
});
