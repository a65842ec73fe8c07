import { Readable } from 'node:stream';
import type { RunRow } from '../../ports/index.ts';
import type { AppContext } from '../context.ts';

/** How long the browser waits before it connects again, and how often a silent stream says that it is alive. */
const RETRY_MS = 2000;
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ': still here\n\n';
const EVENT_ID = /^\d{1,15}$/;
const FINAL: ReadonlySet<RunRow['state']> = new Set<RunRow['state']>(['completed', 'refused', 'dead', 'cancelled']);

export interface RunEvents {
  readonly rows: AsyncIterable<RunRow>;
  /** The JSON of one event. */
  readonly view: (row: RunRow) => unknown;
  readonly heartbeatMs?: number;
}

/**
 * Answers with server-sent events: the run as it stands, then each change, until it has ended. Event ids are versions
 * of the run. A browser that connects again although it has seen the end is told 204, which makes it stop.
 */
export async function sendRunEvents(
  ctx: AppContext,
  { rows, view, heartbeatMs = HEARTBEAT_MS }: RunEvents,
): Promise<void> {
  ctx.state.leave();
  const iterator = rows[Symbol.asyncIterator]();
  // The client that goes away ends a wait that might otherwise last until the run changes.
  void ctx.state.closed.then(() => iterator.return?.());
  const first = await iterator.next();
  if (first.done === true || hasSeen(ctx.get('Last-Event-ID'), first.value)) {
    await iterator.return?.();
    ctx.status = 204;
    return;
  }
  ctx.set('Content-Type', 'text/event-stream; charset=utf-8');
  ctx.set('X-Accel-Buffering', 'no');
  ctx.body = Readable.from(eventTexts(first.value, iterator, view, heartbeatMs), { objectMode: false });
}

/** Anything that is no version of ours, as other servers' ids, is passed over. */
function hasSeen(lastEventId: string, { state, version }: RunRow): boolean {
  return FINAL.has(state) && EVENT_ID.test(lastEventId) && Number(lastEventId) >= version;
}

async function* eventTexts(
  first: RunRow,
  iterator: AsyncIterator<RunRow>,
  view: (row: RunRow) => unknown,
  heartbeatMs: number,
): AsyncGenerator<string> {
  const text = (row: RunRow): string => `id: ${row.version}\nevent: run\ndata: ${JSON.stringify(view(row))}\n\n`;
  let waiting = iterator.next();
  // It is awaited below unless the client leaves before; then nobody would, and a failure would end the process.
  waiting.catch(() => {});
  try {
    yield `retry: ${RETRY_MS}\n\n${text(first)}`;
    for (;;) {
      const next = await orHeartbeat(waiting, heartbeatMs);
      if (next === undefined) {
        yield HEARTBEAT;
        continue;
      }
      if (next.done === true) return;
      yield text(next.value);
      waiting = iterator.next();
      waiting.catch(() => {});
    }
  } finally {
    await iterator.return?.();
  }
}

async function orHeartbeat<T>(waiting: Promise<T>, heartbeatMs: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), heartbeatMs);
  try {
    return await Promise.race([waiting, promise]);
  } finally {
    clearTimeout(timer);
  }
}
