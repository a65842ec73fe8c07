import { createHash } from 'node:crypto';
import type { ChangeFeed, LoggedChange } from '../../ports/index.ts';
import type { LoggedCommit, Said, Tables } from './tables.ts';

/** Appends a commit that was applied to the log. @returns its sequence. */
export function logCommit(tables: Tables, site: string, said: readonly Said[], at: string): number {
  const before = tables.log.at(-1);
  const sequence = (before?.sequence ?? 0) + 1;
  const changes = said.map((change, ordinal) => ({ ...change, sequence, ordinal, at, site }));
  const chain = createHash('sha256')
    .update(JSON.stringify([before?.chain ?? '', sequence, site, at, changes]))
    .digest('base64url');
  tables.log.push({ sequence, at, chain, changes });
  return sequence;
}

export function createMemoryChanges(tables: Tables): ChangeFeed {
  return {
    async after(site, sequence, limit) {
      const found: LoggedChange[] = [];
      for (const commit of tables.log) {
        if (found.length >= limit) break;
        if (commit.sequence <= sequence) continue;
        found.push(...commit.changes.filter((change) => site === undefined || change.site === site));
      }
      return structuredClone(found);
    },
    async head() {
      const { sequence = 0, chain = '' } = tables.log.at(-1) ?? {};
      return { sequence, chain };
    },
    sequenceAt: async (instant) => lastBefore(tables.log, instant),
  };
}

const lastBefore = (log: readonly LoggedCommit[], instant: string): number =>
  log.findLast(({ at }) => at <= instant)?.sequence ?? 0;
