import { NeuroInsightError } from '../domain/errors.ts';
import type { Span } from './tokenizer.ts';

const malformed = (message: string) => new NeuroInsightError('malformed-pixels', message);

/**
 * The fragments of each frame of encapsulated pixel data (PS3.5 A.4): by the basic offset table when it is filled,
 * one fragment a frame when the counts agree, all of them for a single frame; else by the start of a JPEG stream.
 *
 * @param spans fragments in file order, the basic offset table first; @param bytes what they count in.
 * @throws malformed-pixels when the frames cannot be told apart.
 */
export function fragmentsOfFrames(
  bytes: Uint8Array,
  spans: readonly Span[],
  frames: number,
): readonly (readonly Span[])[] {
  const [table, ...fragments] = spans;
  if (!table || fragments.length === 0) throw malformed('encapsulated pixel data without a fragment');
  if (frames === 1) return [fragments];
  if (fragments.length === frames) return fragments.map((fragment) => [fragment]);
  const starts = table.length > 0 ? startsByTable(bytes, table, fragments) : startsByMarker(bytes, fragments);
  if (starts.length !== frames) throw malformed(`${frames} frames but fragments of ${starts.length}`);
  return starts.map((start, i) => fragments.slice(start, starts[i + 1]));
}

/** Index of each frame's first fragment; offsets count from the first fragment's item tag. */
function startsByTable(bytes: Uint8Array, table: Span, fragments: readonly Span[]): number[] {
  const origin = fragments[0]!.start;
  const indexOfOffset = new Map(fragments.map((fragment, index) => [fragment.start - origin, index]));
  const view = new DataView(bytes.buffer, bytes.byteOffset + table.start, table.length);
  const starts: number[] = [];
  for (let at = 0; at + 4 <= table.length; at += 4) {
    const index = indexOfOffset.get(view.getUint32(at, true));
    if (index === undefined || index <= (starts.at(-1) ?? -1)) throw malformed('the basic offset table points nowhere');
    starts.push(index);
  }
  return starts;
}

/** Fragments that begin a JPEG, JPEG-LS (FFD8) or JPEG 2000 (FF4F) stream. */
function startsByMarker(bytes: Uint8Array, fragments: readonly Span[]): number[] {
  return fragments.flatMap(({ start, length }, index) => {
    const begins = length >= 2 && bytes[start] === 0xff && (bytes[start + 1] === 0xd8 || bytes[start + 1] === 0x4f);
    return begins ? [index] : [];
  });
}

/** The bytes of one frame in one piece; a view where it is one fragment. */
export function joinFragments(bytes: Uint8Array, fragments: readonly Span[]): Uint8Array {
  const [first, ...others] = fragments.map(({ start, length }) => bytes.subarray(start, start + length));
  if (!first) throw malformed('a frame without a fragment');
  return others.length === 0 ? first : new Uint8Array(Buffer.concat([first, ...others]));
}
