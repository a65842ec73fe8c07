import type {
  ApiKeyReader,
  AuditLog,
  DicomIndex,
  Ledger,
  OutboxReader,
  ResourceReader,
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
  close(): Promise<void>;
}
