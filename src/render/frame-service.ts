import { decodeCompressed } from '../dicom/frame-codecs.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { DecodedFrame, FrameToDecode } from './frame-messages.ts';

/** The side of the port that the thread has. */
export interface FrameChannel {
  on(event: 'message', listener: (request: FrameToDecode) => void): unknown;
  postMessage(answer: DecodedFrame, transfer?: ArrayBuffer[]): void;
}

/** Decodes the frames that are sent, and answers each. */
export function serveFrames(channel: FrameChannel): void {
  channel.on('message', async ({ frame, transferSyntaxUid, pixels }) => {
    try {
      // A copy of its own: what a codec returns may be a view of its memory, or of the frame.
      const samples = new Uint8Array(await decodeCompressed(frame, transferSyntaxUid, pixels));
      channel.postMessage({ samples }, [samples.buffer]);
    } catch (error) {
      const errorKind = error instanceof NeuroInsightError ? error.kind : undefined;
      channel.postMessage({ errorKind, message: String((error as Error).message) });
    }
  });
}
