import { describe, expect, it } from '@jest/globals';
import { auditRow } from '../../test/harness/audit-rows.ts';
import { auditEventOf } from './audit-event.ts';

describe('an audit event', () => {
  it('says who read what of whom, when and under which trace', () => {
    const event = auditEventOf(auditRow({}), { publicUrl: 'https://ni.example', softwareName: 'NI' });
    expect(event).toMatchObject({
      resourceType: 'AuditEvent',
      id: '0b8f4e1e-5f0a-4f0e-9c7b-3d6f1d0c2a11',
      type: { code: 'rest' },
      subtype: [{ code: 'read' }],
      action: 'R',
      recorded: '2026-11-24T13:33:19.123Z',
      outcome: '0',
      agent: [{ requestor: true, who: { display: 'viewer' }, network: { address: '192.0.2.7', type: '2' } }],
      source: { observer: { display: 'NI', identifier: { value: 'https://ni.example' } } },
    });
    expect(event.entity?.map(({ what }) => what?.reference ?? what?.identifier?.value)).toEqual([
      'Patient/p1',
      'Observation/o1',
      '4bf92f3577b34da6a3ce929d0e0e4736',
    ]);
    expect(event).not.toHaveProperty('outcomeDesc');
  });

  it('carries the query of a search so that nothing of it is lost', () => {
    const event = auditEventOf(
      auditRow({ interaction: 'fhir/search', patients: [], entities: ['Patient'], query: 'name=Ä' }),
    );
    const [type, query] = event.entity!;
    expect(type).toMatchObject({ name: 'Patient' });
    expect(Buffer.from(query!.query!, 'base64').toString('utf8')).toBe('name=Ä');
  });

  it('names a patient once', () => {
    const event = auditEventOf(auditRow({ patients: ['Patient/1'], entities: ['Patient/1', ''] }));
    expect(event.entity).toHaveLength(2);
    expect(event.entity![0]!.role?.code).toBe('1');
  });

  it.each([
    ['fhir/search', 'rest', 'search-type'],
    ['fhir/conditional-update', 'rest', 'update'],
    ['fhir/transaction', 'rest', 'transaction'],
    ['fhir/new', 'rest', 'fhir-new'],
    ['dicomweb/qido', '110112', 'dicomweb-qido'],
    ['dicomweb/wado', '110104', 'dicomweb-wado'],
    ['dicomweb/stow', '110104', 'dicomweb-stow'],
    ['job/deliver-dicomweb', '110106', 'job-deliver-dicomweb'],
    ['job/pull', '110107', 'job-pull'],
    ['job/analyse', '110100', 'job-analyse'],
    ['api/run-file', '110106', 'api-run-file'],
    ['auth/key', '110114', 'auth-key'],
  ])('of %s is a %s', (interaction, type, subtype) => {
    const event = auditEventOf(auditRow({ interaction }));
    expect([event.type.code, event.subtype![0]!.code]).toEqual([type, subtype]);
  });

  it.each([
    ['Patient/1', 'history-instance'],
    ['Patient', 'history-type'],
  ])('tells the history of %s', (place, code) => {
    expect(auditEventOf(auditRow({ interaction: 'fhir/history', entities: [place] })).subtype![0]!.code).toBe(code);
  });

  it('identifies a study by its UID and an unknown caller by nothing', () => {
    const agent = { kind: 'anonymous', id: 'x', name: 'anonymous', address: undefined } as const;
    const row = auditRow({
      patients: [],
      entities: ['urn:oid:1.2', 'urn:uuid:3'],
      agent,
      outcome: '4',
      outcomeDesc: 'forbidden',
    });
    const event = auditEventOf(row);
    expect(event.entity!.slice(0, 2).map(({ what }) => what!.identifier)).toEqual([
      { system: 'urn:dicom:uid', value: 'urn:oid:1.2' },
      { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:3' },
    ]);
    expect(event.agent[0]!.who).toEqual({ display: 'anonymous' });
    expect(event.agent[0]).not.toHaveProperty('network');
    expect(event).toMatchObject({ outcome: '4', outcomeDesc: 'forbidden' });
  });
});
