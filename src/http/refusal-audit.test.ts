import { describe, expect, it } from '@jest/globals';
import type { Access } from '../ports/index.ts';
import { anonymous } from './authentication.ts';
import { createRefusalAudit } from './refusal-audit.ts';

function world(record?: () => Promise<void>) {
  const rows: Access[] = [];
  const errors: string[] = [];
  const refusals = createRefusalAudit({
    audit: { record: record ?? (async (access) => void rows.push(access)) },
    log: { error: (message) => void errors.push(message) },
  });
  const refuse = (address: string, kind = 'unauthenticated') =>
    refusals.record({ principal: anonymous(address), method: 'GET', kind });
  return { rows, errors, refuse, refusals };
}

describe('the audit of refusals', () => {
  it('has a row for each of the first, and one with the number of the rest when the minute ends', async () => {
    const { rows, refuse, refusals } = world();
    for (let n = 0; n < 500; n++) await refuse('192.0.2.1');
    expect(rows).toHaveLength(10);
    expect(rows[0]).toMatchObject({ interaction: 'http/get', outcome: '4', outcomeDesc: 'unauthenticated' });
    await refusals.endMinute();
    expect(rows[10]).toMatchObject({
      interaction: 'http/refusals',
      outcomeDesc: 'unauthenticated: 490 more in this minute',
      principal: { address: '192.0.2.1' },
    });
    await refuse('192.0.2.1');
    expect(rows).toHaveLength(12);
  });

  it('tells one address from another, and a wrong key from a missing scope', async () => {
    const { rows, refuse } = world();
    for (let n = 0; n < 20; n++) {
      await refuse('192.0.2.1');
      await refuse('192.0.2.1', 'forbidden');
      await refuse('192.0.2.2');
    }
    expect(rows).toHaveLength(30);
  });

  it('stays bounded however many addresses there are, and loses no count', async () => {
    const { rows, refuse, refusals } = world();
    for (let n = 0; n < 5000; n++) await refuse(`2001:db8::${n.toString(16)}`);
    expect(rows).toHaveLength(200);
    await refusals.endMinute();
    const rest = rows.slice(200).map(({ outcomeDesc }) => Number(/: (\d+) more/.exec(outcomeDesc!)![1]));
    expect(rest.reduce((sum, count) => sum + count, 200)).toBe(5000);
    expect(rest.length).toBeLessThanOrEqual(1001);
    expect(rows.at(-1)!.principal.address).toBeUndefined();
  });

  it('writes nothing for a quiet minute', async () => {
    const { rows, refuse, refusals } = world();
    await refuse('192.0.2.1');
    await refusals.endMinute();
    await refusals.endMinute();
    expect(rows).toHaveLength(1);
  });

  it('that cannot be written is told to the log, and the refusal stands', async () => {
    const { errors, refuse } = world(() => Promise.reject(new Error('the disk is full')));
    await refuse('192.0.2.1');
    expect(errors).toEqual(['a refusal could not be audited']);
  });
});
