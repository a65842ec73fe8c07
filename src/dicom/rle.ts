import { NeuroInsightError } from '../domain/errors.ts';

const HEADER = 64;

/**
 * Decodes one frame of RLE Lossless (PS3.5 annex G) into little endian samples of `bytesPerSample`, one after the other.
 * @param samples rows * columns; one sample a pixel.
 * @throws malformed-pixels.
 */
export function decodeRle(frame: Uint8Array, samples: number, bytesPerSample: number): Uint8Array {
  if (frame.length < HEADER) throw new NeuroInsightError('malformed-pixels', 'an RLE frame without its header');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== bytesPerSample) {
    throw new NeuroInsightError(
      'malformed-pixels',
      `an RLE frame of ${segments} segments where ${bytesPerSample} are needed`,
    );
  }
  const decoded = new Uint8Array(samples * bytesPerSample);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : frame.length;
    if (start < HEADER || end < start || end > frame.length) {
      throw new NeuroInsightError('malformed-pixels', 'an RLE segment outside its frame');
    }
    // The first segment holds the most significant bytes (G.2); in memory they come last.
    unpack(frame, start, end, decoded, bytesPerSample - 1 - segment, bytesPerSample);
  }
  return decoded;
}

/** PS3.5 G.3.2: 0..127 copies n + 1 bytes, 129..255 repeats the next one 257 - n times, 128 does nothing. */
function unpack(from: Uint8Array, start: number, end: number, to: Uint8Array, first: number, step: number): void {
  let at = start;
  let out = first;
  while (out < to.length && at < end) {
    const control = from[at++]!;
    if (control < 128) {
      for (let n = control + 1; n > 0 && at < end && out < to.length; n--, out += step) to[out] = from[at++]!;
    } else if (control > 128 && at < end) {
      const value = from[at++]!;
      for (let n = 257 - control; n > 0 && out < to.length; n--, out += step) to[out] = value;
    }
  }
  if (out < to.length) throw new NeuroInsightError('malformed-pixels', 'an RLE segment ends before its image');
}
