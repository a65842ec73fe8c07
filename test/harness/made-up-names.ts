const SYLLABLES =
  'ba bel ber bo ca den der do el fa fen ga ger ha hel hof in ka kel la lan lo ma man mei mo na nor o pe'
    .concat(' ra ren ri ro sa schu sen ser si so sta ta tel ten tho to va ver vo wa wal wei wi za zel')
    .split(' ');

/** Numbers from 0 to below 1 that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As many different names of two to four syllables. */
export function madeUpNames(count: number, seed: number): readonly string[] {
  const random = seeded(seed);
  const names = new Set<string>();
  while (names.size < count) {
    const length = 2 + Math.floor(random() * 3);
    const pieces = Array.from({ length }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]!);
    names.add(pieces.join(''));
  }
  return [...names];
}

/** Draws names as people bear them: the n-th about as often as 1 / (n + 10). */
export function drawnBy(names: readonly string[], random: () => number): () => string {
  let sum = 0;
  const sums = names.map((_, rank) => {
    sum += 1 / (rank + 11);
    return sum;
  });
  return () => {
    const at = random() * sum;
    let [low, high] = [0, names.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return names[low]!;
  };
}

/** The pieces of three characters of a name that begins and ends with a mark, each once. */
export function trigramsOf(name: string): readonly string[] {
  const marked = `^^${name}$`;
  return [...new Set(Array.from({ length: marked.length - 2 }, (_, at) => marked.slice(at, at + 3)))];
}
