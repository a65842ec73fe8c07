import type { DocumentReader, DocumentRow, PackReader, PackRow } from '../../ports/index.ts';
import { keyOf, rowsOfSite, type Tables } from './tables.ts';

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

export function createMemoryPacks(tables: Tables): PackReader {
  const notUnder = (kekId: string) => [...tables.studyKeys.values()].filter(({ row }) => row.kekId !== kekId);
  return {
    async get(pack) {
      const found = tables.packs.get(pack);
      return found && structuredClone({ site: found.site, row: found.row });
    },
    ofStudy: async (site, studyInstanceUid) =>
      structuredClone(packsOf(tables, site).filter((row) => row.studyInstanceUid === studyInstanceUid)),
    async list(after, limit) {
      const found = [...tables.packs.values()].filter(({ row }) => row.pack > after);
      found.sort((a, b) => compare(a.row.pack, b.row.pack));
      return structuredClone(found.slice(0, limit).map(({ site, row }) => ({ site, row })));
    },
    studyKey: async (site, studyInstanceUid) =>
      structuredClone(tables.studyKeys.get(keyOf(site, studyInstanceUid))?.row),
    keysNotUnder: async (kekId, limit) =>
      structuredClone(
        notUnder(kekId)
          .slice(0, limit)
          .map(({ site, row }) => ({ site, row })),
      ),
    countKeysNotUnder: async (kekId) => notUnder(kekId).length,
    bytesOf: async (site) => packsOf(tables, site).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const packsOf = (tables: Tables, site: string): PackRow[] =>
  rowsOfSite(tables.packs, site)
    .map(({ row }) => row)
    .sort((a, b) => compare(a.pack, b.pack));

export function createMemoryDocuments(tables: Tables): DocumentReader {
  return {
    async get<Content>(site: string, kind: DocumentRow['kind'], id: string) {
      const row = structuredClone(tables.documents.get(keyOf(site, kind, id))?.row);
      return row as DocumentRow<Content> | undefined;
    },
    async list<Content>(
      site: string,
      kind: DocumentRow['kind'],
      { after, limit }: { readonly after: string; readonly limit: number },
    ) {
      const found = rowsOfSite(tables.documents, site)
        .map(({ row }) => row)
        .filter((row) => row.kind === kind && row.id > after)
        .sort((a, b) => compare(a.id, b.id))
        .slice(0, limit);
      return structuredClone(found) as DocumentRow<Content>[];
    },
  };
}
