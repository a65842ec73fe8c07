import type { Removals } from '../../ports/index.ts';
import type { Note, Operation } from './operation.ts';
import { type MacKey, macOf } from './row-mac.ts';
import { INDEX_KINDS, indexRemovalByKey } from './statements.ts';

/** What leaves for good, at the end of a commit; what is not there is passed over. @param key of the MACs of rows. */
export function planRemovals(site: string, removals: Removals, key: MacKey): Operation[] {
  const erased = (kind: 'study' | 'resource', of: string): Note => ({
    said: { kind, action: 'erase', key: of, version: 0, mac: macOf(key, 'erasure', [site, kind, of]) },
  });
  const { auditBefore } = removals;
  return [
    ...(removals.counted ?? []).map(
      ({ studyInstanceUid, instances }): Operation => ['count study', [site, studyInstanceUid, instances], 'none'],
    ),
    ...(removals.studies ?? []).flatMap((study) => removeStudy(site, study, erased('study', study))),
    ...removeInstances(site, removals.instances ?? [], key),
    ...(removals.resources ?? []).flatMap(({ resourceType, id }) =>
      removeResource([site, resourceType, id], erased('resource', `${resourceType}/${id}`)),
    ),
    ...(removals.runsOfStudies ?? []).flatMap((study) => removeRuns(site, study)),
    ...(auditBefore === undefined ? [] : removeAudit(site, auditBefore)),
    ...(removals.packs ?? []).flatMap((pack): Operation[] => [
      ['remove pack', [site, pack], { elsePass: 1 }],
      ['find reference to pack', [pack], 'none'],
    ]),
  ];
}

/** Dependent rows first: they are found by those above them. A study that has only its key left goes as well. */
function removeStudy(site: string, study: string, erased: Note): Operation[] {
  const of = [site, study];
  return [
    ['forget packs of study', of],
    ['remove instances of study', of],
    ['remove series of study', of],
    ['remove study', of, undefined, erased],
    ['remove packs of study', of],
    ['remove study key', of, undefined, erased],
  ];
}

/** Series and studies that lost instances are counted anew, and go when they are empty. */
function removeInstances(site: string, instances: NonNullable<Removals['instances']>, key: MacKey): Operation[] {
  const operations: Operation[] = [];
  for (const { studyInstanceUid: study, sopInstanceUid: uid } of instances) {
    const mac = macOf(key, 'erasure', [site, 'instance', uid]);
    operations.push(
      ['remove instance', [site, study, uid], { elsePass: 1 }, { study, part: 'removed', mac }],
      ['forget packs', [site, `metadata/${uid}`]],
    );
  }
  for (const study of new Set(instances.map(({ studyInstanceUid }) => studyInstanceUid))) {
    const of = [site, study];
    operations.push(
      ['recount series', of],
      ['remove empty series', of],
      ['recount study', of],
      ['summarise study', of],
      ['remove empty study', of],
    );
  }
  return operations;
}

function removeResource(of: readonly [site: string, type: string, id: string], erased: Note): Operation[] {
  return [
    ...INDEX_KINDS.map((kind): Operation => [indexRemovalByKey(kind), of]),
    ['remove versions', of],
    ['remove resource', of, undefined, erased],
  ];
}

function removeRuns(site: string, study: string): Operation[] {
  const of = [site, study];
  return [
    ['forget packs of runs', of],
    ['forget packs of deliveries', of],
    ['remove run log', of],
    ['remove deliveries', of],
    ['remove runs', of],
  ];
}

function removeAudit(site: string, before: string): Operation[] {
  return [
    ['remove audited entities', [site, before]],
    ['remove audit', [site, before]],
  ];
}
