import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  ApiKeyRow,
  AuditRow,
  DocumentRow,
  IndexEntry,
  InstanceRow,
  JsonDataset,
  LoggedChange,
  OutboxRow,
  PackRow,
  RunLogLine,
  RunRow,
  SeenStudy,
  StoredResource,
  StudyKeyRow,
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

export type Table<Row> = Map<string, Sited<Row>>;

/** One commit with what it changed; the chain binds it to all before it. */
export interface LoggedCommit {
  readonly sequence: number;
  readonly at: string;
  readonly chain: string;
  readonly changes: readonly LoggedChange[];
}

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
  /** By name: no two sites have packs of one name. */
  readonly packs: Table<PackRow>;
  readonly studyKeys: Table<StudyKeyRow>;
  /** By kind and id. */
  readonly documents: Table<DocumentRow>;
  readonly log: LoggedCommit[];
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
    packs: new Map(),
    studyKeys: new Map(),
    documents: new Map(),
    log: [],
  };
}

/** Rows of one site, in the order in which they were first written. */
export function rowsOfSite<Row>(table: Table<Row>, site: string): Sited<Row>[] {
  return [...table.values()].filter((entry) => entry.site === site).sort((a, b) => a.sequence - b.sequence);
}

/** What the feed will tell of one change. */
export type Said = Pick<LoggedChange, 'kind' | 'action' | 'key' | 'version'>;

/** Writes to tables that can be taken back: what makes a commit whole or nothing. */
export interface Changes {
  /** Sequence of this commit; rows written first in it carry numbers after those of every commit before. */
  readonly next: () => number;
  set<Row>(table: Table<Row>, key: string, site: string, row: Row): void;
  remove<Row>(table: Table<Row>, key: string): void;
  /** For the feed, in the order in which things changed. */
  readonly said: Said[];
  undo(): void;
}

export function startChanges(next: () => number): Changes {
  const undoing: (() => void)[] = [];
  return {
    next,
    said: [],
    set(table, key, site, row) {
      const before = table.get(key);
      undoing.push(() => (before ? void table.set(key, before) : void table.delete(key)));
      table.set(key, { site, sequence: before?.sequence ?? next(), row });
    },
    remove(table, key) {
      const before = table.get(key);
      if (before === undefined) return;
      undoing.push(() => void table.set(key, before));
      table.delete(key);
    },
    undo() {
      for (const step of undoing.reverse()) step();
    },
  };
}

export const taken = (): NeuroInsightError => new NeuroInsightError('conflict', 'a row with this key exists');
export const movedOn = (): NeuroInsightError =>
  new NeuroInsightError('conflict', 'the row was changed by somebody else');

/** Throws conflict unless the version that is there is the expected one; 0: none may be there. */
export function assertCurrent(expected: number, current: number | undefined, written: number): void {
  if (written !== expected + 1) throw new Error(`a change of version ${expected} cannot write version ${written}`);
  if (expected === 0 && current !== undefined) throw taken();
  if (expected !== 0 && current !== expected) throw movedOn();
}
