import type { AuditRow } from '../../src/ports/index.ts';

/** An audited read of an observation by a key, but for what is given. */
export const auditRow = (fields: Partial<AuditRow>): AuditRow => ({
  id: '0b8f4e1e-5f0a-4f0e-9c7b-3d6f1d0c2a11',
  recorded: '2026-11-24T13:33:19.123Z',
  action: 'R',
  interaction: 'fhir/read',
  outcome: '0',
  outcomeDesc: undefined,
  agent: { kind: 'api-key', id: 'c0ffee00-0000-4000-8000-000000000001', name: 'viewer', address: '192.0.2.7' },
  patients: ['Patient/p1'],
  entities: ['Observation/o1'],
  query: undefined,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  ...fields,
});
