import type {
  ApiKeyReader,
  AuditLog,
  ChangeFeed,
  DicomIndex,
  DocumentReader,
  Ledger,
  OutboxReader,
  PackContentsReader,
  PackReader,
  ResourceReader,
  RetentionReader,
  RunReader,
  SeenReader,
} from '../ports/index.ts';

/** Everything that the server keeps but the bytes of instances. */
export interface Store {
  readonly ledger: Ledger;
  readonly resources: ResourceReader;
  readonly dicom: DicomIndex;
  readonly runs: RunReader;
  readonly outbox: OutboxReader;
  readonly apiKeys: ApiKeyReader;
  readonly audit: AuditLog;
  readonly seen: SeenReader;
  readonly packs: PackReader;
  readonly documents: DocumentReader;
  readonly changes: ChangeFeed;
  readonly retention: RetentionReader;
  readonly packContents: PackContentsReader;
  close(): Promise<void>;
}
