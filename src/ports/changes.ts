/** One thing that a commit changed, in the order of the log. */
export interface LoggedChange {
  /** Of the commit; strictly growing over all sites. */
  readonly sequence: number;
  /** Place within the commit, from 0. */
  readonly ordinal: number;
  /** FHIR instant of the commit. */
  readonly at: string;
  readonly site: string;
  readonly kind: 'resource' | 'study' | 'document';
  readonly action: 'create' | 'update' | 'delete' | 'erase';
  /** Type/ID of a resource, StudyInstanceUID, KIND/ID of a document. */
  readonly key: string;
  /** Of a resource or document; of a study the number of instances that came. */
  readonly version: number;
}

/** Where the log stands: `chain` binds every commit up to `sequence`. */
export interface LogHead {
  readonly sequence: number;
  readonly chain: string;
}

/** The log of commits as a feed: what changed after a place that the reader remembers. */
export interface ChangeFeed {
  /**
   * In the order of the log. The changes of one commit are never parted: an answer may be longer than `limit` by the
   * rest of its last commit, so that the sequence of its last row is a place to go on from.
   *
   * @param site one site, or undefined for all.
   */
  after(site: string | undefined, sequence: number, limit: number): Promise<readonly LoggedChange[]>;
  head(): Promise<LogHead>;
  /** The last commit at or before an instant, in the form of `at`; 0 when there is none. */
  sequenceAt(instant: string): Promise<number>;
}
