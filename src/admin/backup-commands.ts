import { z } from 'zod';
import { softwareVersion } from '../compose.ts';
import { erasureList } from '../compose-erasure.ts';
import type { Foundation } from '../compose-foundation.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal } from '../ports/index.ts';
import { type BackupProgress, type BackupReport, backup } from '../storage/backup/backup.ts';
import { listBackups, pruneBackups, verifyBackup } from '../storage/backup/upkeep.ts';
import { administratorOf, type Commands, defineCommand } from './command.ts';

const repository = z.string().min(1).optional();
/** Nothing is removed from a repository while something else reads or writes it. */
const REPOSITORY = 'work on the backups';

export const BACKUP_COMMANDS: Commands = {
  'backup/make': defineCommand(z.strictObject({ repository }), ({ foundation, args, emit, signal }) =>
    makeBackup(foundation, {
      repository: repositoryOf(foundation, args.repository),
      principal: administratorOf('main'),
      onProgress: emit,
      signal,
    }),
  ),
  'backup/verify': defineCommand(
    z.strictObject({ repository, snapshot: z.string().optional() }),
    ({ foundation, args, emit, signal }) =>
      foundation.exclusive(REPOSITORY, () =>
        verifyBackup({
          repository: repositoryOf(foundation, args.repository),
          ...(args.snapshot === undefined ? {} : { snapshot: args.snapshot }),
          keys: foundation.keys.keys,
          signal,
          onProgress: ({ done, total }) => emit({ step: 'objects', done, total }),
        }),
      ),
  ),
  'backup/prune': defineCommand(
    z.strictObject({ repository, keep: z.int().min(1).optional() }),
    ({ foundation, args }) =>
      foundation.exclusive(REPOSITORY, () =>
        pruneBackups(
          repositoryOf(foundation, args.repository),
          args.keep ?? foundation.config.backup.keep,
          foundation.keys.keys,
          foundation.clock,
        ),
      ),
  ),
  'backup/list': defineCommand(z.strictObject({ repository }), async ({ foundation, args }) => {
    const manifests = await listBackups(repositoryOf(foundation, args.repository), foundation.keys.keys);
    return manifests.map(({ snapshot, at, bytes, addedBytes }) => ({ snapshot, at, bytes, addedBytes }));
  }),
};

export interface BackupOrder {
  readonly repository: string;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

/** One backup of the data folder at work. @throws conflict while another one is made, and what a backup throws. */
export async function makeBackup(foundation: Foundation, order: BackupOrder): Promise<BackupReport> {
  const { dataDir, store, audit, keys, clock, exclusive } = foundation;
  const version = await softwareVersion();
  const { checkpoint, ledger, documents } = store;
  const of = { dataDir, checkpoint, ledger, documents, audit, keys: keys.keys, clock, softwareVersion: version };
  const deps = { ...of, erasures: () => erasureList(foundation) };
  return exclusive(REPOSITORY, () => backup(deps, order));
}

function repositoryOf({ config }: Foundation, given: string | undefined): string {
  const folder = given ?? config.backup.repository;
  if (folder === null) {
    throw new NeuroInsightError('invalid-request', 'no folder for backups is given and none is configured');
  }
  return folder;
}
