import { makeBackup } from './admin/backup-commands.ts';
import { type Foundation, SITES } from './compose-foundation.ts';
import { NeuroInsightError } from './domain/errors.ts';
import type { UpkeepJob } from './jobs/start-jobs.ts';
import type { Analyst, Principal } from './ports/index.ts';
import type { LastBackup } from './storage/backup/backup.ts';
import { pruneBackups } from './storage/backup/upkeep.ts';
import { databaseBytes } from './storage/sqlite/open.ts';

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const COMPACTION_SECONDS = 6 * HOUR_SECONDS;
const BACKUP_LOOK_SECONDS = 300;
const SCRUB_LOOK_SECONDS = HOUR_SECONDS;
const ROTATION_LOOK_SECONDS = 60;
const BACKUP_SITE = SITES[0].name;

const BACKUP_PRINCIPAL: Principal = {
  kind: 'job',
  id: 'backup',
  name: 'backup',
  site: BACKUP_SITE,
  scopes: '',
  address: undefined,
};

/** What a server does by itself so that what it keeps stays whole, and goes when its time has come. */
export function upkeepJobs(foundation: Foundation): readonly UpkeepJob[] {
  const { config, retention, compaction, scrub, archival, exclusive } = foundation;
  const { repository } = config.backup;
  return [
    {
      name: 'retention',
      everySeconds: DAY_SECONDS,
      round: async (signal) => {
        await exclusive('retention', () => retention.run(signal));
      },
    },
    {
      name: 'compaction',
      everySeconds: COMPACTION_SECONDS,
      round: async (signal) => {
        await exclusive('compaction', () => compaction.run(signal));
      },
    },
    {
      name: 'scrub',
      everySeconds: SCRUB_LOOK_SECONDS,
      round: async (signal) => {
        await exclusive('scrub', () => scrub.run(signal));
      },
    },
    ...(archival === undefined
      ? []
      : [
          {
            name: 'archival',
            everySeconds: DAY_SECONDS,
            round: async (signal: AbortSignal) => {
              await exclusive('archival', () => archival.run(signal));
            },
          },
        ]),
    {
      name: 'key-rotation',
      everySeconds: ROTATION_LOOK_SECONDS,
      round: (signal) => goOnWithRotation(foundation, signal),
    },
    ...(repository === null
      ? []
      : [
          {
            name: 'backup',
            everySeconds: BACKUP_LOOK_SECONDS,
            round: (signal: AbortSignal) => backupWhenDue(foundation, repository, signal),
          },
        ]),
  ];
}

const ROTATION_PRINCIPAL: Principal = { ...BACKUP_PRINCIPAL, id: 'key-rotation', name: 'key-rotation' };

/** What a kill, a restart or a client that went away has interrupted. */
async function goOnWithRotation({ keyRotation, keys, exclusive, log }: Foundation, signal: AbortSignal): Promise<void> {
  if (keys.keks.length < 2) return;
  try {
    const rotated = await exclusive('the rotation of keys', () => keyRotation.run(ROTATION_PRINCIPAL, signal));
    if (rotated?.state === 'done') log.info('keys rotated', { moved: rotated.moved });
    else log.error('the rotation of keys is held up', { setAside: rotated?.setAside ?? 0 });
  } catch (error) {
    // Somebody is at it, or the server stops.
    const isNoFailure = error instanceof NeuroInsightError && ['conflict', 'cancelled'].includes(error.kind);
    if (!isNoFailure) throw error;
  }
}

/** A server that was started again does not make another backup for it. */
async function backupWhenDue(foundation: Foundation, repository: string, signal: AbortSignal): Promise<void> {
  const { config, keys, exclusive, log, clock } = foundation;
  const age = await backupAgeSeconds(foundation);
  if (age !== undefined && age < config.backup.everyHours * HOUR_SECONDS) return;
  const report = await makeBackup(foundation, { repository, principal: BACKUP_PRINCIPAL, signal });
  const { seconds, packs, damagedPacks, missingPacks } = report;
  log.info('backup made', { seconds, packs, damagedPacks, missingPacks });
  await exclusive('work on the backups', () => pruneBackups(repository, config.backup.keep, keys.keys, clock));
}

/** Seconds since the state of the last backup; undefined when there was none. */
export async function backupAgeSeconds({
  store,
  clock,
}: Pick<Foundation, 'store' | 'clock'>): Promise<number | undefined> {
  const last = await store.documents.get<LastBackup>(BACKUP_SITE, 'backup', 'last');
  return last && (clock.now().getTime() - Date.parse(last.content.at)) / 1000;
}

/** What /metrics asks of this server at each scrape. */
export function registerGauges(foundation: Foundation, analyst: Analyst): void {
  const { metrics, store, blobs, dataDir, keys } = foundation;
  metrics.gauge('neuroinsight_runs', 'Runs by state', () => store.runs.countByState());
  metrics.gauge('neuroinsight_outbox', 'Deliveries by state', () => store.outbox.countByState());
  metrics.gauge('neuroinsight_free_bytes', 'Free space where instances are stored', () => blobs.freeBytes());
  metrics.gauge('neuroinsight_sqlite_bytes', 'Size of the database, and of its log that is not folded in yet', () =>
    databaseBytes(dataDir),
  );
  metrics.gauge('neuroinsight_analysis_child_resident_bytes', 'Resident memory of the inference child', () =>
    Promise.resolve(analyst.residentBytes() ?? 0),
  );
  metrics.gauge('neuroinsight_backup_age_seconds', 'Age of the last backup; -1: there is none', async () =>
    Math.round((await backupAgeSeconds(foundation)) ?? -1),
  );
  metrics.gauge('neuroinsight_pack_bytes', 'Bytes of the stored instances by site', async () => {
    const bytes = SITES.map(async ({ name }) => [name, await store.packs.bytesOf(name)] as const);
    return Object.fromEntries(await Promise.all(bytes));
  });
  metrics.gauge('neuroinsight_study_keys_under_old_kek', 'Study keys that the rotation has yet to move', () =>
    store.packs.countKeysNotUnder(keys.ring.currentKekId),
  );
}
