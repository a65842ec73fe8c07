import { NeuroInsightError } from '../domain/errors.ts';
import type { Clock, PackWriter } from '../ports/index.ts';

export interface QuotaOptions {
  /** Most that the packs of one site may take. */
  readonly bytes: number;
  /** What those that are stored take now. */
  readonly usedBytes: (site: string) => Promise<number>;
}

/** Counts what is being written beside what is stored, so that requests at the same time cannot pass it together. */
export interface Quota {
  /** @throws storage-full when the site has used all of it. */
  requireRoom(site: string): Promise<void>;
  /** A writer whose appends are refused with storage-full when they would pass the quota; the pack is then discarded. */
  counted(site: string, writer: PackWriter): PackWriter;
  /** After the commit with the rows of these packs. */
  committed(packs: readonly string[]): void;
}

/** A pack that is not known to be among what `usedBytes` counts. */
interface Growing {
  bytes: number;
  pack: string | undefined;
  sealedAt: number | undefined;
  committedAt: number | undefined;
}

interface Tally {
  used: Promise<number>;
  looked: number;
  readonly growing: Set<Growing>;
}

const LOOK_MILLISECONDS = 1000;
/** A sealed pack whose rows have not come for so long has none: the sweep takes it. */
const FORGET_MILLISECONDS = 3_600_000;

export function createQuota({ bytes: most, usedBytes }: QuotaOptions, clock: Clock): Quota {
  const tallies = new Map<string, Tally>();
  const tallyOf = (site: string): Tally => {
    const known = tallies.get(site);
    if (known) return known;
    const tally: Tally = { used: Promise.resolve(0), looked: Number.NEGATIVE_INFINITY, growing: new Set() };
    tallies.set(site, tally);
    return tally;
  };
  const look = async (site: string, tally: Tally, now: number): Promise<number> => {
    const used = await usedBytes(site);
    for (const one of tally.growing) {
      const isStored = one.committedAt !== undefined && one.committedAt < now;
      const isLost = one.sealedAt !== undefined && one.sealedAt < now - FORGET_MILLISECONDS;
      if (isStored || isLost) tally.growing.delete(one);
    }
    return used;
  };
  const takenBy = async (site: string): Promise<number> => {
    const tally = tallyOf(site);
    const now = clock.now().getTime();
    if (now - tally.looked >= LOOK_MILLISECONDS) {
      tally.looked = now;
      tally.used = look(site, tally, now);
      tally.used.catch(() => {
        tally.looked = Number.NEGATIVE_INFINITY;
      });
    }
    const used = await tally.used;
    return [...tally.growing].reduce((sum, { bytes }) => sum + bytes, used);
  };
  return {
    async requireRoom(site) {
      if ((await takenBy(site)) >= most) throw full();
    },
    counted: (site, writer) => {
      const { growing } = tallyOf(site);
      const own: Growing = { bytes: 0, pack: undefined, sealedAt: undefined, committedAt: undefined };
      growing.add(own);
      const dropped = async <T>(work: Promise<T>): Promise<T> => {
        try {
          return await work;
        } catch (error) {
          growing.delete(own);
          throw error;
        }
      };
      return {
        async append(bytes) {
          own.bytes += bytes.byteLength;
          if ((await dropped(takenBy(site))) > most) {
            growing.delete(own);
            await writer.discard();
            throw full();
          }
          return dropped(writer.append(bytes));
        },
        async seal() {
          const sealed = await dropped(writer.seal());
          own.bytes = sealed.row.bytes;
          own.pack = sealed.row.pack;
          own.sealedAt = clock.now().getTime();
          return sealed;
        },
        async discard() {
          growing.delete(own);
          await writer.discard();
        },
      };
    },
    committed(packs) {
      const names = new Set<string | undefined>(packs);
      const now = clock.now().getTime();
      for (const { growing } of tallies.values()) {
        for (const one of growing) if (one.pack !== undefined && names.has(one.pack)) one.committedAt = now;
      }
    },
  };
}

const full = (): NeuroInsightError => new NeuroInsightError('storage-full', 'the site has used what it may store');
