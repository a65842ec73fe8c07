import type { Principal } from './identity.ts';

/** One compact row a request; AuditEvents are projected from it when they are read. */
export interface AuditRow {
  /** UUID: the id of the AuditEvent. */
  readonly id: string;
  /** FHIR instant. */
  readonly recorded: string;
  /** C, R, U, D, E as in AuditEvent.action. */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** What was done: fhir/read, fhir/search, dicomweb/stow, dicomweb/wado, api/run-request, job/analyse, job/deliver ... */
  readonly interaction: string;
  /** AuditEvent.outcome: 0 success, 4 minor failure (refused), 8 serious failure. */
  readonly outcome: '0' | '4' | '8';
  /** Error kind of a failure. */
  readonly outcomeDesc: string | undefined;
  readonly agent: {
    readonly kind: 'api-key' | 'administrator' | 'job' | 'anonymous';
    readonly id: string;
    readonly name: string;
    /** IP address as the server sees it. */
    readonly address: string | undefined;
  };
  /** Patients concerned: Patient/ID where known, else empty. */
  readonly patients: readonly string[];
  /** Things concerned: Type/ID, urn:oid:UID of a study. */
  readonly entities: readonly string[];
  /** Query string of a search, as sent. */
  readonly query: string | undefined;
  readonly traceId: string;
}

export interface AuditQuery {
  readonly from?: string;
  readonly to?: string;
  readonly agent?: string;
  readonly patient?: string;
  readonly entity?: string;
  readonly action?: AuditRow['action'];
  readonly outcome?: AuditRow['outcome'];
  readonly count: number;
  readonly offset: number;
}

export interface AuditLog {
  get(site: string, id: string): Promise<AuditRow | undefined>;
  /** Newest first. */
  search(site: string, query: AuditQuery): Promise<{ readonly rows: readonly AuditRow[]; readonly total: number }>;
}

/** What a service says of one access; the trail adds who, when and under which trace. */
export interface Access {
  readonly principal: Principal;
  readonly action: AuditRow['action'];
  readonly interaction: string;
  readonly outcome?: AuditRow['outcome'];
  readonly outcomeDesc?: string;
  readonly patients?: readonly string[];
  readonly entities?: readonly string[];
  readonly query?: string;
}

/** Where every access is written down. A write takes `rowOf` into its own commit; a read waits for `record`. */
export interface AuditTrail {
  rowOf(access: Access): AuditRow;
  /** Resolves when the row is durable. What could not be written down must not be answered. */
  record(access: Access): Promise<void>;
}
