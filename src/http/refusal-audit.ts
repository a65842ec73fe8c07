import type { AuditTrail, Log, Principal } from '../ports/index.ts';

/** One refused request, as far as it is known. */
export interface Refusal {
  readonly principal: Principal;
  readonly method: string;
  /** Kind of the error: unauthenticated or forbidden. */
  readonly kind: string;
}

export interface RefusalAudit {
  /** Resolves when the refusal is written down, or counted for the row that ends the minute. Never throws. */
  record(refusal: Refusal): Promise<void>;
  /** Writes the counts of the minute that has passed. */
  endMinute(): Promise<void>;
}

export interface RefusalAuditDeps {
  readonly audit: Pick<AuditTrail, 'record'>;
  readonly log: Pick<Log, 'error'>;
}

/** Rows a minute that one address or key gets, and all of them together. */
const ROWS_EACH = 10;
const ROWS_IN_ALL = 200;
const COUNTED_EACH = 1000;
const REST = 'others';

interface Tally {
  readonly principal: Principal;
  readonly kind: string;
  rows: number;
  uncounted: number;
}

/**
 * Writes refused requests down without letting a flood of them fill the disk: the first few of each address are rows,
 * the rest of a minute becomes one row with their number.
 */
export function createRefusalAudit({ audit, log }: RefusalAuditDeps): RefusalAudit {
  let tallies = new Map<string, Tally>();
  let rows = 0;
  const write = async (principal: Principal, interaction: string, outcomeDesc: string): Promise<void> => {
    try {
      await audit.record({ principal, action: 'E', interaction, outcome: '4', outcomeDesc });
    } catch (error) {
      // Nothing was disclosed, so the refusal stands; that the trail has a gap is for the log.
      log.error('a refusal could not be audited', { error: error as Error });
    }
  };
  return {
    record: async ({ principal, method, kind }) => {
      const tally = tallyOf(tallies, principal, kind);
      if (tally.rows >= ROWS_EACH || rows >= ROWS_IN_ALL) {
        tally.uncounted++;
        return;
      }
      tally.rows++;
      rows++;
      await write(principal, `http/${method.toLowerCase()}`, kind);
    },
    endMinute: async () => {
      const ended = tallies;
      tallies = new Map();
      rows = 0;
      for (const { principal, kind, uncounted } of ended.values()) {
        if (uncounted > 0) await write(principal, 'http/refusals', `${kind}: ${uncounted} more in this minute`);
      }
    },
  };
}

/** The number of tallies is bounded too: whoever has many addresses shares the last one. */
function tallyOf(tallies: Map<string, Tally>, principal: Principal, kind: string): Tally {
  const named = `${principal.id} ${principal.address} ${kind}`;
  const key = tallies.has(named) || tallies.size < COUNTED_EACH ? named : REST;
  const known = tallies.get(key);
  if (known !== undefined) return known;
  const shared = key === REST ? { ...principal, address: undefined } : principal;
  const tally = { principal: shared, kind, rows: 0, uncounted: 0 };
  tallies.set(key, tally);
  return tally;
}
