import type { DicomFile } from '../dicom/file.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { BlobLocation, BlobStore, Clock, DicomIndex, InstanceRow } from '../ports/index.ts';
import { createInflations } from './inflations.ts';
import { type PreparedInstance, prepareInstance } from './prepare-instance.ts';
import { byStudy, type SealedPacks, StudyPacks } from './study-packs.ts';

export interface PrepareDeps {
  readonly index: Pick<DicomIndex, 'isPackReferenced'>;
  readonly blobs: Pick<BlobStore, 'openPack'>;
  readonly clock: Clock;
  readonly isResult: (file: DicomFile) => boolean;
}

/** Instances that are written but not yet known to anybody: their rows wait for a commit. */
export interface PreparedInstances {
  readonly rows: readonly InstanceRow[];
  /** Puts further bytes beside the first instance: the rows of the instances keep them too. Before `seal`. */
  append(bytes: Uint8Array): Promise<BlobLocation>;
  /** To be awaited before the commit that holds the rows, and what it resolves to. */
  seal(): Promise<SealedPacks>;
  /** After a commit that failed. Leaves a pack alone that some row points to. */
  discard(): Promise<void>;
}

/**
 * Writes instances that the server made itself, so that one commit can hold them together with everything else of a run.
 *
 * @param receivedFrom `run/ID`.
 * @throws what is wrong with the first instance that cannot be stored; storage-full. Then nothing is left behind.
 */
export async function prepareInstances(
  { index, blobs, clock, isResult }: PrepareDeps,
  site: string,
  files: readonly Uint8Array[],
  receivedFrom: string,
): Promise<PreparedInstances> {
  const packs = new StudyPacks(blobs, index, site, files.length);
  const origin = { receivedAt: clock.now().toISOString(), receivedFrom };
  const discard = async () => {
    await packs.discardUnreferenced();
  };
  const inflations = createInflations();
  try {
    const instances: PreparedInstance[] = [];
    for (const bytes of files) {
      const prepared = await prepareInstance(new Uint8Array(bytes), isResult, inflations);
      if (!('row' in prepared)) throw new NeuroInsightError(prepared.kind, prepared.message);
      instances.push(prepared);
    }
    const rows: InstanceRow[] = [];
    for (const [study, group] of byStudy(instances)) rows.push(...(await packs.append(study, group, origin)));
    const [first] = rows;
    if (!first) throw new Error('no instances to prepare');
    const append = (bytes: Uint8Array) => packs.appendBytes(first.studyInstanceUid, bytes);
    const seal = async () => {
      await packs.seal();
      return packs.sealed(rows);
    };
    return { rows, append, seal, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}
