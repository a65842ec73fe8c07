import type { DocumentKind, DocumentReader, DocumentRow } from '../../ports/index.ts';
import type { Row } from './database.ts';
import type { Readers } from './readers.ts';
import { parsed } from './rows.ts';

const DOCUMENTS = 'SELECT site, kind, id, version, row, mac FROM documents';

export function createDocumentReader(readers: Readers): DocumentReader {
  return {
    async get<Content>(site: string, kind: DocumentKind, id: string) {
      const sql = `${DOCUMENTS} WHERE site = ? AND kind = ? AND id = ?`;
      const row = await readers.point(sql, [site, kind, id], ['document']);
      return row && documentOf<Content>(row);
    },
    async list<Content>(
      site: string,
      kind: DocumentKind,
      { after, limit }: { readonly after: string; readonly limit: number },
    ) {
      const sql = `${DOCUMENTS} WHERE site = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?`;
      const rows = await readers.all(sql, [site, kind, after, limit], ['document']);
      return rows.map((row) => documentOf<Content>(row));
    },
  };
}

const documentOf = <Content>(row: Row): DocumentRow<Content> => ({
  kind: row.kind as DocumentKind,
  id: String(row.id),
  version: Number(row.version),
  content: parsed<Content>(row.row),
});
