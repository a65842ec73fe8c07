import { createInflateRaw, inflateRawSync } from 'node:zlib';
import { NeuroInsightError } from '../domain/errors.ts';

/** Inflated at most: this many bytes, and above `INFLATE_FREE` no more than `INFLATE_RATIO` times the file. */
const INFLATE_MOST = 256 * 2 ** 20;
const INFLATE_FREE = 16 * 2 ** 20;
const INFLATE_RATIO = 100;
const CHUNK = 2 ** 20;

/**
 * The dataset of a deflated file, PS3.5 A.5. A bomb ends at the cap: nothing is allocated beyond it.
 * @throws limit-exceeded, truncated, malformed-dicom.
 */
export function inflate(deflated: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(inflateRawSync(deflated, { maxOutputLength: mostOf(deflated) }));
  } catch (error) {
    throw inflateError(error);
  }
}

/** As `inflate`, with the work in the threads of the runtime: the event loop only moves what comes, a piece a turn. */
export async function inflateAside(deflated: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const most = mostOf(deflated);
  let length = 0;
  const stream = createInflateRaw({ chunkSize: CHUNK });
  try {
    stream.end(deflated);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > most) throw tooFar();
      chunks.push(chunk);
    }
  } catch (error) {
    throw inflateError(error);
  }
  return joined(chunks, length);
}

/** One turn of the event loop a chunk: to join hundreds of megabytes at once would hold it up for a tenth of a second. */
async function joined(chunks: Uint8Array[], length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let chunk = chunks.shift(); chunk; chunk = chunks.shift()) {
    bytes.set(chunk, at);
    at += chunk.length;
    if (chunks.length > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return bytes;
}

const mostOf = (deflated: Uint8Array): number =>
  Math.min(INFLATE_MOST, Math.max(INFLATE_FREE, INFLATE_RATIO * deflated.length));

const tooFar = (cause?: unknown): NeuroInsightError =>
  new NeuroInsightError('limit-exceeded', 'the dataset inflates too far', { cause });

function inflateError(error: unknown): NeuroInsightError {
  if (error instanceof NeuroInsightError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooFar(error);
  if (code === 'Z_BUF_ERROR')
    return new NeuroInsightError('truncated', 'the deflated dataset is cut', { cause: error });
  return new NeuroInsightError('malformed-dicom', 'the dataset cannot be inflated', { cause: error });
}
