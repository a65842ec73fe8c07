import { NeuroInsightError } from '../domain/errors.ts';
import type { StoredResource } from '../ports/index.ts';

/** Text of one page; it is held whole, and a string ends at 512 MiB. */
const MOST_TEXT = 128 * 2 ** 20;

/** @throws limit-exceeded for a page that is too large to be sent as one Bundle; cut short, it would look whole. */
export function requireSendable(rows: readonly StoredResource[]): void {
  const length = rows.reduce((sum, { json }) => sum + (json?.length ?? 0), 0);
  if (length > MOST_TEXT) {
    throw new NeuroInsightError('limit-exceeded', 'The resources of the page are too large: ask for a smaller _count');
  }
}
