import type { Change } from './commit.ts';
import type { DocumentRow } from './documents.ts';

/** What is deleted, by the names that a hold may have been placed on. */
export interface DeletionSubject {
  readonly studies?: readonly string[];
  /** PatientID (0010,0020) with IssuerOfPatientID (0010,0021); an unknown issuer is any. */
  readonly patients?: readonly { readonly patientId: string; readonly issuer?: string }[];
  /** Type/ID. */
  readonly resources?: readonly string[];
}

/** Legal holds, as everything that deletes for good asks for them. */
export interface HoldCheck {
  /**
   * Resolves to a change that the deleting commit must hold: with it the commit is refused with conflict when a hold
   * was placed meanwhile.
   * @throws on-hold when something of the subject is held.
   */
  permit(site: string, subject: DeletionSubject): Promise<Change<DocumentRow>>;
  /** The same for what may concern anybody: any hold of the site refuses it. */
  permitAnything(site: string): Promise<Change<DocumentRow>>;
}

/** One study as retention sees it. */
export interface KeptStudy {
  readonly studyInstanceUid: string;
  /** When its newest instance came; FHIR instant. */
  readonly receivedAt: string;
}

/** Questions by age; names only: what they name is read where rows are checked. */
export interface RetentionReader {
  /** Studies whose newest instance came before `before`, by UID after `after`; `withSource`: that have source instances. */
  studies(
    site: string,
    query: { readonly before: string; readonly withSource: boolean; readonly after: string; readonly limit: number },
  ): Promise<readonly KeptStudy[]>;
  /** Studies that have runs, the newest of which was made before `before`; by UID after `after`. */
  studiesOfRuns(
    site: string,
    query: { readonly before: string; readonly after: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Resources whose current version is a deletion from before `before`, as Type/ID, by Type/ID after `after`. */
  deletedResources(
    site: string,
    query: { readonly before: string; readonly after: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** The oldest audit row of the site; undefined: there is none. */
  oldestAudit(site: string): Promise<string | undefined>;
  countAuditBefore(site: string, before: string): Promise<number>;
}

/** What points into a pack; names only. */
export interface PackContents {
  /** What those instances have there, together. */
  readonly instanceBytes: number;
  /** SOPInstanceUIDs of instances whose bytes or metadata lie there. */
  readonly instances: readonly string[];
  readonly runs: readonly string[];
  readonly outbox: readonly string[];
}

/** Questions of the compaction. */
export interface PackContentsReader {
  contents(site: string, pack: string): Promise<PackContents>;
}
