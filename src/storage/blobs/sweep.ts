import type { BlobStore, Clock, DicomIndex, PackReader } from '../../ports/index.ts';

export interface SweepDeps {
  readonly blobs: Pick<BlobStore, 'packs' | 'remove'>;
  readonly index: Pick<DicomIndex, 'isPackReferenced'>;
  /** A pack with a row is never an orphan: the compaction removes row and file together when nothing points there. */
  readonly packs: Pick<PackReader, 'get'>;
  readonly clock: Clock;
  /** A pack that no row points to is left alone until it has been seen for so long: its request may still be writing. */
  readonly orphanSeconds: number;
}

export interface Sweep {
  /** One look at every pack; resolves to the names that were removed. */
  run(signal: AbortSignal): Promise<readonly string[]>;
}

/** Removes the packs of requests that never ended: a crash between the bytes and their rows leaves such packs. */
export function createSweep({ blobs, index, packs, clock, orphanSeconds }: SweepDeps): Sweep {
  let suspects = new Map<string, number>();
  return {
    async run(signal) {
      const now = clock.now().getTime();
      const still = new Map<string, number>();
      const removed: string[] = [];
      for await (const pack of blobs.packs()) {
        if (signal.aborted) break;
        if ((await index.isPackReferenced(pack)) || (await packs.get(pack))) continue;
        const since = suspects.get(pack) ?? now;
        if (now - since < orphanSeconds * 1000) {
          still.set(pack, since);
          continue;
        }
        await blobs.remove(pack);
        removed.push(pack);
      }
      if (!signal.aborted) suspects = still;
      return removed;
    },
  };
}
