import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  ApiKeyRow,
  AuditRow,
  IndexEntry,
  InstanceRow,
  JsonDataset,
  OutboxRow,
  RunLogLine,
  RunRow,
  SeenStudy,
  StoredResource,
} from '../../ports/index.ts';

/** The current version of a resource with the index that finds it. */
export interface IndexedResource {
  readonly stored: StoredResource;
  readonly index: readonly IndexEntry[];
}

export interface MemoryStudy {
  readonly studyInstanceUid: string;
  readonly attributes: JsonDataset;
  readonly sourceReceivedAt: string | undefined;
  readonly consideredAt: string | undefined;
}

/** A row of any table with the site it belongs to and its place in the order of writing. */
export interface Sited<Row> {
  readonly site: string;
  readonly sequence: number;
  readonly row: Row;
}

/** Keys are the parts of the unique key as JSON: no part can spill into the next. */
export const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts);

type Table<Row> = Map<string, Sited<Row>>;

/** Everything that the memory store keeps. Rows are never changed, only replaced. */
export interface Tables {
  readonly resources: Table<IndexedResource>;
  readonly versions: Table<StoredResource>;
  readonly studies: Table<MemoryStudy>;
  /** By study and series; the attributes of the first instance. */
  readonly series: Table<JsonDataset>;
  /** By SOP Instance UID; attributes of study and series are those of the tables above. */
  readonly instances: Table<InstanceRow>;
  readonly runs: Table<RunRow>;
  readonly runLog: Table<RunLogLine>;
  readonly outbox: Table<OutboxRow>;
  readonly apiKeys: Table<ApiKeyRow>;
  readonly seen: Table<SeenStudy>;
  readonly audit: Table<AuditRow>;
}

export function emptyTables(): Tables {
  return {
    resources: new Map(),
    versions: new Map(),
    studies: new Map(),
    series: new Map(),
    instances: new Map(),
    runs: new Map(),
    runLog: new Map(),
    outbox: new Map(),
    apiKeys: new Map(),
    seen: new Map(),
    audit: new Map(),
  };
}

/** Rows of one site, in the order in which they were first written. */
export function rowsOfSite<Row>(table: Table<Row>, site: string): Sited<Row>[] {
  return [...table.values()].filter((entry) => entry.site === site);
}

/** Writes to tables that can be taken back: what makes a commit whole or nothing. */
export interface Changes {
  /** Sequence of this commit; rows written first in it carry numbers after those of every commit before. */
  readonly next: () => number;
  set<Row>(table: Table<Row>, key: string, site: string, row: Row): void;
  undo(): void;
}

export function startChanges(next: () => number): Changes {
  const undoing: (() => void)[] = [];
  return {
    next,
    set(table, key, site, row) {
      const before = table.get(key);
      undoing.push(() => (before ? void table.set(key, before) : void table.delete(key)));
      table.set(key, { site, sequence: before?.sequence ?? next(), row });
    },
    undo() {
      for (const step of undoing.reverse()) step();
    },
  };
}

export const taken = (): NeuroInsightError => new NeuroInsightError('conflict', 'a row with this key exists');
export const movedOn = (): NeuroInsightError =>
  new NeuroInsightError('conflict', 'the row was changed by somebody else');
