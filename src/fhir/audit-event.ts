import type { AuditEvent, AuditEventEntity, Coding } from '@medplum/fhirtypes';
import { CODES, NEUROINSIGHT_FHIR_BASE } from '../domain/codes.ts';
import type { AuditRow } from '../ports/index.ts';
import { SYSTEMS } from './canonicals.ts';
import { codingOf } from './concepts.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const BALP_ENTITY = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType';
const INTERACTIONS = `${NEUROINSIGHT_FHIR_BASE}/CodeSystem/audit-interactions`;

const REST: Coding = { system: `${TERMINOLOGY}/audit-event-type`, code: 'rest', display: 'RESTful Operation' };
const APPLICATION_ACTIVITY = codingOf(CODES.auditApplicationActivity);

/** PS3.15 A.5.3: the event that DICOM knows for what was done; the longest beginning of the interaction counts. */
const EVENTS: readonly (readonly [string, Coding])[] = [
  ['fhir/', REST],
  ['dicomweb/qido', codingOf(CODES.auditQuery)],
  ['dicomweb/', codingOf(CODES.auditDicomInstancesTransferred)],
  ['job/deliver', codingOf(CODES.auditExport)],
  ['job/pull', codingOf(CODES.auditImport)],
  ['api/run-file', codingOf(CODES.auditExport)],
  ['auth/', codingOf(CODES.auditUserAuthentication)],
];

/** FHIR interactions under the names of http://hl7.org/fhir/restful-interaction. */
const RESTFUL: Readonly<Record<string, string>> = {
  read: 'read',
  vread: 'vread',
  search: 'search-type',
  create: 'create',
  update: 'update',
  'conditional-update': 'update',
  delete: 'delete',
  'conditional-delete': 'delete',
  transaction: 'transaction',
  batch: 'batch',
};

/** http://terminology.hl7.org/CodeSystem/audit-entity-type */
const PERSON: Coding = { system: `${TERMINOLOGY}/audit-entity-type`, code: '1', display: 'Person' };
const SYSTEM_OBJECT: Coding = { system: `${TERMINOLOGY}/audit-entity-type`, code: '2', display: 'System Object' };
const role = (code: string, display: string): Coding => ({ system: `${TERMINOLOGY}/object-role`, code, display });
const PATIENT = role('1', 'Patient');
const DOMAIN_RESOURCE = role('4', 'Domain Resource');
const QUERY = role('24', 'Query');

/** HL7's name where there is one, and our own, which says more. */
function subtypesOf({ interaction, entities }: AuditRow): Coding[] {
  const own = { system: INTERACTIONS, code: interaction.replaceAll('/', '-'), display: interaction };
  if (!interaction.startsWith('fhir/')) return [own];
  const name = interaction.slice('fhir/'.length);
  const code = name === 'history' ? (entities[0]?.includes('/') ? 'history-instance' : 'history-type') : RESTFUL[name];
  return code === undefined ? [own] : [{ system: 'http://hl7.org/fhir/restful-interaction', code, display: code }];
}

function entityOf(name: string): AuditEventEntity {
  const about = { type: SYSTEM_OBJECT, role: DOMAIN_RESOURCE };
  if (name.startsWith('urn:oid:')) return { what: { identifier: { system: SYSTEMS.dicomUid, value: name } }, ...about };
  if (name.startsWith('urn:')) {
    return { what: { identifier: { system: 'urn:ietf:rfc:3986', value: name } }, ...about };
  }
  // A search is about a type; only "Type/id" is a reference.
  return /^[A-Z][A-Za-z]*\/[A-Za-z0-9.-]{1,64}$/.test(name)
    ? { what: { reference: name }, ...about }
    : { ...about, name };
}

function entitiesOf({ patients, entities, query, traceId }: AuditRow): AuditEventEntity[] {
  const isPatient = new Set(patients);
  return [
    ...patients.map((reference): AuditEventEntity => ({ what: { reference }, type: PERSON, role: PATIENT })),
    ...entities.filter((name) => name !== '' && !isPatient.has(name)).map(entityOf),
    ...(query === undefined
      ? []
      : [{ type: SYSTEM_OBJECT, role: QUERY, query: Buffer.from(query, 'utf8').toString('base64') }]),
    {
      what: { identifier: { value: traceId } },
      type: { system: BALP_ENTITY, code: 'XrequestId', display: 'X-Request-Id' },
    },
  ];
}

function agentOf({ agent: { kind, id, name, address } }: AuditRow): AuditEvent['agent'][number] {
  const who = kind === 'anonymous' ? undefined : { system: `${NEUROINSIGHT_FHIR_BASE}/identifier/${kind}`, value: id };
  return {
    type: { coding: [codingOf(CODES.auditApplication)] },
    who: { ...(who && { identifier: who }), display: name },
    requestor: true,
    // 2: an IP address (http://hl7.org/fhir/network-type).
    ...(address !== undefined && { network: { address, type: '2' } }),
  };
}

/**
 * One access as the AuditEvent that IHE BALP describes, with every patient concerned. Made when it is read: the row is
 * what is kept, so the event is the same each time.
 */
export function auditEventOf(
  row: AuditRow,
  { publicUrl, softwareName = 'NeuroInsight' }: { readonly publicUrl?: string; readonly softwareName?: string } = {},
): AuditEvent {
  const event = EVENTS.find(([beginning]) => row.interaction.startsWith(beginning));
  return {
    resourceType: 'AuditEvent',
    id: row.id,
    meta: { versionId: '1', lastUpdated: row.recorded },
    type: event?.[1] ?? APPLICATION_ACTIVITY,
    subtype: subtypesOf(row),
    action: row.action,
    recorded: row.recorded,
    outcome: row.outcome,
    ...(row.outcomeDesc !== undefined && { outcomeDesc: row.outcomeDesc }),
    agent: [agentOf(row)],
    source: {
      observer: {
        ...(publicUrl !== undefined && { identifier: { system: 'urn:ietf:rfc:3986', value: publicUrl } }),
        display: softwareName,
      },
      type: [{ system: `${TERMINOLOGY}/security-source-type`, code: '4', display: 'Application Server' }],
    },
    entity: entitiesOf(row),
  };
}
