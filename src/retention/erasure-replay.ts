import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AuditTrail,
  ChangeFeed,
  Clock,
  DocumentReader,
  Ids,
  Ledger,
  PackReader,
  Principal,
} from '../ports/index.ts';
import { statementOf } from './deletion.ts';
import { erasureDocument, knownErasure, type ListSigner, type ReadEntry, readErasureList } from './erasure-list.ts';
import { NOTHING, proofDocument } from './proof.ts';
import { type NamedResource, named } from './resource-facts.ts';

export interface ReplayDeps {
  readonly changes: Pick<ChangeFeed, 'after'>;
  readonly documents: DocumentReader;
  readonly packs: Pick<PackReader, 'ofStudy'>;
  readonly ledger: Ledger;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly signer: ListSigner;
  readonly digest: (name: string) => string;
  /** Removes the file of a pack. */
  readonly removePack: (pack: string) => Promise<void>;
}

export interface ReplayReport {
  /** Entries that the store did not know yet, and those of them of which it had something. */
  readonly entries: number;
  readonly erased: number;
  readonly studies: number;
  readonly resources: number;
}

const PAGE = 5_000;
const RULE = 'erasure/replay';

/**
 * Carries out again, in a store that was restored, what was erased after its backup was made. What the store knows as
 * erased is passed over: what came of the same patient afterwards stays. Holds are not asked: the erasure was allowed
 * when it was made, and what they say in this store is older.
 *
 * @throws damaged for a list that this data folder did not sign, or whose beginning is not what the store remembers.
 */
export async function replayErasures(
  list: Uint8Array,
  deps: ReplayDeps,
  principal: Omit<Principal, 'site'>,
): Promise<ReplayReport> {
  const report = { entries: 0, erased: 0, studies: 0, resources: 0 };
  const unknown: ReadEntry[] = [];
  for (const entry of readErasureList(list, deps.signer)) {
    const known = await knownErasure(deps.documents, entry.said.site, entry.said.number);
    if (known === undefined) unknown.push(entry);
    else if (known.entry !== entry.entry) {
      throw new NeuroInsightError('damaged', 'the list of erasures is not that of this data folder');
    }
  }
  if (unknown.length === 0) return report;
  const stored = await namesByDigest(deps);
  for (const entry of unknown) {
    const found = entry.said.what.flatMap((digest) => stored.get(digest) ?? []);
    const packs = await replay(deps, { ...principal, site: entry.said.site }, entry, found);
    for (const pack of packs) await deps.removePack(pack);
    report.entries += 1;
    report.erased += found.length > 0 ? 1 : 0;
    report.studies += found.filter(({ study }) => study !== undefined).length;
    report.resources += found.filter(({ resource }) => resource !== undefined).length;
  }
  return report;
}

interface Found {
  /** As in the digests: study/UID, resource/TYPE/ID. */
  readonly name: string;
  readonly study?: string;
  readonly resource?: NamedResource;
}

/** Everything that the log has ever named: also what a search does not find any more. */
async function namesByDigest({ changes, digest }: ReplayDeps): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  const seen = new Set<string>();
  for (let sequence = 0; ; ) {
    const page = await changes.after(undefined, sequence, PAGE);
    for (const { site, kind, key } of page) {
      const name = `${kind}/${key}`;
      if (kind === 'document' || seen.has(`${site}/${name}`)) continue;
      seen.add(`${site}/${name}`);
      const resource = kind === 'resource' ? named(key) : undefined;
      if (kind === 'study') found.set(digest(`${site}/${name}`), { name, study: key });
      else if (resource) found.set(digest(`${site}/${name}`), { name, resource });
    }
    if (page.length === 0) return found;
    sequence = page.at(-1)!.sequence;
  }
}

/** One entry in one commit, with the entry itself: it is carried out once. Resolves to the packs that went. */
async function replay(
  deps: ReplayDeps,
  principal: Principal,
  { said, entry }: ReadEntry,
  found: readonly Found[],
): Promise<readonly string[]> {
  const { site } = said;
  const studies = found.flatMap(({ study }) => study ?? []);
  const resources = found.flatMap(({ resource }) => resource ?? []);
  const packs: string[] = [];
  for (const study of studies) packs.push(...(await deps.packs.ofStudy(site, study)).map(({ pack }) => pack));
  const at = deps.clock.now().toISOString();
  const statement = statementOf(deps, { ...principal, site }, at, {
    rule: RULE,
    reason: `erased ${said.at}`,
    counts: { ...NOTHING, studies: studies.length, resources: resources.length },
    names: found.map(({ name }) => name),
  });
  const references = resources.map(({ resourceType, id }) => `${resourceType}/${id}`);
  await deps.ledger.commit({
    site,
    documents: [
      erasureDocument(said.number, { entry }),
      { expected: 0, row: proofDocument(`${at}-${deps.ids.uuid()}`, statement, deps.signer) },
    ],
    audit: [
      deps.audit.rowOf({
        principal,
        action: 'D',
        interaction: RULE,
        patients: references.filter((reference) => reference.startsWith('Patient/')),
        entities: [...studies.map((study) => `urn:oid:${study}`), ...references],
      }),
    ],
    removals: { studies, runsOfStudies: studies, resources },
  });
  return packs;
}
