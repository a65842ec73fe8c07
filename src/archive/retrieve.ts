import { createHash } from 'node:crypto';
import { requirePermission } from '../access/scopes.ts';
import { isUid } from '../dicom/dataset.ts';
import { NeuroInsightError, rowFor } from '../domain/errors.ts';
import type { AuditTrail, BlobStore, DicomIndex, InstanceRow, InstanceSelector, Principal } from '../ports/index.ts';

export interface RetrieveDeps {
  readonly index: Pick<DicomIndex, 'instances'>;
  readonly blobs: Pick<BlobStore, 'read'>;
  readonly audit: AuditTrail;
}

/** Instances that may be sent to who asked, once `audited` has resolved. */
export interface Found {
  /** By series and instance number; never empty. */
  readonly instances: readonly InstanceRow[];
  /** Hexadecimal digest that changes with any stored byte and with the set. */
  readonly digest: string;
  /** Resolves when the access is durably written down: no byte of an answer may leave before. */
  readonly audited: Promise<void>;
}

/**
 * Decides, looks up, and starts to write the access down; the caller reads bytes in the meantime.
 *
 * @throws forbidden, which the door writes down; invalid-request (a UID that is none) and not-found, which are in the
 *   audit trail when they are thrown.
 */
export async function findInstances(
  { index, audit }: RetrieveDeps,
  principal: Principal,
  selector: InstanceSelector,
): Promise<Found> {
  const access = { principal, action: 'R', interaction: 'dicomweb/wado', entities: entitiesOf(selector) } as const;
  requirePermission(principal, 'r', 'ImagingStudy');
  try {
    checkUids(selector);
    const instances = await index.instances(principal.site, selector);
    if (instances.length === 0) throw new NeuroInsightError('not-found', 'no such study, series or instance');
    const audited = audit.record(access);
    // Awaited by whoever answers; without this a failure before that point would be an unhandled one.
    audited.catch(() => undefined);
    return { instances, digest: digestOfSet(instances), audited };
  } catch (error) {
    await audit.record({ ...access, ...outcomeOf(error) });
    throw error;
  }
}

/** How a failure is written down: its kind, or nothing of a defect. */
export function outcomeOf(error: unknown): { readonly outcome: '4' | '8'; readonly outcomeDesc: string } {
  const foreseen = error instanceof NeuroInsightError;
  return { outcome: rowFor(error).status < 500 ? '4' : '8', outcomeDesc: foreseen ? error.kind : 'defect' };
}

/** A UID that is none names nothing, but the trail must not carry what somebody typed into a path. */
const entitiesOf = ({ studyInstanceUid }: InstanceSelector): readonly string[] =>
  isUid(studyInstanceUid) ? [`urn:oid:${studyInstanceUid}`] : [];

function checkUids({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceSelector): void {
  const given = [studyInstanceUid, seriesInstanceUid, sopInstanceUid].filter((uid) => uid !== undefined);
  if (!given.every(isUid)) throw new NeuroInsightError('invalid-request', 'the path holds a UID that is none');
}

function digestOfSet(instances: readonly InstanceRow[]): string {
  const [only, ...others] = instances;
  if (only && others.length === 0) return only.storedSha256;
  const hash = createHash('sha256');
  for (const { storedSha256 } of instances) hash.update(storedSha256);
  return hash.digest('hex');
}

/**
 * Starts a reader and waits for its first value and for the audit trail, together: what fails there still has a status
 * line to fail in.
 */
export async function startReading<T>(source: AsyncGenerator<T>, audited: Promise<void>): Promise<AsyncGenerator<T>> {
  const [first] = await Promise.all([source.next(), audited]);
  return resumed(first, source);
}

async function* resumed<T>(first: IteratorResult<T>, source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    if (first.done) return;
    yield first.value;
    yield* source;
  } finally {
    await source.return(undefined);
  }
}
