import type { InstanceRow, Principal, Removals } from '../ports/index.ts';
import { type Deletion, type DeletionDeps, deleteForGood, dropDeadPacks, removeFiles } from './deletion.ts';
import { NOTHING } from './proof.ts';
import { type NamedResource, resourcesOfRuns } from './resource-facts.ts';
import type { StudyFacts } from './study-facts.ts';

/** Instances in one commit: the writer is nobody's alone. */
const MOST_INSTANCES = 1000;

type Cause = Pick<Deletion, 'rule' | 'reason'>;

/** A study with all that was made of it: instances, runs, files, FHIR resources, the key. */
export async function deleteWholeStudy(
  deps: DeletionDeps,
  principal: Principal,
  facts: StudyFacts,
  cause: Cause,
): Promise<void> {
  const { site } = principal;
  const { studyInstanceUid: study, instances, runs } = facts;
  const packs = (await deps.packs.ofStudy(site, study)).map(({ pack }) => pack);
  const resources = await resourcesOfRuns(deps.resources, site, runs);
  const removals: Removals = {
    studies: [study],
    runsOfStudies: [study],
    resources,
    counted: [{ studyInstanceUid: study, instances: instances.length }],
  };
  await deleteForGood(deps, principal, {
    ...cause,
    ...aboutStudy(facts, resources),
    removals,
    counts: {
      ...NOTHING,
      studies: 1,
      instances: instances.length,
      runs: runs.length,
      resources: resources.length,
    },
    names: [
      `study/${study}`,
      ...instances.map(nameOfInstance),
      ...runs.map(({ id }) => `run/${id}`),
      ...resources.map(nameOfResource),
    ],
  });
  await deps.blobs.forgetStudy(site, study);
  await removeFiles(deps, packs);
}

/** What was measured of a study whose source instances stay: result instances, runs and FHIR resources. */
export async function deleteResults(
  deps: DeletionDeps,
  principal: Principal,
  facts: StudyFacts,
  cause: Cause,
): Promise<void> {
  const { site } = principal;
  const { studyInstanceUid: study, runs } = facts;
  const instances = facts.instances.filter(({ isSource }) => !isSource);
  const resources = await resourcesOfRuns(deps.resources, site, runs);
  await deleteForGood(deps, principal, {
    ...cause,
    ...aboutStudy(facts, resources),
    removals: { instances: namesOf(instances), runsOfStudies: [study], resources },
    counts: { ...NOTHING, instances: instances.length, runs: runs.length, resources: resources.length },
    names: [...instances.map(nameOfInstance), ...runs.map(({ id }) => `run/${id}`), ...resources.map(nameOfResource)],
  });
  await dropDeadPacks(deps, site, study);
}

/** Some instances of a study; the last ones take its row with them, and their packs. */
export async function deleteInstances(
  deps: DeletionDeps,
  principal: Principal,
  facts: StudyFacts,
  instances: readonly InstanceRow[],
  cause: Cause,
): Promise<void> {
  for (let start = 0; start < instances.length; start += MOST_INSTANCES) {
    const some = instances.slice(start, start + MOST_INSTANCES);
    await deleteForGood(deps, principal, {
      ...cause,
      ...aboutStudy(facts, []),
      removals: { instances: namesOf(some) },
      counts: { ...NOTHING, instances: some.length },
      names: some.map(nameOfInstance),
    });
  }
  await dropDeadPacks(deps, principal.site, facts.studyInstanceUid);
}

/** Runs that came to nothing, with their log. */
export async function deleteRuns(
  deps: DeletionDeps,
  principal: Principal,
  facts: StudyFacts,
  cause: Cause,
): Promise<void> {
  await deleteForGood(deps, principal, {
    ...cause,
    ...aboutStudy(facts, []),
    removals: { runsOfStudies: [facts.studyInstanceUid] },
    counts: { ...NOTHING, runs: facts.runs.length },
    names: facts.runs.map(({ id }) => `run/${id}`),
  });
}

function aboutStudy(
  { studyInstanceUid, subject, patients }: StudyFacts,
  resources: readonly NamedResource[],
): Pick<Deletion, 'subject' | 'patients' | 'entities'> {
  const references = resources.map(({ resourceType, id }) => `${resourceType}/${id}`);
  return {
    subject: { ...subject, resources: [...(subject.resources ?? []), ...references] },
    patients,
    entities: [`urn:oid:${studyInstanceUid}`, ...references],
  };
}

const nameOfInstance = ({ sopInstanceUid }: InstanceRow): string => `instance/${sopInstanceUid}`;
const nameOfResource = ({ resourceType, id }: NamedResource): string => `resource/${resourceType}/${id}`;
const namesOf = (instances: readonly InstanceRow[]): NonNullable<Removals['instances']> =>
  instances.map(({ studyInstanceUid, sopInstanceUid }) => ({ studyInstanceUid, sopInstanceUid }));
