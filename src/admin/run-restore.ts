import { createAuditTrail } from '../audit/audit-trail.ts';
import { systemClock } from '../compose.ts';
import { composeReplay } from '../compose-erasure.ts';
import { systemIds } from '../compose-foundation.ts';
import { openKeys } from '../compose-keys.ts';
import { type Config, developmentKekFile } from '../config.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Ledger } from '../ports/index.ts';
import { type RestoreReport, type RestoreRequest, restore } from '../storage/backup/restore.ts';
import { openSqliteStore } from '../storage/sqlite/open.ts';
import { createTracing } from '../telemetry/tracing.ts';
import { administratorOf } from './command.ts';

/**
 * Builds the configured data folder, which must be empty, from a backup. Needs the key-encryption key that was current
 * when the backup was made; none is made here.
 * @throws as `restore` does.
 */
export function runRestore(
  config: Config,
  request: Pick<RestoreRequest, 'repository' | 'snapshot' | 'erasures' | 'onProgress'>,
): Promise<RestoreReport> {
  const { dataDir } = config.storage;
  const clock = systemClock;
  const principal = administratorOf('main');
  const auditOf = (ledger: Ledger) => createAuditTrail({ ledger, clock, ids: systemIds, tracing: createTracing() });
  return restore(
    {
      openKeys: (folder) =>
        openKeys(
          { keys: config.keys, storage: { ...config.storage, dataDir: folder } },
          { developmentKek: developmentKekFile(dataDir), makeNothing: true },
        ),
      openStore: (folder, keys) => openSqliteStore({ dataDir: folder, clock, keys, readerThreads: 1 }),
      auditOf,
      verifyStore: async (opened) => {
        const { findings } = await opened.verify();
        const [first] = findings;
        if (first) throw new NeuroInsightError('damaged', `the restored database does not hold: ${first.check}`);
      },
      erasures: composeReplay(clock, auditOf, principal),
    },
    { ...request, dataDir, principal },
  );
}
