import { randomBytes } from 'node:crypto';
import type { Parts } from '../../archive/retrieve-frames.ts';
import type { BodyGroup } from './wado-body.ts';

export interface MultipartOptions {
  /** Type of the parts: stands in the envelope (quoted, RFC 2387 3.1) and in each part. */
  readonly type: string;
  /** Transfer syntax of part `index`, told in its Content-Type; PS3.18 8.7.3. */
  readonly transferSyntax?: (index: number) => string;
  /** URL of part `index`. */
  readonly location: (index: number) => string;
  /** Unguessable unless a test gives one: a stored object cannot hold it. */
  readonly boundary?: string;
}

export interface MultipartAnswer {
  readonly contentType: string;
  readonly body: AsyncGenerator<BodyGroup>;
}

/**
 * A multipart/related body (RFC 2387, PS3.18 8.6.1.2) that reads its parts while it is sent.
 *
 * Its length is not told, though it could be: the usual Python clients read a body of known length in pieces of 10 kB,
 * and one in chunks as they arrive, which takes half the time for a study. The last boundary says that nothing is missing.
 */
export function multipartOf(parts: Parts, options: MultipartOptions): MultipartAnswer {
  const boundary = options.boundary ?? randomBytes(18).toString('base64url');
  const head = (index: number): Buffer => headOf(index, boundary, options);
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  const contentType = `multipart/related; type="${options.type}"; boundary=${boundary}`;
  return { contentType, body: write(parts, head, end) };
}

function headOf(index: number, boundary: string, { type, transferSyntax, location }: MultipartOptions): Buffer {
  const syntax = transferSyntax ? `; transfer-syntax=${transferSyntax(index)}` : '';
  // RFC 2046 5.1.1: the line break before a boundary belongs to it; the first has none to give.
  return Buffer.from(
    `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}${syntax}\r\nContent-Location: ${location(index)}\r\n\r\n`,
    'latin1',
  );
}

async function* write(parts: Parts, head: (index: number) => Buffer, end: Buffer): AsyncGenerator<BodyGroup> {
  let current = -1;
  for await (const group of parts.pieces) {
    const chunks: Uint8Array[] = [];
    let ended = false;
    for (const { index, bytes, last } of group) {
      if (index !== current) chunks.push(head(index));
      current = index;
      chunks.push(bytes);
      ended = last && index === parts.count - 1;
    }
    yield { chunks: ended ? [...chunks, end] : chunks, last: ended };
  }
}
