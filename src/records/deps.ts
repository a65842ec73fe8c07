import { fhirBase } from '../fhir/search-references.ts';
import type { AuditLog, AuditTrail, Clock, Ids, Ledger, ResourceReader, StoredResource } from '../ports/index.ts';

/** What the FHIR service stands on. */
export interface RecordsDeps {
  readonly reader: ResourceReader;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly auditLog: AuditLog;
  readonly clock: Clock;
  readonly ids: Ids;
  /** As the outside sees the server, without a slash at the end; links are built from it, never from a Host header. */
  readonly publicUrl: string;
}

/** Name and value pairs of a query string or of a form, decoded, in order. */
export type SearchParams = readonly (readonly [string, string])[];

/** How a write ended; `found` and `unchanged` wrote nothing. */
export type WriteOutcome = 'created' | 'updated' | 'unchanged' | 'found' | 'deleted' | 'absent';

export interface Written {
  readonly outcome: WriteOutcome;
  /** The version that is current after the write; undefined when nothing was there to delete. */
  readonly stored: StoredResource | undefined;
}

/** Base of every FHIR address that we give out, with a slash at its end. */
export const baseOf = ({ publicUrl }: Pick<RecordsDeps, 'publicUrl'>): string => `${fhirBase(publicUrl)}/`;
