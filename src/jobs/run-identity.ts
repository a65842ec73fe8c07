import { digestOf } from '../domain/identity.ts';
import type { InstanceRow } from '../ports/index.ts';

/** What an analysis may measure, of all that a study holds. */
export function sourcesOf(instances: readonly InstanceRow[]): readonly InstanceRow[] {
  return instances.filter(({ isSource }) => isSource);
}

/**
 * Key of a run: equal stored source instances under an equal model and software are one run, however often and in
 * whatever order they arrived. sha256, hex.
 */
export function runRowKeyOf(
  studyInstanceUid: string,
  sources: readonly Pick<InstanceRow, 'sopInstanceUid' | 'storedSha256'>[],
  analystFingerprint: string,
): string {
  const instances = sources.map(({ sopInstanceUid, storedSha256 }) => `${sopInstanceUid} ${storedSha256}`).sort();
  return digestOf(['neuroinsight-run-row', studyInstanceUid, analystFingerprint, ...instances]);
}
