import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Foundation } from '../compose-foundation.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Access } from '../ports/index.ts';
import { administratorOf, createExecutor, defineCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { createExclusive } from './exclusive.ts';

/** An administration whose audit is remembered, or cannot be written. */
function open(audit: 'kept' | 'full' = 'kept') {
  const rows: Access[] = [];
  const done: unknown[] = [];
  const foundation = {
    audit: {
      record: async (access: Access) => {
        if (audit === 'full') throw new NeuroInsightError('storage-full', 'the disk is full');
        rows.push(access);
      },
    },
    tracing: { run: (_parent: undefined, work: () => Promise<unknown>) => work() },
  } as unknown as Foundation;
  const execute = createExecutor(foundation, {
    double: defineCommand(z.strictObject({ number: z.int() }), async ({ args, emit }) => {
      done.push(args);
      emit({ half: args.number });
      return args.number * 2;
    }),
    refuse: defineCommand(z.strictObject({}), () =>
      Promise.reject(new NeuroInsightError('on-hold', 'a hold forbids it')),
    ),
    fail: defineCommand(z.strictObject({}), () => Promise.reject(new Error('inside'))),
  });
  const lines: object[] = [];
  const run = async (name: string, args: unknown = {}): Promise<unknown> =>
    execute(name, args, (line) => void lines.push(line), new AbortController().signal);
  return { run, rows, done, lines };
}

describe('a command of administration', () => {
  it('is done with arguments that are some, and written down as the administrator’s before it begins', async () => {
    const { run, rows, lines } = open();
    expect(await run('double', { number: 21 })).toBe(42);
    expect(lines).toEqual([{ half: 21 }]);
    expect(rows).toEqual([{ principal: administratorOf('main'), action: 'E', interaction: 'admin/double' }]);
    expect(rows[0]!.principal).toMatchObject({ kind: 'administrator', scopes: '' });
  });

  it('is refused with other arguments and by other names', async () => {
    const { run, done } = open();
    for (const args of [undefined, null, [], { number: 'x' }, { number: 1, more: 2 }]) {
      await expect(run('double', args)).rejects.toMatchObject({ kind: 'invalid-request' });
    }
    for (const name of ['', 'none', 'constructor', '__proto__']) {
      await expect(run(name)).rejects.toMatchObject({ kind: 'invalid-request' });
    }
    expect(done).toEqual([]);
  });

  it('is written down again when it fails, with the kind of the failure', async () => {
    const { run, rows } = open();
    await expect(run('refuse')).rejects.toMatchObject({ kind: 'on-hold' });
    await expect(run('fail')).rejects.toThrow('inside');
    expect(rows.map(({ outcome, outcomeDesc }) => [outcome, outcomeDesc])).toEqual([
      [undefined, undefined],
      ['4', 'on-hold'],
      [undefined, undefined],
      ['8', 'defect'],
    ]);
  });

  it('is not done when it cannot be written down', async () => {
    const { run, done } = open('full');
    await expect(run('double', { number: 1 })).rejects.toMatchObject({ kind: 'storage-full' });
    expect(done).toEqual([]);
  });
});

describe('the commands', () => {
  it('take no arguments that they do not know', async () => {
    for (const command of Object.values(COMMANDS)) {
      const given = command.run({} as Foundation, { unheardOf: 1 }, () => undefined, new AbortController().signal);
      await expect(given).rejects.toMatchObject({ kind: 'invalid-request' });
    }
  });
});

describe('work that may not be done twice at once', () => {
  it('is refused while it is done, and not after it has failed', async () => {
    const exclusive = createExclusive();
    const first = Promise.withResolvers<void>();
    const running = exclusive('backup', () => first.promise);
    await expect(exclusive('backup', async () => 1)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await exclusive('scrub', async () => 2)).toBe(2);
    first.reject(new Error('failed'));
    await expect(running).rejects.toThrow('failed');
    expect(await exclusive('backup', async () => 3)).toBe(3);
  });
});
