/** Does the work for each item, so many at once, and answers in the order of the items. Stops at the first failure. */
export async function inChunks<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += atOnce) {
    for (const result of await Promise.all(items.slice(start, start + atOnce).map(work))) results.push(result);
  }
  return results;
}
