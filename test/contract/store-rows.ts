import type {
  ApiKeyRow,
  AuditRow,
  InstanceRow,
  JsonDataset,
  OutboxRow,
  ResourceVersion,
  RunRow,
} from '../../src/ports/index.ts';

/** Rows for the contract suites: complete, with what a test is about given by it. */

export const AT = '2026-11-24T10:00:00.000Z';
export const LATER = '2026-11-24T11:00:00.000Z';

export const sha256Of = (text: string): string => text.padEnd(64, '0');

export function runRow(id: string, given: Partial<RunRow> = {}): RunRow {
  return {
    id,
    key: `key-${id}`,
    studyInstanceUid: '1.2.3',
    state: 'queued',
    version: 1,
    cause: 'quiet',
    requestedBy: 'system',
    traceparent: undefined,
    createdAt: AT,
    date: AT,
    notBefore: AT,
    attempt: 0,
    leaseToken: undefined,
    leaseUntil: undefined,
    step: undefined,
    percent: 0,
    cancelRequested: false,
    startedAt: undefined,
    finishedAt: undefined,
    failure: undefined,
    result: undefined,
    files: {},
    ...given,
  };
}

export function outboxRow(id: string, given: Partial<OutboxRow> = {}): OutboxRow {
  return {
    id,
    key: `key-${id}`,
    destination: 'pacs',
    runId: 'run-1',
    payload: { kind: 'dicom', studyInstanceUid: '1.2.3', sopInstanceUids: ['1.2.3.4'] },
    state: 'pending',
    version: 1,
    createdAt: AT,
    notBefore: AT,
    attempt: 0,
    leaseToken: undefined,
    leaseUntil: undefined,
    deliveredAt: undefined,
    lastError: undefined,
    traceparent: undefined,
    ...given,
  };
}

export function apiKeyRow(id: string, given: Partial<ApiKeyRow> = {}): ApiKeyRow {
  return {
    id,
    version: 1,
    name: `name of ${id}`,
    secretSha256: sha256Of(id),
    scopes: 'system/*.rs',
    createdAt: AT,
    expiresAt: LATER,
    revokedAt: undefined,
    ...given,
  };
}

export function auditRow(id: string, given: Partial<AuditRow> = {}): AuditRow {
  return {
    id,
    recorded: AT,
    action: 'R',
    interaction: 'fhir/read',
    outcome: '0',
    outcomeDesc: undefined,
    agent: { kind: 'api-key', id: 'key-1', name: 'viewer', address: '127.0.0.1' },
    patients: [],
    entities: [],
    query: undefined,
    traceId: '0'.repeat(32),
    ...given,
  };
}

/** A Patient whose family name is its only index entry but its code. */
export function patientVersion(id: string, versionId: number, family = 'Musterfrau'): ResourceVersion {
  return {
    resourceType: 'Patient',
    id,
    versionId,
    lastUpdated: AT,
    method: versionId === 1 ? 'POST' : 'PUT',
    resource: {
      resourceType: 'Patient',
      id,
      meta: { versionId: String(versionId), lastUpdated: AT },
      name: [{ family }],
    },
    index: [
      { kind: 'string', param: 'family', value: family, folded: family.toLowerCase() },
      { kind: 'token', param: 'identifier', system: 'urn:test', code: id },
    ],
  };
}

export interface InstancePlace {
  readonly study: string;
  readonly series: string;
  readonly uid: string;
}

export function instanceRow(place: InstancePlace, given: Partial<InstanceRow> = {}): InstanceRow {
  const { study, series, uid } = place;
  return {
    studyInstanceUid: study,
    seriesInstanceUid: series,
    sopInstanceUid: uid,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    instanceNumber: 1,
    attributes: {
      study: {
        '0020000D': { vr: 'UI', Value: [study] },
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Eva' }] },
        '00080020': { vr: 'DA', Value: ['20261124'] },
      },
      series: seriesAttributes(series, 'MR'),
      instance: { '00080018': { vr: 'UI', Value: [uid] }, '00200013': { vr: 'IS', Value: [1] } },
    },
    blob: { pack: `pack of ${study}`, offset: 0, length: 100 },
    metadata: { pack: `pack of ${study}`, offset: 100, length: 20 },
    frames: [[{ offset: 10, length: 90 }]],
    receivedSha256: sha256Of(uid),
    storedSha256: sha256Of(uid),
    receivedAt: AT,
    receivedFrom: 'key-1',
    isSource: true,
    ...given,
  };
}

export function seriesAttributes(series: string, modality: string): JsonDataset {
  return {
    '0020000E': { vr: 'UI', Value: [series] },
    '00080060': { vr: 'CS', Value: [modality] },
    '00200011': { vr: 'IS', Value: [1] },
  };
}
