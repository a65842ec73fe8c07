import { describe, expect, it } from '@jest/globals';
import type { PixelHeader } from '../domain/instance.ts';
import type { DecodedFrame, FrameToDecode } from './frame-messages.ts';
import { serveFrames } from './frame-service.ts';

const RLE = '1.2.840.10008.1.2.5';
const PIXELS: PixelHeader = {
  rows: 1,
  columns: 2,
  samplesPerPixel: 1,
  photometricInterpretation: 'MONOCHROME2',
  bitsAllocated: 8,
  bitsStored: 8,
  highBit: 7,
  pixelRepresentation: 0,
};

/** Asks the service for one frame, and says what was handed over with the answer. */
function ask(request: FrameToDecode): Promise<{ answer: DecodedFrame; transfer: ArrayBuffer[] }> {
  return new Promise((resolve) => {
    serveFrames({
      on: (_, listener) => listener(request),
      postMessage: (answer, transfer = []) => resolve({ answer, transfer }),
    });
  });
}

/** One segment with the bytes 7 and 9 literally, PS3.5 G.3 to G.5. */
const rleFrame = (): Uint8Array => {
  const frame = new Uint8Array(68);
  frame.set([1, 0, 0, 0, 64]);
  frame.set([1, 7, 9, 0], 64);
  return frame;
};

describe('the service in the thread', () => {
  it('hands the samples over instead of copying them again', async () => {
    const { answer, transfer } = await ask({ frame: rleFrame(), transferSyntaxUid: RLE, pixels: PIXELS });
    expect(answer).toEqual({ samples: Uint8Array.of(7, 9) });
    expect(transfer).toHaveLength(1);
    expect(transfer[0]!.byteLength).toBe(2);
  });

  it('names the kind of what it refuses', async () => {
    const short = { frame: rleFrame(), transferSyntaxUid: RLE, pixels: { ...PIXELS, columns: 200 } };
    expect((await ask(short)).answer).toMatchObject({ errorKind: 'malformed-pixels' });
    const unknown = { frame: rleFrame(), transferSyntaxUid: '1.2.3', pixels: PIXELS };
    expect((await ask(unknown)).answer).toMatchObject({ errorKind: 'unsupported-transfer-syntax' });
  });

  it('tells a defect without a kind', async () => {
    const { answer } = await ask({ frame: undefined as unknown as Uint8Array, transferSyntaxUid: RLE, pixels: PIXELS });
    expect(answer).toMatchObject({ errorKind: undefined, message: expect.any(String) });
  });
});
