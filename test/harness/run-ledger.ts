import { NeuroInsightError } from '../../src/domain/errors.ts';
import type {
  AuditRow,
  Change,
  Commit,
  ConsideredStudy,
  DicomIndex,
  InstanceRow,
  Ledger,
  OutboxReader,
  OutboxRow,
  RunLogLine,
  RunReader,
  RunRow,
  RunState,
} from '../../src/ports/index.ts';

/** What the jobs need of a store, in memory: rows with versions and unique keys, instances, studies, audit. */
export interface RunLedger {
  readonly ledger: Ledger;
  readonly runs: RunReader;
  readonly outbox: Pick<OutboxReader, 'get' | 'ofRun'>;
  readonly dicom: DicomIndex;
  readonly commits: Commit[];
  readonly audit: AuditRow[];
  readonly instances: Map<string, InstanceRow>;
  readonly outboxRows: () => readonly OutboxRow[];
  readonly runRows: () => readonly RunRow[];
  /** Asked before each commit; what it returns is thrown and nothing is written. */
  refuse: (commit: Commit) => Error | undefined;
}

const STATES: readonly RunState[] = ['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'];
const conflict = (message: string): NeuroInsightError => new NeuroInsightError('conflict', message);

interface Versioned {
  readonly id: string;
  readonly key: string;
  readonly version: number;
}

function check<Row extends Versioned>(table: ReadonlyMap<string, Row>, changes: readonly Change<Row>[] = []): void {
  for (const { expected, row } of changes) {
    if ((table.get(row.id)?.version ?? 0) !== expected) throw conflict('the row moved on');
    if (row.version !== expected + 1) throw new Error('a change must raise the version by one');
    for (const other of table.values())
      if (other.key === row.key && other.id !== row.id) throw conflict('the key is taken');
  }
}

/** One site is enough here. */
export function createRunLedger(): RunLedger {
  const runRows = new Map<string, RunRow>();
  const outboxRows = new Map<string, OutboxRow>();
  const lines: RunLogLine[] = [];
  const instances = new Map<string, InstanceRow>();
  const considered = new Map<string, ConsideredStudy>();
  const ofStudy = (uid: string): InstanceRow[] =>
    [...instances.values()].filter(({ studyInstanceUid }) => studyInstanceUid === uid);
  const sorted = (): RunRow[] => [...runRows.values()].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));

  const self: RunLedger = {
    commits: [],
    audit: [],
    instances,
    refuse: () => undefined,
    outboxRows: () => [...outboxRows.values()],
    runRows: sorted,
    ledger: {
      async commit(commit) {
        await Promise.resolve();
        const refused = self.refuse(commit);
        if (refused) throw refused;
        check(runRows, commit.runs);
        check(outboxRows, commit.outbox);
        for (const row of commit.instances ?? []) {
          const stored = instances.get(row.sopInstanceUid);
          if (stored && stored.receivedSha256 !== row.receivedSha256) throw conflict('an instance differs');
        }
        for (const { row } of commit.runs ?? []) runRows.set(row.id, row);
        for (const { row } of commit.outbox ?? []) outboxRows.set(row.id, row);
        for (const row of commit.instances ?? [])
          if (!instances.has(row.sopInstanceUid)) instances.set(row.sopInstanceUid, row);
        for (const study of commit.considered ?? []) considered.set(study.studyInstanceUid, study);
        lines.push(...(commit.runLog ?? []));
        self.audit.push(...(commit.audit ?? []));
        self.commits.push(commit);
        return { sequence: self.commits.length };
      },
    },
    runs: {
      get: async (_, id) => runRows.get(id),
      findByKey: async (_, key) => sorted().find((row) => row.key === key),
      findByAnalysisKey: async (_, key) => sorted().find(({ result }) => result?.analysisKey === key),
      list: async (_, { state, studyInstanceUid, limit, offset }) => {
        const rows = sorted()
          .filter((row) => state === undefined || state.includes(row.state))
          .filter((row) => studyInstanceUid === undefined || row.studyInstanceUid === studyInstanceUid)
          .reverse();
        return { rows: rows.slice(offset, offset + limit), total: rows.length };
      },
      claimable: async (now, limit) =>
        sorted()
          .filter(
            ({ state, notBefore, leaseUntil }) =>
              (state === 'queued' && notBefore <= now) || (state === 'running' && (leaseUntil ?? '') <= now),
          )
          .slice(0, limit)
          .map((row) => ({ site: 'main', row })),
      log: async (_, id) => lines.filter(({ runId }) => runId === id),
      countByState: async () =>
        Object.fromEntries(
          STATES.map((state) => [state, sorted().filter((row) => row.state === state).length]),
        ) as Record<RunState, number>,
    },
    outbox: {
      get: async (_, id) => outboxRows.get(id),
      ofRun: async (_, runId) => [...outboxRows.values()].filter((row) => row.runId === runId),
    },
    dicom: {
      query: async () => [],
      instances: async (_, { studyInstanceUid }) => ofStudy(studyInstanceUid),
      findInstances: async (_, uids) => uids.flatMap((uid) => instances.get(uid) ?? []),
      async study(_, studyInstanceUid) {
        if (ofStudy(studyInstanceUid).length === 0) return undefined;
        const arrivals = ofStudy(studyInstanceUid)
          .filter(({ isSource }) => isSource)
          .map(({ receivedAt }) => receivedAt)
          .sort();
        const consideredAt = considered.get(studyInstanceUid)?.sourceReceivedAt;
        return { studyInstanceUid, sourceReceivedAt: arrivals.at(-1), consideredAt };
      },
      async quietStudies(site, before, limit) {
        const uids = [...new Set([...instances.values()].map(({ studyInstanceUid }) => studyInstanceUid))];
        const studies = await Promise.all(uids.map((uid) => self.dicom.study(site, uid)));
        return studies
          .filter((study) => study !== undefined)
          .filter(
            ({ sourceReceivedAt: at, consideredAt }) => at !== undefined && at < before && at > (consideredAt ?? ''),
          )
          .slice(0, limit);
      },
      isPackReferenced: async () => true,
    },
  };
  return self;
}
