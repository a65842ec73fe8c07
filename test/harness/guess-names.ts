import { trigramsOf } from './made-up-names.ts';

/** What whoever has the file of a blind index sees: which documents share which digests. */
export interface SeenDigests {
  /** Hexadecimal digests of the trigrams of each document. */
  readonly gramsOf: ReadonlyMap<number, readonly string[]>;
}

/** One name as the file shows it: nobody's name yet. */
interface Cluster {
  readonly grams: readonly string[];
  readonly documents: readonly number[];
}

/** Documents with the same digests have the same name; the most frequent first. */
function clustersOf({ gramsOf }: SeenDigests): Cluster[] {
  const clusters = new Map<string, { grams: readonly string[]; documents: number[] }>();
  for (const [id, grams] of gramsOf) {
    const key = [...grams].sort().join();
    const cluster = clusters.get(key) ?? { grams, documents: [] };
    cluster.documents.push(id);
    clusters.set(key, cluster);
  }
  return [...clusters.values()].sort((a, b) => b.documents.length - a.documents.length);
}

/** By the order of frequencies alone: the n-th name of the list is the n-th of the file. */
export function guessByRank(seen: SeenDigests, publicNames: readonly string[]): Map<number, string> {
  const guesses = new Map<number, string>();
  clustersOf(seen).forEach(({ documents }, rank) => {
    for (const id of documents) guesses.set(id, publicNames[rank] ?? '');
  });
  return guesses;
}

const MOST_CANDIDATES = 2_000;
const ROUNDS = 6;

/**
 * By frequencies and pieces: a name has as many digests as trigrams, the same digest is the same trigram everywhere, and a
 * name that is guessed tells about the next one.
 *
 * @param frequencies how often each name is borne elsewhere, as a share.
 */
export function guessByPieces(seen: SeenDigests, frequencies: ReadonlyMap<string, number>): Map<number, string> {
  const clusters = clustersOf(seen).slice(0, MOST_CANDIDATES);
  const total = seen.gramsOf.size;
  const names = [...frequencies].map(([name, share]) => ({ name, share, grams: new Set(trigramsOf(name)) }));
  const digestFrequencies = shares([...seen.gramsOf.values()].map((grams) => ({ grams, weight: 1 / total })));
  const gramFrequencies = shares(names.map(({ grams, share }) => ({ grams, weight: share })));
  const distance = ({ grams, documents }: Cluster, candidate: (typeof names)[number]): number => {
    const byName = Math.abs(Math.log(documents.length / total / candidate.share));
    const here = sorted(grams, digestFrequencies);
    const there = sorted(candidate.grams, gramFrequencies);
    return byName + here.reduce((sum, share, at) => sum + Math.abs(Math.log(share / there[at]!)), 0);
  };
  const guessed = clusters.map((cluster) => {
    let best: { name: string; distance: number } | undefined;
    for (const candidate of names) {
      if (candidate.grams.size !== cluster.grams.length) continue;
      const apart = distance(cluster, candidate);
      if (!best || apart < best.distance) best = { name: candidate.name, distance: apart };
    }
    return best?.name ?? '';
  });
  for (let round = 0; round < ROUNDS; round++) agree(clusters, guessed, names);
  return new Map(clusters.flatMap(({ documents }, at) => documents.map((id) => [id, guessed[at]!])));
}

/** Which trigram a digest is, by the names that share it; and each name again by that. */
function agree(
  clusters: readonly Cluster[],
  guessed: string[],
  names: readonly { readonly name: string; readonly grams: ReadonlySet<string> }[],
): void {
  const votes = new Map<string, Map<string, number>>();
  clusters.forEach(({ grams, documents }, at) => {
    const pieces = trigramsOf(guessed[at]!);
    for (const digest of grams) {
      const of = votes.get(digest) ?? new Map<string, number>();
      votes.set(digest, of);
      for (const piece of pieces) of.set(piece, (of.get(piece) ?? 0) + Math.log1p(documents.length));
    }
  });
  const meaning = new Map<string, string>();
  for (const [digest, of] of votes) meaning.set(digest, [...of].reduce((a, b) => (b[1] > a[1] ? b : a))[0]);
  clusters.forEach(({ grams }, at) => {
    const pieces = new Set(grams.map((digest) => meaning.get(digest)!));
    let most = -1;
    for (const { name, grams: own } of names) {
      if (own.size !== grams.length) continue;
      let shared = 0;
      for (const piece of pieces) if (own.has(piece)) shared++;
      if (shared > most || (shared === most && name === guessed[at])) {
        most = shared;
        guessed[at] = name;
      }
    }
  });
}

function shares(of: readonly { readonly grams: Iterable<string>; readonly weight: number }[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { grams, weight } of of) for (const gram of grams) sums.set(gram, (sums.get(gram) ?? 0) + weight);
  return sums;
}

const sorted = (grams: Iterable<string>, of: ReadonlyMap<string, number>): number[] =>
  [...grams].map((gram) => of.get(gram)!).sort((a, b) => b - a);
