import type { ServerResponse } from 'node:http';
import type { AppContext } from '../context.ts';

/** What is sent together; its bytes are good until the next group is asked for. */
export interface BodyGroup {
  readonly chunks: readonly Uint8Array[];
  /** True for the end of the body, which leaves with it: a write of its own would wake the client once more. */
  readonly last: boolean;
}

/**
 * Sends a body in groups of chunks, each group in one write to the system, and asks for the next one when the last has
 * left this process: so its memory may be used again, and a client that is slow or gone holds nothing but one group.
 *
 * A Node stream between the archive and the socket would not tell when a chunk has been sent.
 */
export async function sendGroups(ctx: AppContext, groups: AsyncGenerator<BodyGroup>): Promise<void> {
  const { res } = ctx;
  (ctx as AppContext & { respond: boolean }).respond = false;
  ctx.status = 200;
  let ended = false;
  try {
    for await (const group of groups) {
      // The client has left; leaving the loop ends the reading.
      if (!(await sent(res, group))) return;
      ended = group.last;
    }
    if (!ended) throw new Error('a body without an end');
  } catch (error) {
    // The beginning is out: the line is cut, so that the client does not take what it has for the whole.
    ctx.onerror(error);
    res.destroy();
  }
}

/** True when all of it has been handed to the system, false when the line is closed. */
function sent(res: ServerResponse, { chunks, last }: BodyGroup): Promise<boolean> {
  if (res.destroyed || res.closed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const closed = (): void => resolve(false);
    res.once('close', closed);
    const done = (error?: Error | null): void => {
      res.off('close', closed);
      resolve(!error);
    };
    const { socket } = res;
    socket?.cork();
    res.cork();
    for (const [i, chunk] of chunks.entries()) {
      if (i === chunks.length - 1 && !last) res.write(chunk, done);
      else res.write(chunk);
    }
    // Before the end: Node writes the end of a corked chunked body ahead of what was corked.
    res.uncork();
    if (last) res.end(() => done());
    socket?.uncork();
  });
}
