import { type ErrorKind, NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  Clients,
  Clock,
  Ledger,
  Log,
  Metrics,
  Principal,
  PullSource,
  ReceivedFile,
  RemoteStudy,
  SeenReader,
  SeenStudy,
} from '../ports/index.ts';

/** The part of the archive's store service that a pull needs. */
export interface ArchiveDoor {
  store(request: {
    readonly principal: Principal;
    readonly interaction: string;
    readonly studyInstanceUid: string;
    readonly parts: AsyncIterable<ReceivedFile>;
  }): Promise<{ readonly stored: readonly { readonly duplicate: boolean }[]; readonly failed: readonly unknown[] }>;
}

export interface PullDeps {
  readonly clients: Clients;
  readonly archive: ArchiveDoor;
  readonly seen: SeenReader;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface PullOutcome {
  readonly found: number;
  readonly pulled: number;
  readonly failed: number;
}

const DAY = 24 * 3600 * 1000;
/** A study that comes incomplete, or not at all, is asked for this often before its count is taken as it is. */
const ATTEMPTS = 5;
/** What says nothing of the study: it is asked for again for as long as it takes. */
const PASSING: ReadonlySet<string> = new Set<ErrorKind>(['upstream-unavailable', 'overloaded', 'cancelled']);

/**
 * One look at a PACS: studies with an MR series dated inside the sliding window; those whose number of instances has
 * stood still since the last look, and is not the number that was pulled, are retrieved into the archive.
 *
 * Results of ours that were pushed to the same PACS raise its counts once more; the archive knows their bytes and
 * passes them over, so nothing runs again.
 */
export async function pullOnce(source: PullSource, deps: PullDeps, signal: AbortSignal): Promise<PullOutcome> {
  const principal: Principal = {
    kind: 'job',
    id: `pull/${source.name}`,
    name: `pull from ${source.name}`,
    site: source.site,
    scopes: 'system/ImagingStudy.c',
    address: undefined,
  };
  const now = deps.clock.now();
  // A day more at each end: StudyDate is the scanner's local date.
  const from = dateOf(now.getTime() - (source.windowDays + 1) * DAY);
  const remote = await deps.clients.pacs(source).findStudies(from, dateOf(now.getTime() + DAY), signal);
  const uids = remote.map(({ studyInstanceUid }) => studyInstanceUid);
  const known = new Map(
    (await deps.seen.seen(source.site, source.name, uids)).map((row) => [row.studyInstanceUid, row]),
  );
  let pulled = 0;
  let failed = 0;
  const looked: SeenStudy[] = [];
  for (const study of remote) {
    if (signal.aborted) break;
    const before = known.get(study.studyInstanceUid);
    if (before?.pulledInstances === study.numberOfInstances) continue;
    if (before?.numberOfInstances !== study.numberOfInstances) {
      looked.push(seenRow(source, study, before, { attempt: 0 }, deps.clock));
      continue;
    }
    if (await pullStudy(source, study, before, principal, deps, signal)) pulled++;
    else failed++;
  }
  await remember(source, principal, looked, uids.length, deps);
  return { found: remote.length, pulled, failed };
}

/** Resolves to whether the study is settled; what failed is tried again at the next look. */
async function pullStudy(
  source: PullSource,
  study: RemoteStudy,
  before: SeenStudy,
  principal: Principal,
  deps: PullDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const attempt = before.attempt + 1;
  let change: Partial<SeenStudy>;
  try {
    change = await retrieved(source, study, attempt, principal, deps, signal);
  } catch (error) {
    if (signal.aborted) return false;
    deps.log.warn('a study could not be pulled', { source: source.name, attempt, error: error as Error });
    if (kindOf(error) === 'storage-full') throw error;
    // A defect counts like a refusal: one study that our code cannot take must not keep out those behind it.
    const settled = attempt >= ATTEMPTS && !PASSING.has(kindOf(error) ?? 'defect');
    change = settled ? { pulledInstances: study.numberOfInstances } : {};
  }
  const row = seenRow(source, study, before, { attempt, ...change }, deps.clock);
  await deps.ledger.commit({ site: source.site, seen: [row] });
  return row.pulledInstances === study.numberOfInstances;
}

/** Brings the study into the archive, whole or not at all; what the seen-set keeps of it. */
async function retrieved(
  source: PullSource,
  { studyInstanceUid, numberOfInstances }: RemoteStudy,
  attempt: number,
  principal: Principal,
  deps: PullDeps,
  signal: AbortSignal,
): Promise<Partial<SeenStudy>> {
  const parts = deps.clients.pacs(source).retrieveStudy(studyInstanceUid, signal);
  const { stored, failed } = await deps.archive.store({ principal, interaction: 'job/pull', studyInstanceUid, parts });
  deps.metrics.pulled(source.name, stored.length, failed.length);
  const complete = stored.length + failed.length >= numberOfInstances;
  if (!complete || failed.length > 0) {
    deps.log.warn('a pulled study is not whole', {
      source: source.name,
      expected: numberOfInstances,
      instances: stored.length,
      refused: failed.length,
    });
  }
  const settled = complete || attempt >= ATTEMPTS;
  return { refusedInstances: failed.length, ...(settled ? { pulledInstances: numberOfInstances } : {}) };
}

const kindOf = (error: unknown): ErrorKind | undefined => (error instanceof NeuroInsightError ? error.kind : undefined);

async function remember(
  source: PullSource,
  principal: Principal,
  looked: readonly SeenStudy[],
  found: number,
  deps: PullDeps,
): Promise<void> {
  if (looked.length === 0) return;
  const audit = deps.audit.rowOf({ principal, action: 'E', interaction: 'job/watch', query: `found=${found}` });
  await deps.ledger.commit({ site: source.site, seen: looked, audit: [audit] });
}

function seenRow(
  source: PullSource,
  study: RemoteStudy,
  before: SeenStudy | undefined,
  change: Partial<SeenStudy>,
  clock: Clock,
): SeenStudy {
  return {
    source: source.name,
    studyInstanceUid: study.studyInstanceUid,
    pulledInstances: before?.pulledInstances,
    refusedInstances: before?.refusedInstances ?? 0,
    attempt: before?.attempt ?? 0,
    ...change,
    numberOfInstances: study.numberOfInstances,
    seenAt: clock.now().toISOString(),
  };
}

/** DA. */
function dateOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10).replaceAll('-', '');
}
