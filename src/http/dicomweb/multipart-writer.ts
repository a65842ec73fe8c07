import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Parts } from '../../archive/retrieve-frames.ts';

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
  /** Bytes of the body; undefined where the length of a part is not known. */
  readonly length: number | undefined;
  readonly body: Readable;
}

/** Bytes buffered between the archive and the socket. */
const HIGH_WATER_MARK = 1 << 20;

/** A multipart/related body (RFC 2387, PS3.18 8.6.1.2) that reads its parts while it is sent. */
export function multipartOf(parts: Parts, options: MultipartOptions): MultipartAnswer {
  const boundary = options.boundary ?? randomBytes(18).toString('base64url');
  const head = (index: number): Buffer => headOf(index, boundary, options);
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  const body = Readable.from(write(parts, head, end), { objectMode: false, highWaterMark: HIGH_WATER_MARK });
  const contentType = `multipart/related; type="${options.type}"; boundary=${boundary}`;
  return { contentType, length: parts.lengths && lengthOf(parts.lengths, head, end), body };
}

function headOf(index: number, boundary: string, { type, transferSyntax, location }: MultipartOptions): Buffer {
  const syntax = transferSyntax ? `; transfer-syntax=${transferSyntax(index)}` : '';
  // RFC 2046 5.1.1: the line break before a boundary belongs to it; the first has none to give.
  return Buffer.from(
    `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}${syntax}\r\nContent-Location: ${location(index)}\r\n\r\n`,
    'latin1',
  );
}

function lengthOf(lengths: readonly number[], head: (index: number) => Buffer, end: Buffer): number {
  return lengths.reduce((sum, length, index) => sum + head(index).length + length, end.length);
}

async function* write(parts: Parts, head: (index: number) => Buffer, end: Buffer): AsyncGenerator<Uint8Array> {
  let current = -1;
  for await (const group of parts.pieces) {
    for (const { index, bytes } of group) {
      if (index !== current) yield head(index);
      current = index;
      if (bytes.length > 0) yield bytes;
    }
  }
  yield end;
}
