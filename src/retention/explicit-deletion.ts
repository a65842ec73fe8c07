import { NeuroInsightError } from '../domain/errors.ts';
import type { Principal } from '../ports/index.ts';
import type { DeletionDeps } from './deletion.ts';
import { requireReason } from './holds.ts';
import { deleteInstances, deleteWholeStudy } from './study-deletion.ts';
import { factsOf, type StudyFacts } from './study-facts.ts';

/** Deletion because somebody says so. Who may say so is the door's to know. */
export interface ExplicitDeletion {
  /**
   * A study with all that was made of it, for good.
   * @throws not-found, on-hold, conflict while a run works on it or a delivery waits, invalid-request without a reason.
   */
  deleteStudy(principal: Principal, studyInstanceUid: string, reason: string): Promise<void>;
  /** One instance. @throws as above. */
  deleteInstance(
    principal: Principal,
    place: { readonly studyInstanceUid: string; readonly sopInstanceUid: string },
    reason: string,
  ): Promise<void>;
}

export function createExplicitDeletion(deps: DeletionDeps): ExplicitDeletion {
  const idle = async (site: string, studyInstanceUid: string): Promise<StudyFacts> => {
    const facts = await factsOf(deps, site, studyInstanceUid);
    if (facts.instances.length + facts.runs.length === 0) {
      throw new NeuroInsightError('not-found', 'there is no such study');
    }
    // A hold is the stronger reason of the two.
    await deps.holds.permit(site, facts.subject);
    if (facts.busy) throw new NeuroInsightError('conflict', 'the study is being worked on or delivered');
    return facts;
  };
  return {
    async deleteStudy(principal, studyInstanceUid, reason) {
      requireReason(reason);
      const facts = await idle(principal.site, studyInstanceUid);
      await deleteWholeStudy(deps, principal, facts, { rule: 'admin/delete-study', reason });
    },
    async deleteInstance(principal, { studyInstanceUid, sopInstanceUid }, reason) {
      requireReason(reason);
      const facts = await idle(principal.site, studyInstanceUid);
      const found = facts.instances.filter((row) => row.sopInstanceUid === sopInstanceUid);
      if (found.length === 0) throw new NeuroInsightError('not-found', 'there is no such instance');
      await deleteInstances(deps, principal, facts, found, { rule: 'admin/delete-instance', reason });
    },
  };
}
