import { NeuroInsightError } from '../../domain/errors.ts';
import type { InstanceRow, JsonDataset, StoredResource, StudyState } from '../../ports/index.ts';
import type { Row, Value } from './database.ts';

/** JSON that this software wrote. @throws damaged for anything else: what no MAC covers, a study's modalities for one. */
export function parsed<T>(value: Value | undefined): T {
  try {
    return JSON.parse(String(value)) as T;
  } catch (cause) {
    throw new NeuroInsightError('damaged', 'a row holds what was never written', { cause });
  }
}

export const textOrNone = (value: Value | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** Columns type, id, version, last_updated, method, json. */
export function storedResourceOf(row: Row): StoredResource {
  return {
    resourceType: String(row.type),
    id: String(row.id),
    versionId: Number(row.version),
    lastUpdated: String(row.last_updated),
    method: row.method as StoredResource['method'],
    json: textOrNone(row.json),
  };
}

/** Columns of INSTANCE_COLUMNS. */
export function instancesOf(rows: readonly Row[]): InstanceRow[] {
  // The instances of a study repeat its attributes: each text is parsed once.
  const known = new Map<Value | undefined, JsonDataset>();
  const above = (text: Value | undefined): JsonDataset => {
    const dataset = known.get(text) ?? parsed<JsonDataset>(text);
    known.set(text, dataset);
    return dataset;
  };
  return rows.map((row) => instanceOf(row, above));
}

function instanceOf(row: Row, above: (text: Value | undefined) => JsonDataset): InstanceRow {
  return {
    studyInstanceUid: String(row.StudyInstanceUID),
    seriesInstanceUid: String(row.SeriesInstanceUID),
    sopInstanceUid: String(row.SOPInstanceUID),
    sopClassUid: String(row.SOPClassUID),
    transferSyntaxUid: String(row.transfer_syntax),
    instanceNumber: typeof row.InstanceNumber === 'number' ? row.InstanceNumber : undefined,
    attributes: {
      study: above(row.study_attributes),
      series: above(row.series_attributes),
      instance: parsed(row.attributes),
    },
    blob: { pack: String(row.pack), offset: Number(row.blob_offset), length: Number(row.blob_length) },
    metadata: {
      pack: String(row.metadata_pack),
      offset: Number(row.metadata_offset),
      length: Number(row.metadata_length),
    },
    frames: parsed(row.frames),
    receivedSha256: String(row.received_sha256),
    storedSha256: String(row.stored_sha256),
    receivedAt: String(row.received_at),
    receivedFrom: String(row.received_from),
    isSource: row.is_source === 1,
  };
}

export function studyStateOf(row: Row): StudyState {
  return {
    studyInstanceUid: String(row.StudyInstanceUID),
    sourceReceivedAt: textOrNone(row.source_received_at),
    consideredAt: textOrNone(row.considered_at),
  };
}
