import type { Resource } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  ApiKeyRow,
  AuditRow,
  BlobLocation,
  Commit,
  DocumentRow,
  IndexEntry,
  OutboxPayload,
  OutboxRow,
  ResourceVersion,
  RunLogLine,
  RunRow,
  SealedPack,
  SeenStudy,
  StoredResource,
  StudyState,
} from '../../ports/index.ts';
import type { ExportedInstance, RecordKind } from './records.ts';

export interface InstanceInPack {
  readonly row: ExportedInstance;
  readonly blob: BlobLocation;
  readonly metadata: BlobLocation;
}

/** What the commit that points into a pack holds beside it. */
const sealedParts = (sealed: SealedPack | undefined): Partial<Commit> =>
  sealed === undefined
    ? {}
    : { packs: [sealed.row], ...(sealed.studyKey === undefined ? {} : { studyKeys: [sealed.studyKey] }) };

export function commitOfInstances(site: string, instances: readonly InstanceInPack[], sealed: SealedPack): Commit {
  return {
    site,
    instances: instances.map(({ row, blob, metadata }) => ({
      ...row,
      instanceNumber: row.instanceNumber,
      blob,
      metadata,
    })),
    ...sealedParts(sealed),
  };
}

export interface RowContext {
  /** Where the bodies of the record lie now. */
  readonly locations: readonly BlobLocation[];
  readonly sealed: SealedPack | undefined;
  readonly indexOf: (resource: Resource) => readonly IndexEntry[];
}

/** The commit that writes one record, but for instances. */
export function commitOfRow(
  kind: Exclude<RecordKind, 'instance'> | RecordKind,
  site: string,
  row: unknown,
  context: RowContext,
): Commit {
  switch (kind) {
    case 'resource':
      return { site, resources: [resourceChange(row as StoredResource, context.indexOf)] };
    case 'study':
      return { site, considered: consideredOf(row as StudyState) };
    case 'run':
      return { site, ...runParts(row as ExportedRun, context.locations), ...sealedParts(context.sealed) };
    case 'outbox':
      return {
        site,
        outbox: outboxChanges([row as OutboxRow], context.locations),
        ...sealedParts(context.sealed),
      };
    case 'api-key':
      return { site, apiKeys: [{ expected: 0, row: row as ApiKeyRow }] };
    case 'seen':
      return { site, seen: [row as SeenStudy] };
    case 'document':
      return { site, documents: [{ expected: 0, row: row as DocumentRow }] };
    case 'audit':
      return { site, audit: [row as AuditRow] };
    case 'instance':
      throw new Error('instances are written with their pack');
  }
}

function resourceChange(stored: StoredResource, indexOf: RowContext['indexOf']) {
  const { json, ...rest } = stored;
  const resource = json === undefined ? undefined : (JSON.parse(json) as Resource);
  const index = resource === undefined ? [] : indexOf(resource);
  const row: ResourceVersion = { ...rest, resource, json, index };
  return { expected: stored.versionId - 1, row };
}

const consideredOf = ({ studyInstanceUid, consideredAt }: StudyState): Commit['considered'] =>
  consideredAt === undefined ? [] : [{ studyInstanceUid, sourceReceivedAt: consideredAt }];

interface ExportedRun {
  readonly run: Omit<RunRow, 'files'> & { readonly files: readonly string[] };
  readonly log: readonly RunLogLine[];
  readonly outbox: readonly OutboxRow[];
}

function runParts({ run, log, outbox }: ExportedRun, locations: readonly BlobLocation[]): Partial<Commit> {
  const files = Object.fromEntries(run.files.map((name, index) => [name, locationAt(locations, index)]));
  return {
    runs: [{ expected: 0, row: { ...run, files } }],
    runLog: log,
    outbox: outboxChanges(outbox, locations.slice(run.files.length)),
  };
}

/** The bundles come in the order of the rows that have one. */
function outboxChanges(rows: readonly OutboxRow[], bundles: readonly BlobLocation[]): NonNullable<Commit['outbox']> {
  let next = 0;
  return rows.map((row) => {
    const payload: OutboxPayload =
      row.payload.kind === 'fhir' ? { kind: 'fhir', bundle: locationAt(bundles, next++) } : row.payload;
    return { expected: 0, row: { ...row, payload } };
  });
}

function locationAt(locations: readonly BlobLocation[], index: number): BlobLocation {
  const location = locations[index];
  if (!location) throw new NeuroInsightError('damaged', 'a record of the export lacks bytes that belong to it');
  return location;
}
