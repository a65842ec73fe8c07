import { Writable } from 'node:stream';
import type { Terminal } from '../../src/cli/main.ts';

/** A terminal that remembers what was written to it. */
export interface RecordedTerminal extends Terminal {
  readonly written: { out: string; err: string };
}

export function recordTerminal(
  environment: NodeJS.ProcessEnv = {},
  signal = new AbortController().signal,
): RecordedTerminal {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err'): NodeJS.WriteStream =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    }) as NodeJS.WriteStream;
  return { stdout: stream('out'), stderr: stream('err'), environment, signal, written };
}
