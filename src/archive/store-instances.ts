import { requirePermission } from '../access/scopes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Access, Principal } from '../ports/index.ts';
import { createInflations, type Inflations } from './inflations.ts';
import type { StoreLimits } from './store-limits.ts';
import { type StoreDeps, type StoreOutcome, type StorePart, StoreSession } from './store-session.ts';

export type { FailedInstance } from './prepare-instance.ts';
export { DEFAULT_STORE_LIMITS, type StoreLimits } from './store-limits.ts';
export type { StoreDeps, StoredInstance, StoreOutcome, StorePart } from './store-session.ts';

export interface StoreRequest {
  readonly principal: Principal;
  /** For the audit: dicomweb/stow, job/pull. */
  readonly interaction: string;
  /** The study that every instance must belong to. */
  readonly studyInstanceUid?: string;
  /** What the rows name as their origin; the principal's id unless said. */
  readonly receivedFrom?: string;
  /** One element an instance. */
  readonly parts: AsyncIterable<StorePart>;
}

export interface StoreService {
  /**
   * Stores instances: all that can be stored in one commit with its audit row, the others with a reason each. Storing
   * the same bytes again is success and changes nothing; other bytes under a UID that is stored are refused.
   *
   * @throws forbidden; storage-full; overloaded when others keep storing the same instances; whatever `parts` throws.
   *   Then nothing of the request is stored.
   */
  store(request: StoreRequest): Promise<StoreOutcome>;
}

const ATTEMPTS = 5;

export function createStoreService(deps: StoreDeps): StoreService {
  const inflations = createInflations();
  return { store: (request) => store(deps, inflations, request) };
}

async function store(deps: StoreDeps, inflations: Inflations, request: StoreRequest): Promise<StoreOutcome> {
  const { principal, studyInstanceUid, receivedFrom = principal.id } = request;
  requirePermission(principal, 'c', 'ImagingStudy');
  const session = new StoreSession(deps, inflations, principal.site, receivedFrom, studyInstanceUid);
  let committing = false;
  try {
    for await (const parts of batchesOf(request.parts, deps.limits)) await session.add(parts);
    await session.seal();
    committing = true;
    await commit(deps, request, session);
  } catch (error) {
    // A foreseen error of the ledger says for sure that nothing was written; another one may hide a commit.
    await session.tidy(committing && !(error instanceof NeuroInsightError));
    await recordFailure(deps, request, error);
    throw error;
  }
  await session.tidy(true);
  return session.outcome;
}

/** Parts as they come, but some together: each group costs one look into the index. */
async function* batchesOf(parts: AsyncIterable<StorePart>, limits: StoreLimits): AsyncGenerator<readonly StorePart[]> {
  let batch: StorePart[] = [];
  let bytes = 0;
  for await (const part of parts) {
    batch.push(part);
    bytes += 'refused' in part ? 0 : part.length;
    if (batch.length < limits.batchInstances && bytes < limits.batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** One commit of everything. A conflict means that somebody stored one of the instances meanwhile: look again. */
async function commit(deps: StoreDeps, request: StoreRequest, session: StoreSession): Promise<void> {
  const { site } = request.principal;
  for (let attempt = 1; ; attempt++) {
    try {
      const audit = [deps.audit.rowOf(accessOf(request, session.outcome))];
      const instances = session.rows;
      await deps.ledger.commit(instances.length > 0 ? { site, instances, ...session.sealed, audit } : { site, audit });
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (attempt === ATTEMPTS) {
        throw new NeuroInsightError('overloaded', 'the same instances are being stored by others', { cause: error });
      }
      await session.reconcile();
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof NeuroInsightError && (error.kind === 'conflict' || error.kind === 'duplicate-instance');
}

function accessOf({ principal, interaction, studyInstanceUid }: StoreRequest, outcome: StoreOutcome): Access {
  const studies = outcome.stored.map((instance) => instance.studyInstanceUid);
  const all = new Set(studyInstanceUid === undefined ? studies : [studyInstanceUid, ...studies]);
  const [firstFailure] = outcome.failed;
  return {
    principal,
    action: 'C',
    interaction,
    outcome: outcome.stored.length > 0 ? '0' : '4',
    ...(firstFailure && { outcomeDesc: firstFailure.kind }),
    entities: [...all].map((uid) => `urn:oid:${uid}`),
  };
}

/** A request that stored nothing is written down as far as the disk allows; it gave nothing away. */
async function recordFailure(deps: StoreDeps, request: StoreRequest, error: unknown): Promise<void> {
  const { principal, interaction, studyInstanceUid } = request;
  const refused = error instanceof NeuroInsightError;
  const access: Access = {
    principal,
    action: 'C',
    interaction,
    outcome: refused && error.kind !== 'storage-full' ? '4' : '8',
    ...(refused && { outcomeDesc: error.kind }),
    ...(studyInstanceUid !== undefined && { entities: [`urn:oid:${studyInstanceUid}`] }),
  };
  await deps.audit.record(access).catch(() => {});
}
