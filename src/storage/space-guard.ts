import { NeuroInsightError } from '../domain/errors.ts';
import type { BlobStore, Clock, Commit, Ledger } from '../ports/index.ts';
import { createQuota, type QuotaOptions } from './quota.ts';

export interface SpaceGuardDeps {
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** What is kept free for the audit of reading, and for the work that ends what was begun. */
  readonly reserveBytes: number;
  /** Absent: no limit. */
  readonly quota?: QuotaOptions;
}

const LOOK_MILLISECONDS = 1000;

/**
 * Refuses what makes the store grow while less than the reserve is free, so that reading, which needs room for its
 * audit, stays alive on a full disk; and instances of a site that would pass its quota.
 */
export function guardSpace({ ledger, blobs, clock, reserveBytes, quota }: SpaceGuardDeps): {
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
} {
  const counting = quota && createQuota(quota, clock);
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
        const receipt = await ledger.commit(commit);
        if (commit.packs) counting?.committed(commit.packs.map(({ pack }) => pack));
        return receipt;
      },
    },
    blobs: {
      ...blobs,
      async openPack(site, studyInstanceUid) {
        await requireSpace();
        await counting?.requireRoom(site);
        const writer = await blobs.openPack(site, studyInstanceUid);
        return counting ? counting.counted(site, writer) : writer;
      },
    },
  };
}

/** Deletions and everything that only moves rows on may use the reserve. */
function grows({ resources = [], instances = [] }: Commit): boolean {
  return instances.length > 0 || resources.some(({ row }) => row.resource !== undefined);
}
