/** What a watch job knows of one study at a source. Written unconditionally: one job watches one source. */
export interface SeenStudy {
  readonly source: string;
  readonly studyInstanceUid: string;
  /** As the source counted when it was last asked. */
  readonly numberOfInstances: number;
  /** As was counted when the study was last pulled whole; undefined: never. */
  readonly pulledInstances: number | undefined;
  /** Instances that the source gave and the archive refused. */
  readonly refusedInstances: number;
  readonly attempt: number;
  readonly seenAt: string;
}

export interface SeenReader {
  seen(site: string, source: string, studyInstanceUids: readonly string[]): Promise<readonly SeenStudy[]>;
}
