import { NeuroInsightError } from '../domain/errors.ts';
import type { PixelHeader } from '../domain/instance.ts';

/** The codecs of dcmjs-codecs (WebAssembly) that are used. */
export type NativeCodec = 'jpeg' | 'jpeg-ls' | 'jpeg-2000' | 'htj2k';

/**
 * Decodes one grey frame to little endian samples of BitsAllocated bits. The package, with its WebAssembly, is loaded
 * at the first such frame, from disk only.
 *
 * @throws malformed-pixels: the stream names another size than the header, or cannot be decoded.
 */
export async function decodeNative(codec: NativeCodec, frame: Uint8Array, pixels: PixelHeader): Promise<Uint8Array> {
  checkSize(codec, frame, pixels);
  const { NativeCodecs, Context, log } = await load();
  log.setLevel('silent');
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
  const context = new Context({
    width: pixels.columns,
    height: pixels.rows,
    bitsAllocated: pixels.bitsAllocated,
    bitsStored: pixels.bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: pixels.pixelRepresentation,
    planarConfiguration: 0,
    photometricInterpretation: pixels.photometricInterpretation,
    encodedBuffer: frame,
  });
  try {
    const decode = {
      jpeg: () => NativeCodecs.decodeJpeg(context),
      'jpeg-ls': () => NativeCodecs.decodeJpegLs(context),
      'jpeg-2000': () => NativeCodecs.decodeJpeg2000(context),
      htj2k: () => NativeCodecs.decodeHtJpeg2000(context),
    };
    return decode[codec]().getDecodedBuffer() ?? new Uint8Array(0);
  } catch (error) {
    // After an exception the instance may hold broken memory: the next frame starts a new one.
    NativeCodecs.release();
    throw new NeuroInsightError('malformed-pixels', `a ${codec} frame cannot be decoded`, { cause: error });
  }
}

async function load(): Promise<typeof import('dcmjs-codecs')> {
  const loaded = (await import('dcmjs-codecs')) as unknown as { default: typeof import('dcmjs-codecs') };
  return loaded.default;
}

/** The size in the stream decides what a decoder allocates: it must be the header's before a decoder sees it. */
function checkSize(codec: NativeCodec, frame: Uint8Array, { rows, columns }: PixelHeader): void {
  const size = codec === 'jpeg' || codec === 'jpeg-ls' ? jpegSize(frame) : codestreamSize(frame);
  if (!size || size.rows !== rows || size.columns !== columns || size.components !== 1) {
    throw new NeuroInsightError('malformed-pixels', `a ${codec} frame of another size than its header says`);
  }
}

interface StreamSize {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
}

/** SOFn or SOF55. ITU-T T.81 B.2.2, T.87 C.2.2. */
function jpegSize(frame: Uint8Array): StreamSize | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 2;
  while (at + 10 <= frame.length && frame[at] === 0xff) {
    const marker = frame[at + 1]!;
    const isFrame =
      (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;
    if (isFrame) return { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7), components: frame[at + 9]! };
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** SIZ right after SOC, the image area without its offset. ITU-T T.800 A.5.1. */
function codestreamSize(frame: Uint8Array): StreamSize | undefined {
  if (frame.length < 42 || frame[0] !== 0xff || frame[1] !== 0x4f || frame[2] !== 0xff || frame[3] !== 0x51)
    return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    components: view.getUint16(40),
  };
}
