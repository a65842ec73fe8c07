/**
 * Does short work for each of many items, so many in one turn of the event loop, so that others are served in between.
 * Answers in the order of the items; throws what the work throws.
 */
export async function inTurns<T, R>(items: readonly T[], aTurn: number, work: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += aTurn) {
    if (start > 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    for (const item of items.slice(start, start + aTurn)) results.push(work(item));
  }
  return results;
}
