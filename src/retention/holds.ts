import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  Change,
  Clock,
  DeletionSubject,
  DocumentReader,
  DocumentRow,
  HoldCheck,
  Ids,
  Ledger,
  Principal,
} from '../ports/index.ts';

/** What is held: a study, everything of a patient by the identity that DICOM knows, or a resource with what is about it. */
export type HeldThing =
  | { readonly kind: 'study'; readonly studyInstanceUid: string }
  /** Without an issuer: the PatientID of any. */
  | { readonly kind: 'patient'; readonly patientId: string; readonly issuer?: string }
  /** Type/ID. */
  | { readonly kind: 'resource'; readonly reference: string };

export interface Hold {
  readonly on: HeldThing;
  readonly reason: string;
  readonly placedAt: string;
  readonly placedBy: string;
  readonly releasedAt?: string;
  readonly releasedBy?: string;
  readonly releaseReason?: string;
}

export interface LegalHolds extends HoldCheck {
  /** @returns the id of the hold. @throws invalid-request. */
  place(principal: Principal, on: HeldThing, reason: string): Promise<string>;
  /** @throws not-found, conflict for one that was released. */
  release(principal: Principal, id: string, reason: string): Promise<void>;
  /** All that were ever placed, those released among them. */
  list(site: string): Promise<readonly (Hold & { readonly id: string })[]>;
}

export interface HoldsDeps {
  readonly documents: DocumentReader;
  readonly ledger: Ledger;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * Beside the holds of a site lies one register, which every placing, releasing and deletion writes: so a hold that is
 * placed while something is being deleted either comes first and refuses it, or comes after it.
 */
interface Register {
  readonly standing: number;
  /** Placings and releases so far. */
  readonly changes: number;
}

const REGISTER = 'register';
const PAGE = 500;
const LONGEST_REASON = 1000;
const ATTEMPTS = 5;

export function createHolds(deps: HoldsDeps): LegalHolds {
  const { documents, ledger, audit, clock, ids } = deps;

  const registerOf = async (site: string) => {
    const row = await documents.get<Register>(site, 'legal-hold', REGISTER);
    return { version: row?.version ?? 0, content: row?.content ?? { standing: 0, changes: 0 } };
  };
  const list = async (site: string) => {
    const found: (Hold & { id: string })[] = [];
    for (let after = ''; ; ) {
      const page = await documents.list<Hold>(site, 'legal-hold', { after, limit: PAGE });
      found.push(...page.filter(({ id }) => id !== REGISTER).map(({ id, content }) => ({ id, ...content })));
      if (page.length < PAGE) return found;
      after = page.at(-1)!.id;
    }
  };
  const standing = async (site: string) => {
    const register = await registerOf(site);
    const holds = register.content.standing === 0 ? [] : (await list(site)).filter((hold) => !hold.releasedAt);
    return { holds, change: nextRegister(register.version, register.content) };
  };
  /** Writes a hold and the register together; another writer of the register is waited for by trying again. */
  const write = async (principal: Principal, hold: Change<DocumentRow<Hold>>, step: 1 | -1, interaction: string) => {
    const { site } = principal;
    for (let left = ATTEMPTS; ; left--) {
      const { version, content } = await registerOf(site);
      const next = { standing: content.standing + step, changes: content.changes + 1 };
      const row = audit.rowOf({
        principal,
        action: step === 1 ? 'C' : 'U',
        interaction,
        entities: [entityOf(hold.row.content.on)],
      });
      try {
        await ledger.commit({ site, documents: [hold, nextRegister(version, next)], audit: [row] });
        return;
      } catch (error) {
        const moved = (await registerOf(site)).version !== version;
        if (!(error instanceof NeuroInsightError && error.kind === 'conflict' && moved) || left === 0) throw error;
      }
    }
  };
  return {
    list,
    async place(principal, on, reason) {
      requireThing(on);
      requireReason(reason);
      const id = ids.uuid();
      const content: Hold = { on, reason, placedAt: clock.now().toISOString(), placedBy: whoIs(principal) };
      await write(principal, { expected: 0, row: { kind: 'legal-hold', id, version: 1, content } }, 1, 'hold/place');
      return id;
    },
    async release(principal, id, reason) {
      requireReason(reason);
      const known = id === REGISTER ? undefined : await documents.get<Hold>(principal.site, 'legal-hold', id);
      if (!known) throw new NeuroInsightError('not-found', 'there is no such hold');
      if (known.content.releasedAt) throw new NeuroInsightError('conflict', 'the hold was released before');
      const content: Hold = {
        ...known.content,
        releasedAt: clock.now().toISOString(),
        releasedBy: whoIs(principal),
        releaseReason: reason,
      };
      const row = { kind: 'legal-hold' as const, id, version: known.version + 1, content };
      await write(principal, { expected: known.version, row }, -1, 'hold/release');
    },
    async permit(site, subject) {
      const { holds, change } = await standing(site);
      if (holds.some(({ on }) => concerns(on, subject))) throw held();
      return change;
    },
    async permitAnything(site) {
      const { holds, change } = await standing(site);
      if (holds.length > 0) throw held();
      return change;
    },
  };
}

const held = (): NeuroInsightError => new NeuroInsightError('on-hold', 'a legal hold forbids the deletion');

/** Who did it, in one word for the record: KIND/ID. */
export const whoIs = ({ kind, id }: Principal): string => `${kind}/${id}`;

const nextRegister = (version: number, content: Register): Change<DocumentRow> => ({
  expected: version,
  row: { kind: 'legal-hold', id: REGISTER, version: version + 1, content },
});

/** In doubt a hold concerns: an issuer that one side does not name is any. */
function concerns(on: HeldThing, { studies = [], patients = [], resources = [] }: DeletionSubject): boolean {
  switch (on.kind) {
    case 'study':
      return studies.includes(on.studyInstanceUid);
    case 'patient':
      return patients.some(
        ({ patientId, issuer }) => patientId === on.patientId && (!issuer || !on.issuer || issuer === on.issuer),
      );
    case 'resource':
      return resources.includes(on.reference);
  }
}

/** A patient is audited by the hold alone: PatientID stays out of the audit. */
function entityOf(on: HeldThing): string {
  if (on.kind === 'study') return `urn:oid:${on.studyInstanceUid}`;
  return on.kind === 'resource' ? on.reference : 'legal-hold';
}

/** @throws invalid-request. */
export function requireReason(reason: string): void {
  if (reason.trim() === '' || reason.length > LONGEST_REASON) {
    throw new NeuroInsightError('invalid-request', `a reason of 1 to ${LONGEST_REASON} characters is needed`);
  }
}

const UID = /^[0-9.]{1,64}$/;
const REFERENCE = /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/;

function requireThing(on: HeldThing): void {
  const fits =
    on.kind === 'study'
      ? UID.test(on.studyInstanceUid)
      : on.kind === 'resource'
        ? REFERENCE.test(on.reference)
        : on.kind === 'patient' && on.patientId.trim() !== '' && on.patientId.length <= 64;
  if (!fits) throw new NeuroInsightError('invalid-request', 'a hold is on a study, a patient or a resource');
}
