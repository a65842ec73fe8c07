/** Order of numbers, and of text by code points: what UTF-8 compared byte by byte gives, and UTF-16 does not. */
export function compare<T extends string | number>(a: T, b: T): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return a < b ? -1 : Number(a > b);
}

function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] === b[i]) continue;
    // Equal up to here, so both stand at the start of a character, or within characters that share their first half.
    const [first, second] = [a.codePointAt(i)!, b.codePointAt(i)!];
    return first < second ? -1 : 1;
  }
  return a.length - b.length;
}

/** The same with what is missing last, whatever the direction. */
export function compareMissingLast<T extends string | number>(
  a: T | undefined,
  b: T | undefined,
  descending: boolean,
): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return descending ? compare(b, a) : compare(a, b);
}
