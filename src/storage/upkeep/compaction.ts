import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  BlobStore,
  Clock,
  DicomIndex,
  Ledger,
  Log,
  OutboxReader,
  PackContentsReader,
  PackReader,
  RunReader,
  SitedPack,
} from '../../ports/index.ts';
import { everyPack } from '../every-pack.ts';
import { readTenants, type Tenants } from './pack-tenants.ts';
import { rewritePack } from './rewrite-pack.ts';

export interface CompactionDeps {
  readonly packs: Pick<PackReader, 'list' | 'get'>;
  readonly packContents: PackContentsReader;
  readonly dicom: Pick<DicomIndex, 'findInstances'>;
  readonly runs: Pick<RunReader, 'get'>;
  readonly outbox: Pick<OutboxReader, 'get'>;
  /** Without quota and reserve: what is written here makes room. */
  readonly blobs: Pick<BlobStore, 'openPack' | 'read' | 'remove'>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
  /** A pack of which rows point to less than this share is written anew. */
  readonly liveShare?: number;
  /** A pack that nothing points into any more is kept for so long: somebody may still be reading it. */
  readonly graceSeconds?: number;
}

export interface CompactionSummary {
  readonly rewritten: number;
  /** Packs that nothing pointed into: row and file are gone. */
  readonly removed: number;
  /** Packs that could not be rewritten; they are tried again at the next look. */
  readonly failed: number;
  readonly freedBytes: number;
}

export interface Compaction {
  /** One look at every pack. */
  run(signal: AbortSignal): Promise<CompactionSummary>;
}

const LIVE_SHARE = 0.5;
const GRACE_SECONDS = 600;

/**
 * Gives back the space of deleted instances. A pack that is mostly dead is written anew, then its rows move in one
 * commit; the old pack keeps its row and its file until nobody can be reading there. Killed anywhere nothing is lost: a
 * new pack without a row is the sweep's, an old one that nothing points into is found at the next look.
 */
export function createCompaction(deps: CompactionDeps): Compaction {
  const { liveShare = LIVE_SHARE, graceSeconds = GRACE_SECONDS } = deps;
  /** When a pack was first seen dead. */
  let dead = new Map<string, number>();
  return {
    async run(signal) {
      const now = deps.clock.now().getTime();
      const still = new Map<string, number>();
      const summary = { rewritten: 0, removed: 0, failed: 0, freedBytes: 0 };
      for await (const found of everyPack(deps.packs)) {
        // What was not looked at this time has not lost the time that it has waited.
        if (signal.aborted) return summary;
        const { site, row } = found;
        const contents = await deps.packContents.contents(site, row.pack);
        const { instances, instanceBytes, runs, outbox } = contents;
        if (instances.length + runs.length + outbox.length === 0) {
          const since = dead.get(row.pack) ?? now;
          if (now - since < graceSeconds * 1000) still.set(row.pack, since);
          else if (await removeDead(deps, found)) {
            summary.removed++;
            summary.freedBytes += row.bytes;
          }
        } else if (row.tier === 'online' && row.damage === undefined && instanceBytes < liveShare * row.bytes) {
          const freed = await compact(
            deps,
            found,
            () => readTenants(deps, site, row.pack, contents),
            liveShare,
            signal,
          );
          if (freed === 'failed') summary.failed++;
          else if (freed > 0) {
            summary.rewritten++;
            still.set(row.pack, now);
          }
        }
      }
      dead = still;
      return summary;
    },
  };
}

/** The row first: a file without a row is found by the sweep, a row without a file would be a loss to everybody. */
async function removeDead({ ledger, blobs }: CompactionDeps, { site, row }: SitedPack): Promise<boolean> {
  try {
    await ledger.commit({ site, removals: { packs: [row.pack] } });
  } catch (error) {
    // Something points there after all.
    if (error instanceof NeuroInsightError && error.kind === 'conflict') return false;
    throw error;
  }
  await blobs.remove(row.pack);
  return true;
}

/** @returns the bytes that the pack has too many; 0 where it stays as it is. */
async function compact(
  deps: CompactionDeps,
  pack: SitedPack,
  read: () => Promise<Tenants | undefined>,
  liveShare: number,
  signal: AbortSignal,
): Promise<number | 'failed'> {
  try {
    const tenants = await read();
    if (!tenants || tenants.liveBytes >= liveShare * pack.row.bytes) return 0;
    const isMoved = await rewritePack(deps, pack, tenants, signal);
    return isMoved ? pack.row.bytes - tenants.liveBytes : 0;
  } catch (error) {
    if (!(error instanceof NeuroInsightError) || error.kind === 'storage-full') throw error;
    // Rows that moved on meanwhile, bytes that are damaged: the others go on.
    deps.log.error('a pack could not be compacted', { error });
    return 'failed';
  }
}
