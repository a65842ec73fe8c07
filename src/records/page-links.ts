import type { TextBundle } from './bundle-text.ts';
import type { SearchParams } from './deps.ts';

/** Links of a page: what was understood, and where the pages beside it are (R4 http 3.1.0.9.1). */
export function pageLinks(
  address: string,
  params: SearchParams,
  page: { readonly count: number; readonly offset: number; readonly more: boolean },
): TextBundle['links'] {
  const { count, offset, more } = page;
  const url = (at: number): string => {
    const query = new URLSearchParams(params as [string, string][]);
    if (at > 0) query.set('_offset', String(at));
    return query.size === 0 ? address : `${address}?${query}`;
  };
  return [
    { relation: 'self', url: url(offset) },
    ...(offset > 0 ? [{ relation: 'previous', url: url(Math.max(0, offset - count)) }] : []),
    ...(more && count > 0 ? [{ relation: 'next', url: url(offset + count) }] : []),
  ];
}
