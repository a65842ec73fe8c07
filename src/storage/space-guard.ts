import { NeuroInsightError } from '../domain/errors.ts';
import type { BlobStore, Clock, Commit, Ledger } from '../ports/index.ts';

export interface SpaceGuardDeps {
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** What is kept free for the audit of reading, and for the work that ends what was begun. */
  readonly reserveBytes: number;
  /** Most that the packs of one site may take; absent: no limit. */
  readonly quota?: { readonly bytes: number; readonly usedBytes: (site: string) => Promise<number> };
}

const LOOK_MILLISECONDS = 1000;

/**
 * Refuses what makes the store grow while less than the reserve is free, so that reading, which needs room for its
 * audit, stays alive on a full disk.
 */
export function guardSpace({ ledger, blobs, clock, reserveBytes, quota }: SpaceGuardDeps): {
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
} {
  let looked = Number.NEGATIVE_INFINITY;
  let free: Promise<number> = Promise.resolve(0);
  const requireSpace = async (): Promise<void> => {
    const now = clock.now().getTime();
    if (now - looked >= LOOK_MILLISECONDS) {
      looked = now;
      free = blobs.freeBytes();
    }
    if ((await free) < reserveBytes) throw new NeuroInsightError('storage-full', 'the store has no room for more');
  };
  return {
    ledger: {
      async commit(commit) {
        if (grows(commit)) await requireSpace();
        return ledger.commit(commit);
      },
    },
    blobs: {
      ...blobs,
      async openPack(site, studyInstanceUid) {
        await requireSpace();
        if (quota && (await quota.usedBytes(site)) >= quota.bytes) {
          throw new NeuroInsightError('storage-full', 'the site has used what it may store');
        }
        return blobs.openPack(site, studyInstanceUid);
      },
    },
  };
}

/** Deletions and everything that only moves rows on may use the reserve. */
function grows({ resources = [], instances = [] }: Commit): boolean {
  return instances.length > 0 || resources.some(({ row }) => row.resource !== undefined);
}
