import { NeuroInsightError } from '../domain/errors.ts';
import type { DocumentReader, Principal, Removals, RetentionReader } from '../ports/index.ts';
import { type DeletionDeps, deleteForGood, removeFiles } from './deletion.ts';
import { nextErasure } from './erasure-list.ts';
import { type ErasureSubject, type PatientFacts, patientFactsOf, type SubjectDeps } from './erasure-subject.ts';
import { requireReason, whoIs } from './holds.ts';
import { type DeletionCounts, NOTHING } from './proof.ts';

export interface ErasureDeps extends DeletionDeps {
  readonly dicom: SubjectDeps['dicom'];
  readonly documents: DocumentReader;
  readonly retention: Pick<RetentionReader, 'deletedResources'>;
  /** Folds the log of the database into the file, so that no deleted row is left in it. @throws overloaded */
  readonly foldLog: () => Promise<void>;
  /** Hands the list of erasures to where the backups lie; false: there is no such place. */
  readonly publish: () => Promise<boolean>;
}

export interface ErasureReport {
  readonly counts: DeletionCounts;
  /** False: others read so much that it could not be folded yet; deleted pages are in the log until it is. */
  readonly logFolded: boolean;
  /** Whether the list of erasures lies with the backups; the next backup brings it there otherwise. */
  readonly listPublished: boolean;
}

export interface Erasure {
  /**
   * Erases a patient at a site: studies with their keys, runs and files, FHIR resources with every version. When it
   * resolves the keys are gone from database, log and memory. What comes of the same patient later is new.
   * @throws not-found when nothing of the patient is stored (what an erasure before may have left is cleared
   *   nevertheless), on-hold, multiple-matches, invalid-request; conflict while a run works on a study of the patient or
   *   delivers.
   */
  erase(principal: Principal, subject: ErasureSubject, reason: string): Promise<ErasureReport>;
}

/** A patient about whom something comes in meanwhile is looked for anew. */
const ROUNDS = 5;

export function createErasure(deps: ErasureDeps): Erasure {
  return {
    async erase(principal, subject, reason) {
      requireReason(reason);
      const { counts, failure } = await eraseAll(deps, principal, subject, reason);
      if (counts === undefined && failure !== undefined) throw failure;
      const logFolded = await deps.foldLog().then(
        () => true,
        () => false,
      );
      const listPublished = await deps.publish().catch(() => false);
      if (failure !== undefined) throw failure;
      if (counts === undefined) throw new NeuroInsightError('not-found', 'nothing of such a patient is stored');
      return { counts, logFolded, listPublished };
    },
  };
}

/** Round by round, until nothing is found. */
async function eraseAll(deps: ErasureDeps, principal: Principal, subject: ErasureSubject, reason: string) {
  let counts: DeletionCounts | undefined;
  for (let left = ROUNDS; left > 0; left--) {
    let facts: PatientFacts | undefined;
    try {
      facts = await patientFactsOf(deps, principal.site, subject);
      if (facts.studies.length + facts.resources.length === 0) break;
      const erased = await eraseFacts(deps, principal, facts, reason);
      counts = sumOf(counts ?? NOTHING, erased);
    } catch (failure) {
      if (left > 1 && facts && (await grew(deps, principal.site, facts, failure))) continue;
      return { counts, failure };
    }
  }
  return { counts, failure: undefined };
}

const heldBy = ({ studies, resources, identities }: PatientFacts) => ({
  studies: studies.map(({ studyInstanceUid }) => studyInstanceUid),
  patients: identities,
  resources: [
    ...new Set([...studies.flatMap(({ subject }) => subject.resources ?? []), ...resources.map(referenceTo)]),
  ],
});

const referenceTo = ({ resourceType, id }: PatientFacts['resources'][number]): string => `${resourceType}/${id}`;

/** In one commit: rows, keys, the entry of the list, the proof, the audit row. Then the files. */
async function eraseFacts(
  deps: ErasureDeps,
  principal: Principal,
  facts: PatientFacts,
  reason: string,
): Promise<DeletionCounts> {
  const { site } = principal;
  const { studies, resources } = facts;
  // A hold is the stronger reason of the two.
  await deps.holds.permit(site, heldBy(facts));
  if (studies.some(({ busy }) => busy)) {
    throw new NeuroInsightError('conflict', 'a study of the patient is being worked on or delivered');
  }
  const uids = studies.map(({ studyInstanceUid }) => studyInstanceUid);
  const packs: string[] = [];
  for (const uid of uids) packs.push(...(await deps.packs.ofStudy(site, uid)).map(({ pack }) => pack));
  const references = resources.map(referenceTo);
  const instances = studies.flatMap((study) => study.instances);
  const runs = studies.flatMap((study) => study.runs);
  const names = [...uids.map((uid) => `study/${uid}`), ...references.map((reference) => `resource/${reference}`)];
  const counts = {
    ...NOTHING,
    studies: uids.length,
    instances: instances.length,
    runs: runs.length,
    resources: resources.length,
  };
  const what = names.map((name) => deps.digest(`${site}/${name}`)).sort();
  const said = { by: whoIs(principal), reason };
  await deleteForGood(deps, principal, {
    rule: 'admin/erase',
    reason,
    subject: heldBy(facts),
    removals: removalsOf(facts),
    counts,
    names: [
      ...names,
      ...instances.map(({ sopInstanceUid }) => `instance/${sopInstanceUid}`),
      ...runs.map(({ id }) => `run/${id}`),
    ],
    patients: references.filter((reference) => reference.startsWith('Patient/')),
    entities: [...uids.map((uid) => `urn:oid:${uid}`), ...references],
    documents: async (at) => [await nextErasure(deps.documents, { site, at, what }, said)],
  });
  for (const uid of uids) await deps.blobs.forgetStudy(site, uid);
  await removeFiles(deps, packs);
  return counts;
}

function removalsOf({ studies, resources }: PatientFacts): Removals {
  const uids = studies.map(({ studyInstanceUid }) => studyInstanceUid);
  const counted = studies.map(({ studyInstanceUid, instances }) => ({ studyInstanceUid, instances: instances.length }));
  return { studies: uids, runsOfStudies: uids, resources, counted };
}

/** Something came in between the look and the commit. */
async function grew(deps: ErasureDeps, site: string, { studies }: PatientFacts, error: unknown): Promise<boolean> {
  if (!(error instanceof NeuroInsightError && error.kind === 'conflict')) return false;
  for (const { studyInstanceUid, instances } of studies) {
    const now = await deps.dicom.instances(site, { studyInstanceUid });
    if (now.length !== instances.length) return true;
  }
  return false;
}

function sumOf(one: DeletionCounts, other: DeletionCounts): DeletionCounts {
  const sum = { ...one };
  for (const name of Object.keys(sum) as (keyof DeletionCounts)[]) sum[name] += other[name];
  return sum;
}
