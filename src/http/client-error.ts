import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Trace } from '../ports/index.ts';
import { PROBLEM_TYPE, type Problem } from './errors.ts';

/** What Node's parser says of a request that never became one, as [status, what we say]. */
const BY_CODE: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'limit-exceeded', 'the address and the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'invalid-request', 'the request took too long to arrive'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'limit-exceeded', 'the chunk extensions are too long'],
};
const MALFORMED = [400, 'invalid-request', 'the request is not HTTP/1.1'] as const;

/** Answers on the bare line, since there is no request to answer to, and ends it. */
export function answerClientError(error: Error & { code?: string }, socket: Socket, trace: Trace): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, kind, detail] = BY_CODE[error.code ?? ''] ?? MALFORMED;
  const type = `urn:neuroinsight:problem:${kind}`;
  const problem: Problem = { type, title: kind.replaceAll('-', ' '), status, detail, traceId: trace.traceId };
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
