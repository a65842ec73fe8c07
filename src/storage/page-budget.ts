import { NeuroInsightError } from '../domain/errors.ts';

/** Bytes in UTF-8 of the resources of one page: it is held whole, several times over on its way to the client. */
export const MOST_PAGE_BYTES = 160 * 2 ** 20;

/** @throws limit-exceeded as soon as the sizes of a page's resources, in bytes, pass the budget. */
export function requirePageWithin(sizes: Iterable<number>, mostBytes: number): void {
  let bytes = 0;
  for (const size of sizes) {
    bytes += size;
    if (bytes > mostBytes) {
      throw new NeuroInsightError(
        'limit-exceeded',
        'The resources of the page are too large: ask for a smaller _count',
      );
    }
  }
}
