import sharp from 'sharp';
import { NeuroInsightError } from '../domain/errors.ts';
import type { GreyPicture, PictureEncoder, PictureOptions } from '../ports/index.ts';

/** Pictures for viewers by libvips, in its own threads: one channel of 8 bits, PNG at its quickest. */
export class SharpPictureEncoder implements PictureEncoder {
  /** Throws invalid-request when the bytes do not fill the picture. */
  async encode(
    { grey, width, height }: GreyPicture,
    type: 'image/png' | 'image/jpeg',
    { quality, fitInto }: PictureOptions,
  ): Promise<Uint8Array> {
    if (!(width > 0 && height > 0) || grey.length !== width * height) {
      throw new NeuroInsightError('invalid-request', `${grey.length} bytes do not fill ${width} x ${height} pixels`);
    }
    let picture = sharp(grey, { raw: { width, height, channels: 1 } });
    if (fitInto) picture = picture.resize({ ...fitInto, fit: 'inside' });
    // Without it libvips writes what it worked in: three equal channels after a resize.
    picture = picture.toColourspace('b-w');
    const encoded = type === 'image/png' ? picture.png({ compressionLevel: 1 }) : picture.jpeg({ quality });
    return new Uint8Array(await encoded.toBuffer());
  }
}
