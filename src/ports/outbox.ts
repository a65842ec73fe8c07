import type { BlobLocation } from './dicom-index.ts';

export type OutboxState = 'pending' | 'delivered' | 'dead';

/** What is to be sent; the bytes were stored before the row was. */
export type OutboxPayload =
  | { readonly kind: 'dicom'; readonly studyInstanceUid: string; readonly sopInstanceUids: readonly string[] }
  | { readonly kind: 'fhir'; readonly bundle: BlobLocation };

/** One push to one destination. */
export interface OutboxRow {
  /** UUID. */
  readonly id: string;
  /** Unique within the site: `runKey/destination`; a run that is repeated sends nothing twice. */
  readonly key: string;
  readonly destination: string;
  readonly runId: string;
  readonly payload: OutboxPayload;
  readonly state: OutboxState;
  readonly version: number;
  readonly createdAt: string;
  readonly notBefore: string;
  readonly attempt: number;
  readonly leaseToken: string | undefined;
  readonly leaseUntil: string | undefined;
  readonly deliveredAt: string | undefined;
  /** One line without PHI: what the last attempt said. */
  readonly lastError: string | undefined;
  readonly traceparent: string | undefined;
}

export interface OutboxReader {
  get(site: string, id: string): Promise<OutboxRow | undefined>;
  /** Pending rows that are due and not leased, oldest first. */
  due(now: string, limit: number): Promise<readonly { readonly site: string; readonly row: OutboxRow }[]>;
  /** All rows of a run. */
  ofRun(site: string, runId: string): Promise<readonly OutboxRow[]>;
  /** Newest first. */
  list(
    site: string,
    query: {
      readonly destination?: string;
      readonly state?: OutboxState;
      readonly limit: number;
      readonly offset: number;
    },
  ): Promise<readonly OutboxRow[]>;
  countByState(): Promise<Readonly<Record<OutboxState, number>>>;
}
