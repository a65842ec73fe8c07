import { beforeAll, expect, it } from '@jest/globals';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import { auditEventOf } from '../../src/fhir/audit-event.ts';
import { capabilityStatement } from '../../src/fhir/capability-statement.ts';
import { operationOutcomeOf } from '../../src/fhir/operation-outcome.ts';
import { auditRow } from '../harness/audit-rows.ts';
import { FHIR_JUDGE_PEERS, judgeFhir, type Verdict } from '../harness/fhir-judge.ts';
import { describeWith, sharedPath } from '../harness/shared-data.ts';

const options = { publicUrl: 'https://ni.example', softwareName: 'NeuroInsight' };

const VALID: Readonly<Record<string, object>> = {
  capabilities: capabilityStatement({ ...options, softwareVersion: '0.1.0', date: '2026-11-24' }),
  'audit-read': auditEventOf(auditRow({}), options),
  'audit-search': auditEventOf(
    auditRow({
      action: 'E',
      interaction: 'fhir/search',
      patients: ['Patient/1', 'Patient/2'],
      entities: ['Observation'],
      query: 'code=a|b',
    }),
    options,
  ),
  'audit-store': auditEventOf(
    auditRow({ action: 'C', interaction: 'dicomweb/stow', entities: ['urn:oid:1.2.3'] }),
    options,
  ),
  'audit-query': auditEventOf(auditRow({ action: 'E', interaction: 'dicomweb/qido', entities: [] }), options),
  'audit-job': auditEventOf(
    auditRow({
      interaction: 'job/deliver-fhir',
      agent: { kind: 'job', id: 'deliver', name: 'deliver', address: undefined },
    }),
    options,
  ),
  'audit-refused': auditEventOf(
    auditRow({
      interaction: 'auth/key',
      outcome: '4',
      outcomeDesc: 'unauthenticated',
      patients: [],
      entities: ['urn:uuid:4a8e1f6c-0000-4000-8000-000000000000'],
      agent: { kind: 'anonymous', id: '', name: 'anonymous', address: '192.0.2.1' },
    }),
  ),
  foreseen: operationOutcomeOf(new NeuroInsightError('conflict', 'somebody else was faster'), 'a1b2'),
  defect: operationOutcomeOf(new Error('secret'), 'a1b2'),
};

describeWith(FHIR_JUDGE_PEERS, 'the HL7 validator with what the server says of itself', () => {
  let verdict: Verdict;
  beforeAll(() => {
    const subjects = Object.entries(VALID).map(([name, resource]) => [name, JSON.stringify(resource)]);
    verdict = judgeFhir(sharedPath('judges/fhir')!, Object.fromEntries(subjects));
  });

  it.each(Object.keys(VALID))('finds no error in %s', (name) => {
    const errors = verdict.findings.filter(({ subject, severity }) => subject === name && /FATAL|ERROR/.test(severity));
    expect(errors).toEqual([]);
  });

  it('was asked about all of them', () => {
    expect(verdict.summary).toContain(`files=${Object.keys(VALID).length} `);
  });
});
