import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NeuroInsightError } from '../domain/errors.ts';
import type { LogFields } from '../ports/index.ts';
import { createLog } from './log.ts';
import { createTracing } from './tracing.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void, level: 'info' | 'silent' = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, tracing: createTracing(), destination: { write: (line) => void lines.push(line) } });
  write(log);
  return lines.map((line): Record<string, unknown> => JSON.parse(line));
}

describe('the log', () => {
  it('writes time, level, trace, message and the fields that are allowed', async () => {
    const lines: string[] = [];
    const tracing = createTracing();
    const log = createLog({ level: 'info', tracing, destination: { write: (line) => void lines.push(line) } });
    await tracing.run('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', async () => {
      await Promise.resolve();
      log.warn('run lost', { runId: 'a', attempt: 2 });
    });
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      traceId: '0af7651916cd43dd8448eb211c80319c',
      runId: 'a',
      attempt: 2,
      msg: 'run lost',
    });
  });

  it('puts a trace on every line, also outside of a request', () => {
    const [first, second] = logged((log) => {
      log.info('one');
      log.error('two');
    });
    expect(first!.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(second!.traceId).toBe(first!.traceId);
  });

  it('drops every field that is not on the list, whatever it is called', () => {
    const canary = 'CANARY^PATIENT';
    fc.assert(
      fc.property(fc.string(), (name) => {
        fc.pre(name !== 'kind');
        const [line] = logged((log) => log.info('message', { [`x${name}`]: canary, patientName: canary }));
        expect(JSON.stringify(line)).not.toContain('CANARY');
      }),
      { numRuns: 50 },
    );
  });

  it('drops objects under a permitted name, and cuts long text', () => {
    const fields = { step: { name: 'CANARY' }, kind: 'x'.repeat(5000) } as unknown as LogFields;
    const [line] = logged((log) => log.info('message', fields));
    expect(line).not.toHaveProperty('step');
    expect(String(line!.kind)).toHaveLength(203);
  });

  it('writes nothing when it is silent', () => {
    expect(logged((log) => log.error('message'), 'silent')).toEqual([]);
  });
});

describe('an error in the log', () => {
  const CANARY = 'Doe^Jane 19700101 /srv/doe.dcm';

  it.each([
    ['a foreseen one', new NeuroInsightError('not-found', CANARY)],
    ['a defect', new TypeError(`${CANARY}\n    at ${CANARY} (file:///srv/Doe.ts:1:2)`)],
    ['one with a cause', new Error(CANARY, { cause: new RangeError(CANARY) })],
    [
      'one whose name and code are text',
      Object.assign(new Error(CANARY), { name: CANARY, code: CANARY, kind: CANARY }),
    ],
    [
      'one whose stack is replaced',
      Object.assign(new Error('other'), { stack: `${CANARY}\n    at x (/Doe/a.ts:1:1)` }),
    ],
    ['an abort', new DOMException(CANARY, 'AbortError')],
  ])('of %s never repeats its text', (_, error) => {
    const [line] = logged((log) => log.error('it failed', { error }));
    expect(JSON.stringify(line)).not.toMatch(/Doe|Jane|1970|srv/);
    expect(line!.error).toMatch(/^[A-Za-z][A-Za-z-]*$/);
  });

  it('keeps the kind, the code and where it was thrown', () => {
    const error = Object.assign(new NeuroInsightError('storage-full', CANARY, { cause: new Error(CANARY) }), {
      code: 'ENOSPC',
    });
    const [line] = logged((log) => log.error('it failed', { error, runId: '1' }));
    expect(line).toMatchObject({ error: 'storage-full', code: 'ENOSPC', cause: 'Error', runId: '1' });
    expect((line!.at as string[])[0]).toMatch(/^log\.test\.ts:\d+$/);
  });

  it('of an error without a stack or a message is still a line', () => {
    const bare = Object.assign(new Error(''), { stack: undefined });
    const [first, second] = logged((log) => {
      log.error('it failed', { error: bare });
      log.error('it failed', { error: new Error('') });
    });
    expect(first).toMatchObject({ error: 'Error', at: [] });
    expect(second!.at).not.toEqual([]);
  });
});
