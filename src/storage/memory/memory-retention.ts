import type { PackContents, PackContentsReader, RetentionReader } from '../../ports/index.ts';
import { rowsOfSite, type Tables } from './tables.ts';

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

export function createMemoryRetention(tables: Tables): RetentionReader {
  return {
    async studies(site, { before, withSource, after, limit }) {
      const instances = rowsOfSite(tables.instances, site).map(({ row }) => row);
      return [...Map.groupBy(instances, ({ studyInstanceUid }) => studyInstanceUid)]
        .filter(([, rows]) => !withSource || rows.some(({ isSource }) => isSource))
        .map(([studyInstanceUid, rows]) => ({
          studyInstanceUid,
          receivedAt: rows.map(({ receivedAt }) => receivedAt).reduce((a, b) => (a > b ? a : b)),
        }))
        .filter(({ studyInstanceUid, receivedAt }) => receivedAt < before && studyInstanceUid > after)
        .sort((a, b) => compare(a.studyInstanceUid, b.studyInstanceUid))
        .slice(0, limit);
    },
    async studiesOfRuns(site, { before, after, limit }) {
      const runs = rowsOfSite(tables.runs, site).map(({ row }) => row);
      return [...Map.groupBy(runs, ({ studyInstanceUid }) => studyInstanceUid)]
        .filter(([study, rows]) => study > after && rows.every(({ createdAt }) => createdAt < before))
        .map(([study]) => study)
        .sort(compare)
        .slice(0, limit);
    },
    deletedResources: async (site, { before, after, limit }) =>
      rowsOfSite(tables.resources, site)
        .filter(({ row }) => row.stored.json === undefined && row.stored.lastUpdated < before)
        .map(({ row }) => `${row.stored.resourceType}/${row.stored.id}`)
        .filter((reference) => reference > after)
        .sort(compare)
        .slice(0, limit),
    oldestAudit: async (site) =>
      rowsOfSite(tables.audit, site)
        .map(({ row }) => row.recorded)
        .sort(compare)[0],
    countAuditBefore: async (site, before) =>
      rowsOfSite(tables.audit, site).filter(({ row }) => row.recorded < before).length,
  };
}

export function createMemoryPackContents(tables: Tables): PackContentsReader {
  return { contents: async (site, pack) => contentsOf(tables, site, pack) };
}

/** What points into a pack as things stand. */
export function contentsOf(tables: Tables, site: string, pack: string): PackContents {
  const there = rowsOfSite(tables.instances, site)
    .map(({ row }) => row)
    .filter(({ blob, metadata }) => blob.pack === pack || metadata.pack === pack);
  return {
    instances: there.map(({ sopInstanceUid }) => sopInstanceUid).sort(compare),
    instanceBytes: there
      .flatMap(({ blob, metadata }) => [blob, metadata])
      .filter((location) => location.pack === pack)
      .reduce((sum, { length }) => sum + length, 0),
    runs: rowsOfSite(tables.runs, site)
      .filter(({ row }) => Object.values(row.files).some((file) => file.pack === pack))
      .map(({ row }) => row.id)
      .sort(compare),
    outbox: rowsOfSite(tables.outbox, site)
      .filter(({ row }) => row.payload.kind === 'fhir' && row.payload.bundle.pack === pack)
      .map(({ row }) => row.id)
      .sort(compare),
  };
}
