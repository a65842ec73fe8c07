import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Trace, Tracing } from '../ports/index.ts';

const VERSION_00 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
/** A later version begins with the same fields and may go on after a hyphen (W3C Trace Context 3.2.4). */
const LATER = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const ZERO = /^0+$/;
const LONGEST = 512;
const SAMPLED = '01';

interface Parent {
  readonly traceId: string;
  readonly flags: string;
}

/** The parent in a traceparent header; undefined when it is malformed, and then it counts as absent (3.2.2.3). */
export function parseTraceparent(header: string | undefined): Parent | undefined {
  if (header === undefined || header.length > LONGEST) return undefined;
  const match = VERSION_00.exec(header) ?? (header.startsWith('00') ? null : LATER.exec(header));
  if (match === null) return undefined;
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string];
  // Of a later version only the flag that is known here is passed on.
  return ZERO.test(traceId) || ZERO.test(spanId)
    ? undefined
    : { traceId, flags: (Number.parseInt(flags, 16) & 1) === 1 ? SAMPLED : '00' };
}

/**
 * The trace of what is being done, carried over awaits.
 * @param random hexadecimal digits of so many unpredictable bytes.
 */
export function createTracing(random: (bytes: number) => string = (n) => randomBytes(n).toString('hex')): Tracing {
  const storage = new AsyncLocalStorage<Trace>();
  const child = (parent: Parent | undefined): Trace => {
    const traceId = parent?.traceId ?? random(16);
    const spanId = random(8);
    return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${parent?.flags ?? SAMPLED}` };
  };
  // What happens outside of any request or job, such as the start, is one trace of its own.
  const ownTrace = child(undefined);
  return {
    current: () => storage.getStore() ?? ownTrace,
    run: (traceparent, work) => storage.run(child(parseTraceparent(traceparent)), work),
  };
}
