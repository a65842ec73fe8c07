import codecs from 'dcmjs-codecs';

const { Context, NativeCodecs, log } = codecs as unknown as typeof import('dcmjs-codecs');

export interface FrameToCompress {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly samples: Uint8Array;
}

export type Compression =
  | { readonly codec: 'jpeg-lossless'; readonly predictor: number; readonly pointTransform?: number }
  | { readonly codec: 'jpeg' | 'jpeg-ls' | 'jpeg-2000' | 'htj2k' | 'rle' };

/** Compresses one grey frame with an encoder that is not ours; lossless, but for 'jpeg'. */
export async function compressFrame(frame: FrameToCompress, compression: Compression): Promise<Uint8Array> {
  log.setLevel('silent');
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
  const context = new Context({
    width: frame.columns,
    height: frame.rows,
    bitsAllocated: frame.bitsAllocated,
    bitsStored: frame.bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    decodedBuffer: frame.samples,
  });
  const encoded = encode(context, compression).getEncodedBuffer();
  if (!encoded) throw new Error(`no ${compression.codec} frame`);
  return encoded;
}

function encode(context: InstanceType<typeof Context>, compression: Compression) {
  switch (compression.codec) {
    case 'jpeg-lossless': {
      const { predictor, pointTransform = 0 } = compression;
      return NativeCodecs.encodeJpeg(context, { lossy: false, predictor, pointTransform });
    }
    case 'jpeg':
      return NativeCodecs.encodeJpeg(context, { lossy: true, quality: 100 });
    case 'jpeg-ls':
      return NativeCodecs.encodeJpegLs(context, { lossy: false });
    case 'jpeg-2000':
      return NativeCodecs.encodeJpeg2000(context, { lossy: false });
    case 'htj2k':
      return NativeCodecs.encodeHtJpeg2000(context, { lossy: false });
    case 'rle':
      return NativeCodecs.encodeRle(context);
  }
}
