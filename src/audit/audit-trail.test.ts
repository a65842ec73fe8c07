import { describe, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Commit, Principal } from '../ports/index.ts';
import { createAuditTrail } from './audit-trail.ts';

const principal: Principal = {
  kind: 'api-key',
  id: 'key-1',
  name: 'tester',
  site: 'north',
  scopes: 'system/*.cruds',
  address: '192.0.2.1',
};

function trail(commit: (commit: Commit) => Promise<{ sequence: number }> = async () => ({ sequence: 1 })) {
  return createAuditTrail({
    ledger: { commit },
    clock: { now: () => new Date('2026-11-24T13:33:19.123Z') },
    ids: { uuid: () => '00000000-0000-4000-8000-000000000001' },
    tracing: { current: () => ({ traceId: 't'.repeat(32), spanId: '', traceparent: '' }) },
  });
}

describe('the audit trail', () => {
  it('adds who, when and under which trace', () => {
    const access = { principal, action: 'R', interaction: 'fhir/read', entities: ['Patient/1'], query: 'a=b' } as const;
    expect(trail().rowOf(access)).toEqual({
      id: '00000000-0000-4000-8000-000000000001',
      recorded: '2026-11-24T13:33:19.123Z',
      action: 'R',
      interaction: 'fhir/read',
      outcome: '0',
      outcomeDesc: undefined,
      agent: { kind: 'api-key', id: 'key-1', name: 'tester', address: '192.0.2.1' },
      patients: [],
      entities: ['Patient/1'],
      query: 'a=b',
      traceId: 't'.repeat(32),
    });
  });

  it('lists a patient once, however many hits of a search are about him', () => {
    const row = trail().rowOf({
      principal,
      action: 'E',
      interaction: 'fhir/search',
      patients: ['Patient/1', 'Patient/2', 'Patient/1'],
      query: '',
    });
    expect(row.patients).toEqual(['Patient/1', 'Patient/2']);
    expect(row.query).toBeUndefined();
  });

  it('keeps the outcome of a refusal, and never the scopes', () => {
    const refusal = { outcome: '4', outcomeDesc: 'forbidden' } as const;
    const row = trail().rowOf({ principal, action: 'R', interaction: 'fhir/read', ...refusal });
    expect(row).toMatchObject(refusal);
    expect(JSON.stringify(row)).not.toContain('cruds');
  });

  it('writes into the site of the principal', async () => {
    const commits: Commit[] = [];
    const written = trail(async (commit) => ({ sequence: commits.push(commit) }));
    await written.record({ principal, action: 'R', interaction: 'fhir/read' });
    expect(commits).toEqual([{ site: 'north', audit: [expect.objectContaining({ interaction: 'fhir/read' })] }]);
  });

  it('does not resolve when the row could not be written: then nothing may be answered', async () => {
    const full = trail(() => Promise.reject(new NeuroInsightError('storage-full', 'the disk is full')));
    await expect(full.record({ principal, action: 'R', interaction: 'fhir/read' })).rejects.toMatchObject({
      kind: 'storage-full',
    });
  });
});
