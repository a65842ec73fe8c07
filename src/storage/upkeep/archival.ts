import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock, Log, PackReader, SitedPack } from '../../ports/index.ts';
import { everyPack } from '../every-pack.ts';

export interface ArchivalDeps {
  readonly packs: Pick<PackReader, 'list' | 'ofStudy'>;
  readonly tier: { archive(pack: string): Promise<boolean> };
  readonly clock: Clock;
  /** A study goes when nothing came for so long. */
  readonly afterDays: number;
  readonly log: Pick<Log, 'error'>;
}

export interface ArchivalSummary {
  /** Packs that were moved, and those that could not be: they stay where they are. */
  readonly moved: number;
  readonly failed: number;
}

export interface Archival {
  run(signal: AbortSignal): Promise<ArchivalSummary>;
}

const DAY_MILLISECONDS = 86_400_000;

/** Moves the packs of old studies into the slow store. A damaged pack stays: it must not look archived. */
export function createArchival({ packs, tier, clock, afterDays, log }: ArchivalDeps): Archival {
  const isOld = async ({ site, row }: SitedPack, before: string): Promise<boolean> => {
    if (row.tier !== 'online' || row.damage !== undefined || row.sealedAt >= before) return false;
    return (await packs.ofStudy(site, row.studyInstanceUid)).every(({ sealedAt }) => sealedAt < before);
  };
  return {
    async run(signal) {
      const before = new Date(clock.now().getTime() - afterDays * DAY_MILLISECONDS).toISOString();
      const summary = { moved: 0, failed: 0 };
      for await (const pack of everyPack(packs)) {
        if (signal.aborted) break;
        if (!(await isOld(pack, before))) continue;
        try {
          if (await tier.archive(pack.row.pack)) summary.moved++;
        } catch (error) {
          if (error instanceof NeuroInsightError && error.kind === 'storage-full') throw error;
          summary.failed++;
          log.error('a pack could not be moved to the slow store', { error: error as Error });
        }
      }
      return summary;
    },
  };
}
