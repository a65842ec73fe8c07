import type {
  ApiKeyReader,
  AuditLog,
  AuditRow,
  OutboxReader,
  OutboxRow,
  RunReader,
  RunRow,
  SeenReader,
} from '../../ports/index.ts';
import { keyOf, rowsOfSite, type Sited, type Tables } from './tables.ts';

/** Oldest first; equal times by id. */
const byCreation = (a: Sited<RunRow | OutboxRow>, b: Sited<RunRow | OutboxRow>): number =>
  compare(a.row.createdAt, b.row.createdAt) || compare(a.row.id, b.row.id);

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Copies, so that no caller can change what is stored. */
const rows = <Row>(entries: readonly Sited<Row>[]): Row[] => entries.map(({ row }) => structuredClone(row));

const withSites = <Row>(entries: readonly Sited<Row>[]): { readonly site: string; readonly row: Row }[] =>
  entries.map(({ site, row }) => ({ site, row: structuredClone(row) }));

function counted<State extends string>(states: readonly State[], found: Iterable<Sited<{ readonly state: State }>>) {
  const numbers = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>;
  for (const { row } of found) numbers[row.state]++;
  return numbers;
}

export function createMemoryRuns(tables: Tables): RunReader {
  const sorted = (site: string): Sited<RunRow>[] => rowsOfSite(tables.runs, site).sort(byCreation);
  return {
    get: async (site, id) => structuredClone(tables.runs.get(keyOf(site, id))?.row),
    findByKey: async (site, key) => rows(sorted(site).filter(({ row }) => row.key === key))[0],
    findByAnalysisKey: async (site, analysisKey) =>
      rows(sorted(site).filter(({ row }) => row.result?.analysisKey === analysisKey))[0],
    async list(site, { state, studyInstanceUid, limit, offset }) {
      const found = sorted(site)
        .filter(({ row }) => state === undefined || state.includes(row.state))
        .filter(({ row }) => studyInstanceUid === undefined || row.studyInstanceUid === studyInstanceUid)
        .reverse();
      return { rows: rows(found.slice(offset, offset + limit)), total: found.length };
    },
    async claimable(now, limit) {
      const isClaimable = ({ row }: Sited<RunRow>): boolean =>
        row.state === 'queued' ? row.notBefore <= now : row.state === 'running' && (row.leaseUntil ?? '~') <= now;
      return withSites([...tables.runs.values()].filter(isClaimable).sort(byCreation).slice(0, limit));
    },
    log: async (site, runId) => rows(rowsOfSite(tables.runLog, site).filter(({ row }) => row.runId === runId)),
    countByState: async () =>
      counted(['queued', 'running', 'built', 'completed', 'refused', 'dead', 'cancelled'], tables.runs.values()),
  };
}

export function createMemoryOutbox(tables: Tables): OutboxReader {
  const sorted = (site: string): Sited<OutboxRow>[] => rowsOfSite(tables.outbox, site).sort(byCreation);
  return {
    get: async (site, id) => structuredClone(tables.outbox.get(keyOf(site, id))?.row),
    async due(now, limit) {
      const isDue = ({ row }: Sited<OutboxRow>): boolean =>
        row.state === 'pending' && row.notBefore <= now && (row.leaseUntil ?? '') <= now;
      return withSites([...tables.outbox.values()].filter(isDue).sort(byCreation).slice(0, limit));
    },
    ofRun: async (site, runId) => rows(sorted(site).filter(({ row }) => row.runId === runId)),
    async list(site, { destination, state, limit, offset }) {
      const found = sorted(site)
        .filter(({ row }) => destination === undefined || row.destination === destination)
        .filter(({ row }) => state === undefined || row.state === state)
        .reverse();
      return rows(found.slice(offset, offset + limit));
    },
    countByState: async () => counted(['pending', 'delivered', 'dead'], tables.outbox.values()),
  };
}

export function createMemoryApiKeys(tables: Tables): ApiKeyReader {
  return {
    findBySecret: async (secret) =>
      withSites([...tables.apiKeys.values()].filter(({ row }) => row.secretSha256 === secret))[0],
    list: async (site) =>
      rows(rowsOfSite(tables.apiKeys, site)).sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id)),
  };
}

export function createMemoryAudit(tables: Tables): AuditLog {
  return {
    get: async (site, id) => structuredClone(tables.audit.get(keyOf(site, id))?.row),
    async search(site, query) {
      const concerns = (row: AuditRow, what: string | undefined): boolean =>
        what === undefined || row.patients.includes(what) || row.entities.includes(what);
      const found = rowsOfSite(tables.audit, site)
        .filter(({ row }) => query.from === undefined || row.recorded >= query.from)
        .filter(({ row }) => query.to === undefined || row.recorded <= query.to)
        .filter(({ row }) => query.agent === undefined || row.agent.id === query.agent)
        .filter(({ row }) => query.action === undefined || row.action === query.action)
        .filter(({ row }) => query.outcome === undefined || row.outcome === query.outcome)
        .filter(({ row }) => concerns(row, query.patient) && concerns(row, query.entity))
        .sort((a, b) => compare(b.row.recorded, a.row.recorded) || b.sequence - a.sequence);
      return { rows: rows(found.slice(query.offset, query.offset + query.count)), total: found.length };
    },
  };
}

export function createMemorySeen(tables: Tables): SeenReader {
  return {
    seen: async (site, source, studyInstanceUids) =>
      rows(
        rowsOfSite(tables.seen, site)
          .filter(({ row }) => row.source === source && studyInstanceUids.includes(row.studyInstanceUid))
          .sort((a, b) => compare(a.row.studyInstanceUid, b.row.studyInstanceUid)),
      ),
  };
}
