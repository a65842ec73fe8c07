import { createHmac, hkdfSync } from 'node:crypto';
import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  BlobStore,
  Change,
  Clock,
  DeletionSubject,
  DicomIndex,
  DocumentRow,
  HoldCheck,
  Ids,
  Ledger,
  OutboxReader,
  PackContentsReader,
  PackReader,
  Principal,
  Removals,
  ResourceReader,
  RunReader,
} from '../ports/index.ts';
import { whoIs } from './holds.ts';
import { type DeletionCounts, type DeletionStatement, proofDocument, type Signer } from './proof.ts';

export interface DeletionDeps {
  readonly dicom: Pick<DicomIndex, 'instances'>;
  readonly resources: Pick<ResourceReader, 'get' | 'search' | 'history'>;
  readonly runs: Pick<RunReader, 'list'>;
  readonly outbox: Pick<OutboxReader, 'ofRun'>;
  readonly packs: Pick<PackReader, 'ofStudy'>;
  readonly packContents: PackContentsReader;
  readonly ledger: Ledger;
  readonly blobs: Pick<BlobStore, 'remove'> & {
    /** After the row of a study's key was deleted: the key leaves the memory. */
    forgetStudy(site: string, studyInstanceUid: string): Promise<void>;
  };
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  readonly holds: HoldCheck;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Signs the proofs, with the key of the data folder. */
  readonly signer: Signer;
  /** Keyed digest of a name: see `createDigest`. */
  readonly digest: (name: string) => string;
}

/** One thing that goes, in one commit. */
export interface Deletion {
  readonly rule: string;
  readonly reason?: string;
  /** `anybody`: it may concern any patient, so that any hold stops it. */
  readonly subject: DeletionSubject | 'anybody';
  readonly removals: Removals;
  readonly counts: DeletionCounts;
  /** Names of what goes: study/UID, instance/UID, resource/TYPE/ID, run/ID. */
  readonly names: readonly string[];
  /** For the audit row: Patient/ID, and Type/ID or urn:oid:UID. */
  readonly patients: readonly string[];
  readonly entities: readonly string[];
  /** What the commit holds beside the proof, made anew for each attempt. */
  readonly documents?: (at: string) => Promise<readonly Change<DocumentRow>[]>;
}

const ATTEMPTS = 5;
const KEY_BYTES = 32;
const DIGEST_BYTES = 16;

/** HMAC-SHA256 under a key of its own, cut to 128 bits, base64url. */
export function createDigest(key: Uint8Array): (name: string) => string {
  return (name) => createHmac('sha256', key).update(name).digest().subarray(0, DIGEST_BYTES).toString('base64url');
}

/** The digest of a data folder's proofs and erasures. @param rowMac key of its row MACs. */
export const digestOfFolder = (rowMac: Uint8Array): ((name: string) => string) =>
  createDigest(Buffer.from(hkdfSync('sha256', rowMac, '', 'neuroinsight deletion proofs', KEY_BYTES)));

/**
 * Deletes in one commit with the audit row, the proof and the word of the legal holds.
 * @throws on-hold, conflict when what is to go has changed meanwhile.
 */
export async function deleteForGood(deps: DeletionDeps, principal: Principal, deletion: Deletion): Promise<void> {
  for (let left = ATTEMPTS; ; left--) {
    try {
      await attempt(deps, principal, deletion);
      return;
    } catch (error) {
      // Another deletion may have written the register of holds in between.
      const conflict = error instanceof NeuroInsightError && error.kind === 'conflict';
      if (!conflict || left === 0) throw error;
    }
  }
}

/** What a proof says of a deletion: things are named by keyed digests, so that it tells of nobody. */
export function statementOf(
  { digest }: Pick<DeletionDeps, 'digest'>,
  principal: Principal,
  at: string,
  { rule, reason, counts, names }: Pick<Deletion, 'rule' | 'reason' | 'counts' | 'names'>,
): DeletionStatement {
  const { site } = principal;
  const what = names.map((name) => digest(`${site}/${name}`)).sort();
  return { format: 1, site, at, by: whoIs(principal), rule, reason, counts, what };
}

async function attempt(deps: DeletionDeps, principal: Principal, deletion: Deletion): Promise<void> {
  const { site } = principal;
  const { subject } = deletion;
  const permitted = await (subject === 'anybody' ? deps.holds.permitAnything(site) : deps.holds.permit(site, subject));
  const at = deps.clock.now().toISOString();
  const statement = statementOf(deps, principal, at, deletion);
  await deps.ledger.commit({
    site,
    documents: [
      permitted,
      { expected: 0, row: proofDocument(`${at}-${deps.ids.uuid()}`, statement, deps.signer) },
      ...((await deletion.documents?.(at)) ?? []),
    ],
    audit: [
      deps.audit.rowOf({
        principal,
        action: 'D',
        interaction: deletion.rule,
        patients: deletion.patients,
        entities: deletion.entities,
      }),
    ],
    removals: deletion.removals,
  });
}

/** The files of packs whose rows went with their study; what cannot be removed now is left to the sweep. */
export async function removeFiles({ blobs }: DeletionDeps, packs: readonly string[]): Promise<void> {
  for (const pack of packs) await blobs.remove(pack).catch(() => undefined);
}

/**
 * Packs of a study that nothing points into any more: the rows, then the files; with the last of them the key. Others are
 * left to the compaction.
 */
export async function dropDeadPacks(deps: DeletionDeps, site: string, studyInstanceUid: string): Promise<void> {
  for (const { pack } of await deps.packs.ofStudy(site, studyInstanceUid)) {
    const { instances, runs, outbox } = await deps.packContents.contents(site, pack);
    if (instances.length + runs.length + outbox.length > 0) continue;
    try {
      await deps.ledger.commit({ site, removals: { packs: [pack] } });
    } catch (error) {
      // Somebody began to point there.
      passOverConflict(error);
      continue;
    }
    await removeFiles(deps, [pack]);
  }
  await dropIdleKey(deps, site, studyInstanceUid);
}

/** The key of a study of which nothing is left. */
async function dropIdleKey(deps: DeletionDeps, site: string, studyInstanceUid: string): Promise<void> {
  if ((await deps.packs.ofStudy(site, studyInstanceUid)).length > 0) return;
  if ((await deps.dicom.instances(site, { studyInstanceUid })).length > 0) return;
  const counted = [{ studyInstanceUid, instances: 0 }];
  try {
    await deps.ledger.commit({ site, removals: { studies: [studyInstanceUid], counted } });
  } catch (error) {
    passOverConflict(error);
    return;
  }
  await deps.blobs.forgetStudy(site, studyInstanceUid);
}

/** Somebody stores into the study again. */
function passOverConflict(error: unknown): void {
  if (!(error instanceof NeuroInsightError && error.kind === 'conflict')) throw error;
}
