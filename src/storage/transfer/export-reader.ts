import type {
  ApiKeyRow,
  AuditRow,
  DocumentRow,
  InstanceRow,
  LogHead,
  OutboxRow,
  RunLogLine,
  RunRow,
  SeenStudy,
  StoredResource,
  StudyState,
} from '../../ports/index.ts';

export interface Sited<Row> {
  readonly site: string;
  readonly row: Row;
}

export interface RunWithAll {
  readonly run: RunRow;
  readonly log: readonly RunLogLine[];
  readonly outbox: readonly OutboxRow[];
}

/** Everything that a store holds, as it was at one moment; each list in the order in which it was written. */
export interface ExportReader {
  /** The last commit that is in it. */
  readonly log: LogHead;
  /** Every version of every resource; those of one resource from the first on. */
  resources(): AsyncIterable<Sited<StoredResource>>;
  studies(): AsyncIterable<Sited<StudyState>>;
  instancesOf(site: string, studyInstanceUid: string): AsyncIterable<InstanceRow>;
  runs(): AsyncIterable<Sited<RunWithAll>>;
  /** Deliveries of no run that is kept. */
  looseOutbox(): AsyncIterable<Sited<OutboxRow>>;
  apiKeys(): AsyncIterable<Sited<ApiKeyRow>>;
  seen(): AsyncIterable<Sited<SeenStudy>>;
  documents(): AsyncIterable<Sited<DocumentRow>>;
  audit(): AsyncIterable<Sited<AuditRow>>;
  /** Lets go of the moment. */
  release(): Promise<void>;
}
