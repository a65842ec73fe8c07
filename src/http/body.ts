import type { IncomingMessage } from 'node:http';
import { NeuroInsightError } from '../domain/errors.ts';
import type { AppContext } from './context.ts';

export interface BodyLimits {
  /** Longest body taken. */
  readonly limitBytes: number;
  /** Media types taken, lower case, without parameters: ['application/json']. */
  readonly types: readonly string[];
}

/** So much of a refused body is read and thrown away, that the client gets to see the answer; then the line is cut. */
const LINGER_BYTES = 16 * 1024 * 1024;
/** After so long a body must have come at this rate. */
const PATIENCE_SECONDS = 30;
const LEAST_BYTES_A_SECOND = 1024;

/** The media type of a Content-Type header in lower case without its parameters; '' when there is none. */
export function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/**
 * Refuses a body by its headers alone, before a byte of it is read.
 * @throws unsupported-media-type: another type, or a content coding; limit-exceeded: the announced length is too long.
 */
export function checkBodyHeaders(ctx: Pick<AppContext, 'get'>, { limitBytes, types }: BodyLimits): void {
  const coding = ctx.get('Content-Encoding').trim().toLowerCase();
  if (coding !== '' && coding !== 'identity') {
    throw new NeuroInsightError('unsupported-media-type', 'send the content without a content coding');
  }
  if (!types.includes(mediaType(ctx.get('Content-Type')))) {
    throw new NeuroInsightError('unsupported-media-type', `the content must be ${types.join(' or ')}`);
  }
  const length = ctx.get('Content-Length');
  if (length !== '' && Number(length) > limitBytes) throw tooLong(limitBytes);
}

/**
 * The whole body of the request.
 * @throws unsupported-media-type; limit-exceeded as soon as more than the limit came, whatever was announced;
 * invalid-request when the client went away before the end.
 */
export async function readBody(ctx: Pick<AppContext, 'get' | 'req' | 'res'>, limits: BodyLimits): Promise<Uint8Array> {
  checkBodyHeaders(ctx, limits);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bodyChunks(ctx)) {
    length += chunk.length;
    if (length > limits.limitBytes) throw tooLong(limits.limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/**
 * The body in the chunks in which it arrives. Leaving the loop early keeps the connection, so that an answer can be sent.
 * A client that asked whether it should send its body is told so here, when nothing speaks against it any more.
 * A body that trickles holds a place that others need: after some patience it must have come at a least rate.
 * @param now milliseconds of a clock that only goes forward.
 * @throws invalid-request when the client went away before the end; too-slow.
 */
export async function* bodyChunks(
  { req, res }: Pick<AppContext, 'req' | 'res'>,
  now = () => performance.now(),
): AsyncGenerator<Uint8Array> {
  if (isAwaitingContinue(req) && !res.headersSent) res.writeContinue();
  const started = now();
  let received = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      received += chunk.length;
      const seconds = (now() - started) / 1000;
      if (seconds > PATIENCE_SECONDS && received < seconds * LEAST_BYTES_A_SECOND) {
        throw new NeuroInsightError('too-slow', `the content came at less than ${LEAST_BYTES_A_SECOND} bytes a second`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof NeuroInsightError) throw error;
    throw new NeuroInsightError('invalid-request', 'the request ended before its content did', { cause: error });
  }
}

/** RFC 9110 10.1.1; one that speaks HTTP/1.0 does not know the answer. */
function isAwaitingContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && (headers.expect ?? '').toLowerCase().includes('100-continue');
}

/** JSON of the body. @throws what `readBody` throws; invalid-request when it is no JSON in UTF-8. */
export async function readJson(ctx: Pick<AppContext, 'get' | 'req' | 'res'>, limits: BodyLimits): Promise<unknown> {
  const bytes = await readBody(ctx, limits);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // What the parser says repeats pieces of the content.
    throw new NeuroInsightError('invalid-request', 'the content is not JSON');
  }
}

/**
 * Lets a client that is still sending finish reading our answer: closing the line with unread bytes on it would make
 * its system throw the answer away. What comes is discarded, up to a bound.
 */
export function discardRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return;
  let discarded = 0;
  req.on('data', (chunk: Uint8Array) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) req.destroy();
  });
  req.on('error', () => {});
  req.resume();
}

function tooLong(limitBytes: number): NeuroInsightError {
  return new NeuroInsightError('limit-exceeded', `the content is longer than ${limitBytes} bytes`);
}
