import { describe, expect, it } from '@jest/globals';
import { createTracing, parseTraceparent } from './tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  it.each([
    ['a sampled parent', `00-${TRACE}-${SPAN}-01`, '01'],
    ['one that is not sampled', `00-${TRACE}-${SPAN}-00`, '00'],
    ['unknown flags, of which only the known one goes on', `00-${TRACE}-${SPAN}-ff`, '01'],
    ['a later version', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, '01'],
  ])('takes %s', (_, header, flags) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, flags });
  });

  it.each([
    undefined,
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01.more`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`,
  ])('counts %j as absent', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});

describe('tracing', () => {
  it('continues the trace of the caller with a span of its own', async () => {
    const tracing = createTracing();
    const trace = await tracing.run(`00-${TRACE}-${SPAN}-00`, async () => tracing.current());
    expect(trace.traceId).toBe(TRACE);
    expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(trace.spanId).not.toBe(SPAN);
    expect(trace.traceparent).toBe(`00-${TRACE}-${trace.spanId}-00`);
  });

  it('begins a new trace without a caller, another each time', async () => {
    const tracing = createTracing();
    const one = await tracing.run(undefined, async () => tracing.current());
    const two = await tracing.run('malformed', async () => tracing.current());
    expect(one.traceId).not.toBe(two.traceId);
    expect(one.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('keeps the traces of what runs at the same time apart over awaits', async () => {
    const tracing = createTracing();
    const seen = await Promise.all(
      [1, 2, 3].map((n) =>
        tracing.run(`00-${String(n).repeat(32)}-${SPAN}-01`, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return tracing.current().traceId;
        }),
      ),
    );
    expect(seen).toEqual(['1'.repeat(32), '2'.repeat(32), '3'.repeat(32)]);
  });
});
