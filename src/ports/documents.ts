/**
 * Small things that administration keeps: one row each, with a version, found by kind and id. The rooms that keep them
 * know what is in them.
 */
export type DocumentKind = 'legal-hold' | 'erasure' | 'deletion-proof' | 'backup' | 'key-rotation' | 'scrub' | 'damage';

export interface DocumentRow<Content = unknown> {
  readonly kind: DocumentKind;
  readonly id: string;
  readonly version: number;
  readonly content: Content;
}

export interface DocumentReader {
  get<Content>(site: string, kind: DocumentKind, id: string): Promise<DocumentRow<Content> | undefined>;
  /** By id, those after `after`; '' begins. */
  list<Content>(
    site: string,
    kind: DocumentKind,
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly DocumentRow<Content>[]>;
}
