import type { PixelHeader } from '../domain/instance.ts';

/** Decodes compressed frames off the event loop: a decoder is other people's code on other people's bytes. */
export interface FrameDecoder {
  /**
   * One frame of an encapsulated transfer syntax as little endian samples of BitsAllocated bits.
   *
   * @param frame the frame's stream, its fragments joined; not changed.
   * @throws malformed-pixels (also: the decoder died of it), unsupported-transfer-syntax; limit-exceeded for a frame
   *   that becomes too large or takes too long; overloaded when too many frames wait; cancelled after `close`.
   */
  decode(frame: Uint8Array, transferSyntaxUid: string, pixels: PixelHeader): Promise<Uint8Array>;
  close(): Promise<void>;
}
