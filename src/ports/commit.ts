import type { ApiKeyRow } from './api-keys.ts';
import type { AuditRow } from './audit-log.ts';
import type { BlobLocation, InstanceRow } from './dicom-index.ts';
import type { DocumentRow } from './documents.ts';
import type { PackRow, Rewrap, StudyKeyRow } from './keys.ts';
import type { OutboxRow } from './outbox.ts';
import type { ResourceQuery, ResourceVersion } from './resources.ts';
import type { RunLogLine, RunRow } from './runs.ts';
import type { SeenStudy } from './watch.ts';

/** A row with the version it replaces: 0 means that no such row may exist yet. Compare-and-set, always. */
export interface Change<Row> {
  /** Version that must be current when the commit is applied. The row written carries `expected + 1`. */
  readonly expected: number;
  readonly row: Row;
}

/** Says that a study's source instances up to this moment have been given to a run, or need none. */
export interface ConsideredStudy {
  readonly studyInstanceUid: string;
  /** `sourceReceivedAt` of the study as it was read: later arrivals stay to be considered. */
  readonly sourceReceivedAt: string;
}

/** What leaves the store for good: rows, history and index; what is not there is passed over. */
export interface Removals {
  /** Whole studies: instances, series, study, packs and the study key, so that the bytes are lost at once. */
  readonly studies?: readonly string[];
  /** Single instances; series and study go with their last one, counts follow. Their bytes go with the compaction. */
  readonly instances?: readonly { readonly studyInstanceUid: string; readonly sopInstanceUid: string }[];
  /** Resources with every version. */
  readonly resources?: readonly { readonly resourceType: string; readonly id: string }[];
  /** Runs of these studies with their log and files, and the deliveries of those runs. */
  readonly runsOfStudies?: readonly string[];
  /** Audit rows recorded before this instant. */
  readonly auditBefore?: string;
  /** Refused with conflict unless these studies have so many instances when the commit is applied: none came meanwhile. */
  readonly counted?: readonly { readonly studyInstanceUid: string; readonly instances: number }[];
  /** Rows of packs; refused with conflict when a row (instance, run, outbox) still points into one after the commit. */
  readonly packs?: readonly string[];
}

/** The rows of some instances move to another pack; nothing else of them changes. Refused with conflict when one moved. */
export interface Relocation {
  readonly sopInstanceUid: string;
  readonly fromPack: string;
  readonly blob: BlobLocation;
  readonly metadata: BlobLocation;
}

/**
 * Everything that one request changes, as one value: applied whole or not at all, and seen whole or not at all.
 * `site` is part of every key.
 */
export interface Commit {
  readonly site: string;
  /** Refused with conflict when one of these queries finds a resource at the moment of the commit (R4 3.1.0.8.1). */
  readonly noneMatching?: readonly ResourceQuery[];
  readonly resources?: readonly Change<ResourceVersion>[];
  /**
   * Instances to add. One that is stored already with the same sha256 of the received bytes is passed over without a
   * change; with another it refuses the commit with duplicate-instance.
   */
  readonly instances?: readonly InstanceRow[];
  readonly runs?: readonly Change<RunRow>[];
  readonly runLog?: readonly RunLogLine[];
  readonly outbox?: readonly Change<OutboxRow>[];
  readonly considered?: readonly ConsideredStudy[];
  readonly apiKeys?: readonly Change<ApiKeyRow>[];
  readonly seen?: readonly SeenStudy[];
  readonly audit?: readonly AuditRow[];
  /** Keys of studies that are new. One that is there with the same bytes is passed over; with others: conflict. */
  readonly studyKeys?: readonly StudyKeyRow[];
  readonly rewraps?: readonly Rewrap[];
  /**
   * Packs, in place of what was known of them. Refused with conflict when the study has no key: it was removed while the
   * pack was being written, and nobody could ever read what lies there.
   */
  readonly packs?: readonly PackRow[];
  readonly relocations?: readonly Relocation[];
  readonly documents?: readonly Change<DocumentRow>[];
  /** Applied after everything else of the commit. */
  readonly removals?: Removals;
}

export interface CommitReceipt {
  /** Place in the log of commits, strictly growing over all sites. */
  readonly sequence: number;
}

/**
 * Where everything is written. Resolves after the commit survives a power cut.
 * Throws conflict (a `Change` whose row moved on, a unique key that is taken, a query of `noneMatching` that matches),
 * duplicate-instance (an instance that differs), storage-full and overloaded; then nothing of the commit is there.
 */
export interface Ledger {
  commit(commit: Commit): Promise<CommitReceipt>;
}
