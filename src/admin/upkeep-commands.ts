import { z } from 'zod';
import { NeuroInsightError } from '../domain/errors.ts';
import type { LastBackup } from '../storage/backup/backup.ts';
import { type Commands, defineCommand } from './command.ts';

/** What a data folder says of itself. */
export interface StoreStatus {
  /** Commits so far. */
  readonly commits: number;
  /** FHIR instant of the last backup; absent: there was none. */
  readonly lastBackup?: string;
  readonly kekId: string;
  /** Study keys that a rotation has yet to move. */
  readonly studyKeysUnderOldKek: number;
}

export const UPKEEP_COMMANDS: Commands = {
  status: defineCommand(z.strictObject({}), async ({ foundation: { store, keys } }): Promise<StoreStatus> => {
    const { currentKekId } = keys.ring;
    const last = await store.documents.get<LastBackup>('main', 'backup', 'last');
    return {
      commits: (await store.changes.head()).sequence,
      ...(last && { lastBackup: last.content.at }),
      kekId: currentKekId,
      studyKeysUnderOldKek: await store.packs.countKeysNotUnder(currentKekId),
    };
  }),
  /** Rows, history and index against their MACs and against each other. */
  verify: defineCommand(z.strictObject({}), ({ foundation, signal }) =>
    foundation.exclusive('verify', () => foundation.store.verify({ signal })),
  ),
  /** Reads what is due, as the server does by itself every hour. */
  scrub: defineCommand(z.strictObject({}), ({ foundation, signal }) =>
    foundation.exclusive('scrub', () => foundation.scrub.run(signal)),
  ),
  archive: defineCommand(z.strictObject({}), ({ foundation, signal }) => {
    const { archival } = foundation;
    if (!archival) throw new NeuroInsightError('invalid-request', 'no folder of a slow store is configured');
    return foundation.exclusive('archival', () => archival.run(signal));
  }),
  compact: defineCommand(z.strictObject({}), ({ foundation, signal }) =>
    foundation.exclusive('compaction', () => foundation.compaction.run(signal)),
  ),
};
