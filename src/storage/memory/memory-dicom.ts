import type { DicomIndex, InstanceRow, StudyState } from '../../ports/index.ts';
import { matchInstances } from './dicom-match.ts';
import { keyOf, type MemoryStudy, rowsOfSite, type Tables } from './tables.ts';

export function createMemoryDicom(tables: Tables): DicomIndex {
  const ofSite = (site: string): InstanceRow[] =>
    rowsOfSite(tables.instances, site).map(({ row }) => withKeptAttributes(tables, site, row));
  return {
    query: async (site, query) => structuredClone(matchInstances(ofSite(site), query)),
    async instances(site, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }) {
      const found = ofSite(site)
        .filter((row) => row.studyInstanceUid === studyInstanceUid)
        .filter((row) => seriesInstanceUid === undefined || row.seriesInstanceUid === seriesInstanceUid)
        .filter((row) => sopInstanceUid === undefined || row.sopInstanceUid === sopInstanceUid);
      return structuredClone(found.sort(byNumber));
    },
    findInstances: async (site, sopInstanceUids) =>
      structuredClone(ofSite(site).filter((row) => sopInstanceUids.includes(row.sopInstanceUid))),
    async study(site, studyInstanceUid) {
      const study = tables.studies.get(keyOf(site, studyInstanceUid));
      return study && stateOf(study.row);
    },
    quietStudies: async (site, before, limit) =>
      rowsOfSite(tables.studies, site)
        .map(({ row }) => stateOf(row))
        .filter((study) => isQuiet(study, before))
        .sort(
          (a, b) =>
            compare(a.sourceReceivedAt!, b.sourceReceivedAt!) || compare(a.studyInstanceUid, b.studyInstanceUid),
        )
        .slice(0, limit),
    isPackReferenced: async (pack) => [...packsOf(tables)].includes(pack),
  };
}

const stateOf = ({ studyInstanceUid, sourceReceivedAt, consideredAt }: MemoryStudy): StudyState => ({
  studyInstanceUid,
  sourceReceivedAt,
  consideredAt,
});

function isQuiet({ sourceReceivedAt, consideredAt }: StudyState, before: string): boolean {
  return sourceReceivedAt !== undefined && sourceReceivedAt < before && (consideredAt ?? '') < sourceReceivedAt;
}

/** Study and series answer with the attributes of their first instance. */
function withKeptAttributes(tables: Tables, site: string, row: InstanceRow): InstanceRow {
  const { studyInstanceUid, seriesInstanceUid, attributes } = row;
  const study = tables.studies.get(keyOf(site, studyInstanceUid))!.row.attributes;
  const series = tables.series.get(keyOf(site, studyInstanceUid, seriesInstanceUid))!.row;
  return { ...row, attributes: { study, series, instance: attributes.instance } };
}

function byNumber(a: InstanceRow, b: InstanceRow): number {
  return (
    compare(seriesNumberOf(a), seriesNumberOf(b)) ||
    compare(a.seriesInstanceUid, b.seriesInstanceUid) ||
    compare(a.instanceNumber ?? Number.POSITIVE_INFINITY, b.instanceNumber ?? Number.POSITIVE_INFINITY) ||
    compare(a.sopInstanceUid, b.sopInstanceUid)
  );
}

/** SeriesNumber (0020,0011); a series without one comes last. */
function seriesNumberOf({ attributes }: InstanceRow): number {
  const value = attributes.series['00200011']?.Value?.[0];
  return typeof value === 'number' ? value : Number.POSITIVE_INFINITY;
}

const compare = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : Number(a > b));

function* packsOf(tables: Tables): Generator<string> {
  for (const { row } of tables.instances.values()) yield* [row.blob.pack, row.metadata.pack];
  for (const { row } of tables.runs.values()) for (const { pack } of Object.values(row.files)) yield pack;
  for (const { row } of tables.outbox.values()) if (row.payload.kind === 'fhir') yield row.payload.bundle.pack;
}
