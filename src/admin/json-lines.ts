import type { Socket } from 'node:net';
import { NeuroInsightError } from '../domain/errors.ts';

const NEWLINE = 0x0a;

/**
 * The JSON values that arrive on a socket, one a line. @throws limit-exceeded for a line longer than `longest` bytes,
 * malformed-json for one that is no JSON, and what the socket throws.
 */
export async function* jsonLines(socket: Socket, longest: number): AsyncGenerator<unknown> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (length + end - from > longest) throw tooLong(longest);
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8');
      parts = [];
      length = 0;
      from = end + 1;
      yield parse(line);
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > longest) throw tooLong(longest);
  }
}

const tooLong = (longest: number): NeuroInsightError =>
  new NeuroInsightError('limit-exceeded', `a line holds more than ${longest} bytes`);

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new NeuroInsightError('malformed-json', 'a line is no JSON', { cause });
  }
}

/**
 * The first value that arrives on a socket, which goes on being read, so that its end is noticed; undefined when it
 * closes before a line is whole. Throws as `jsonLines` does.
 */
export function firstJsonLine(socket: Socket, longest: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] | undefined = [];
    let length = 0;
    const settle = (work: () => void): void => {
      parts = undefined;
      try {
        work();
      } catch (error) {
        reject(error as Error);
      }
    };
    socket.on('data', (chunk: Buffer) => {
      if (parts === undefined) return;
      const end = chunk.indexOf(NEWLINE);
      parts.push(end < 0 ? chunk : chunk.subarray(0, end));
      length += parts.at(-1)!.length;
      const line = parts;
      if (length > longest) settle(() => reject(tooLong(longest)));
      else if (end >= 0) settle(() => resolve(parse(Buffer.concat(line).toString('utf8'))));
    });
    socket.once('close', () => resolve(undefined));
  });
}

/** Sends one value; what cannot be sent any more is dropped: the other side has gone. */
export function sendLine(socket: Socket, value: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`);
}
