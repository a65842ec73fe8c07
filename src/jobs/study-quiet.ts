import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  Clock,
  DicomIndex,
  Ids,
  Ledger,
  Log,
  Principal,
  RunReader,
  StudyState,
  Tracing,
} from '../ports/index.ts';
import type { RunChanges } from './run-changes.ts';
import { runRowKeyOf, sourcesOf } from './run-identity.ts';
import { queueRun } from './run-rows.ts';
import { assertRoom } from './run-service.ts';

export interface QuietDeps {
  readonly runs: RunReader;
  readonly ledger: Ledger;
  readonly dicom: DicomIndex;
  readonly audit: AuditTrail;
  readonly analystFingerprint: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly changes: RunChanges;
  readonly sites: readonly string[];
  readonly limits: {
    /** How long nothing may have arrived for a study before it is taken as whole. */
    readonly quietSeconds: number;
    /** Runs that wait or run, over all sites; beyond it studies wait where they are. */
    readonly queue: number;
  };
  /** Told after a commit that left a run to be claimed. */
  readonly onQueued?: () => void;
}

const STUDIES_AT_ONCE = 100;

/**
 * Gives each study that has been quiet long enough to a run. A study that no analysis can use gets one as well: it
 * ends refused with the reason, and nobody has to wonder. A study whose instances had a run already, whatever became
 * of it, is only marked: what failed is tried again on request, never by itself.
 *
 * @returns how many runs were made.
 */
export async function queueQuietStudies(deps: QuietDeps, signal?: AbortSignal): Promise<number> {
  const { dicom, clock, sites, limits } = deps;
  const before = new Date(clock.now().getTime() - limits.quietSeconds * 1000).toISOString();
  let made = 0;
  for (const site of sites) {
    for (const study of await dicom.quietStudies(site, before, STUDIES_AT_ONCE)) {
      if (signal?.aborted) return made;
      try {
        if (await deps.tracing.run(undefined, () => consider(deps, site, study))) made++;
      } catch (error) {
        if (!(error instanceof NeuroInsightError)) throw error;
        if (error.kind === 'overloaded') return made;
        // Somebody else gave the study to a run at this moment; the next round finds it marked.
        if (error.kind !== 'conflict') throw error;
      }
    }
  }
  return made;
}

async function consider(deps: QuietDeps, site: string, study: StudyState): Promise<boolean> {
  const { dicom, runs, ledger, changes, clock, audit, limits, onQueued } = deps;
  const { studyInstanceUid, sourceReceivedAt } = study;
  if (sourceReceivedAt === undefined) return false;
  const considered = [{ studyInstanceUid, sourceReceivedAt }];
  const sources = sourcesOf(await dicom.instances(site, { studyInstanceUid }));
  const key = runRowKeyOf(studyInstanceUid, sources, deps.analystFingerprint);
  if (sources.length === 0 || (await runs.findByKey(site, key)) !== undefined) {
    await ledger.commit({ site, considered });
    return false;
  }
  await assertRoom(runs, limits.queue);
  const now = clock.now();
  const change = queueRun(
    {
      id: deps.ids.uuid(),
      key,
      studyInstanceUid,
      cause: 'quiet',
      requestedBy: 'system',
      traceparent: deps.tracing.current().traceparent,
    },
    now,
  );
  const message = `nothing arrived for ${limits.quietSeconds} s: ${sources.length} instances`;
  await ledger.commit({
    site,
    considered,
    runs: [change],
    runLog: [{ runId: change.row.id, at: now.toISOString(), level: 'info', message }],
    audit: [
      audit.rowOf({
        principal: quietPrincipal(site),
        action: 'C',
        interaction: 'job/run-request',
        entities: [`Task/${change.row.id}`, `urn:oid:${studyInstanceUid}`],
      }),
    ],
  });
  changes.publish(site, change.row);
  deps.log.info('study is quiet, run queued', { runId: change.row.id });
  onQueued?.();
  return true;
}

function quietPrincipal(site: string): Principal {
  return { kind: 'job', id: 'quiet-studies', name: 'quiet-studies', site, scopes: '', address: undefined };
}
