import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  AuditTrail,
  Clock,
  DicomIndex,
  DocumentReader,
  DocumentRow,
  InstanceRow,
  Ledger,
  Metrics,
  PackContentsReader,
  PackReader,
  PackRow,
  Principal,
  SitedPack,
} from '../../ports/index.ts';
import { everyPack } from '../every-pack.ts';
import { checkPack, type PackFindings } from './check-pack.ts';
import type { FileBlobStore } from './file-blob-store.ts';
import { packPath } from './pack-files.ts';

export interface ScrubDeps {
  readonly packs: Pick<PackReader, 'get' | 'list'>;
  readonly contents: PackContentsReader;
  readonly index: Pick<DicomIndex, 'findInstances'>;
  readonly documents: Pick<DocumentReader, 'get'>;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly metrics?: Pick<Metrics, 'damage'>;
  readonly blobs: Pick<FileBlobStore, 'accessAnywhere'>;
  /** Folders of packs by their tier; packs of a tier without one are passed over. */
  readonly folders: { readonly online: string; readonly archived?: string };
  readonly bytesPerSecond: number;
  /** A pack is due when it was not looked at for so long. */
  readonly everySeconds: number;
  readonly pause: (milliseconds: number) => Promise<void>;
}

export interface ScrubSummary {
  readonly packs: number;
  readonly bytes: number;
  /** Names of the packs in which something is wrong. */
  readonly damaged: readonly string[];
  /** Packs that were damaged and are whole again. */
  readonly repaired: readonly string[];
  /** Packs that were due and are left for the next time. */
  readonly left: number;
}

/** What is known of a damaged pack: a document of the kind `damage`, its id the pack's name. */
export interface DamageReport {
  readonly pack: string;
  readonly studyInstanceUid: string;
  readonly foundAt: string;
  readonly damage: string;
  readonly instances: readonly string[];
  readonly chunks: readonly number[];
  /** When it was found whole again. */
  readonly repairedAt?: string;
}

export interface Scrub {
  /**
   * Looks at every byte of the packs that are due, those first that were not looked at for the longest time. What it
   * finds goes into the rows. @throws wrong-key; what the ledger throws.
   */
  run(signal: AbortSignal): Promise<ScrubSummary>;
}

/** Instances of a pack that are asked for together. */
const PAGE = 1000;
const MOST_PACKS = 10_000;
/** Rows of sound packs go into the ledger together. */
const ROWS_TOGETHER = 64;

export function createScrub(deps: ScrubDeps): Scrub {
  return {
    async run(signal) {
      const { due, left } = await duePacks(deps, signal);
      const summary = { packs: 0, bytes: 0, damaged: [] as string[], repaired: [] as string[] };
      const pace = pacer(deps);
      const sound = soundRows(deps);
      let looked = 0;
      for (const sited of due) {
        if (signal.aborted) break;
        looked++;
        const findings = await check(deps, sited, pace);
        if (!findings) continue;
        summary.packs++;
        summary.bytes += findings.bytesRead;
        const { pack, damage: before } = sited.row;
        if (findings.damage === undefined && before === undefined) await sound.add(sited);
        else await report(deps, sited, findings);
        if (findings.damage !== undefined) summary.damaged.push(pack);
        else if (before !== undefined) summary.repaired.push(pack);
      }
      await sound.flush();
      return { ...summary, left: left + due.length - looked };
    },
  };
}

async function duePacks({ packs, clock, everySeconds, folders }: ScrubDeps, signal: AbortSignal) {
  const before = new Date(clock.now().getTime() - everySeconds * 1000).toISOString();
  const age = ({ row }: SitedPack): string => row.checkedAt ?? '';
  let due: SitedPack[] = [];
  let found = 0;
  const keepOldest = (): void => {
    due.sort((a, b) => (age(a) < age(b) ? -1 : Number(age(a) > age(b))));
    due = due.slice(0, MOST_PACKS);
  };
  for await (const one of everyPack(packs)) {
    if (signal.aborted) break;
    if (age(one) >= before || folders[one.row.tier] === undefined) continue;
    found++;
    due.push(one);
    if (due.length > 2 * MOST_PACKS) keepOldest();
  }
  keepOldest();
  return { due, left: found - due.length };
}

/** Keeps to the rate over the whole run. */
function pacer({ bytesPerSecond, clock, pause }: ScrubDeps): (bytes: number) => Promise<void> {
  const began = clock.now().getTime();
  let read = 0;
  return async (bytes) => {
    read += bytes;
    const ahead = (read / bytesPerSecond) * 1000 - (clock.now().getTime() - began);
    if (ahead > 0) await pause(ahead);
  };
}

async function check(
  deps: ScrubDeps,
  { site, row }: SitedPack,
  pace: (bytes: number) => Promise<void>,
): Promise<PackFindings | undefined> {
  const folder = deps.folders[row.tier];
  if (folder === undefined) return undefined;
  try {
    const access = await deps.blobs.accessAnywhere(row.pack);
    const instances = await instancesIn(deps, site, row.pack);
    const findings = await checkPack({ path: packPath(folder, row.pack), row, access, instances, pace });
    // What was removed or moved while it was read is no damage.
    const now = findings.damage === undefined ? row : (await deps.packs.get(row.pack))?.row;
    return now?.tier === row.tier ? findings : undefined;
  } catch (error) {
    if (error instanceof NeuroInsightError && (error.kind === 'gone' || error.kind === 'not-found')) return undefined;
    throw error;
  }
}

async function instancesIn({ contents, index }: ScrubDeps, site: string, pack: string): Promise<InstanceRow[]> {
  const { instances } = await contents.contents(site, pack);
  const rows: InstanceRow[] = [];
  for (let at = 0; at < instances.length; at += PAGE) {
    rows.push(...(await index.findInstances(site, instances.slice(at, at + PAGE))));
  }
  return rows.filter(({ blob }) => blob.pack === pack);
}

/** The row as it is now, seen at this moment: it may have moved while its file was read. Undefined: it is gone. */
async function checkedRow({ packs, clock }: ScrubDeps, pack: string, damage?: string): Promise<PackRow | undefined> {
  const now = await packs.get(pack);
  if (!now) return undefined;
  const { damage: _, ...row } = now.row;
  return { ...row, checkedAt: clock.now().toISOString(), ...(damage !== undefined && { damage }) };
}

function soundRows(deps: ScrubDeps) {
  let waiting: SitedPack[] = [];
  const flush = async (): Promise<void> => {
    const bySite = Map.groupBy(waiting, ({ site }) => site);
    waiting = [];
    for (const [site, sited] of bySite) {
      const rows = await Promise.all(sited.map(({ row }) => checkedRow(deps, row.pack)));
      const packs = rows.filter((row) => row !== undefined);
      // Refused when a study was erased at this moment: the others are looked at again the next time.
      if (packs.length > 0) await deps.ledger.commit({ site, packs }).catch(passOverConflict);
    }
  };
  return {
    async add(sited: SitedPack): Promise<void> {
      waiting.push(sited);
      if (waiting.length >= ROWS_TOGETHER) await flush();
    },
    flush,
  };
}

function passOverConflict(error: unknown): void {
  if (!(error instanceof NeuroInsightError) || error.kind !== 'conflict') throw error;
}

const principalOf = (site: string): Principal => ({
  kind: 'job',
  id: 'scrub',
  name: 'scrub',
  site,
  scopes: '',
  address: undefined,
});

/** Row, document and audit in one commit: for damage, and for its end. */
async function report(deps: ScrubDeps, { site, row }: SitedPack, findings: PackFindings): Promise<void> {
  const { pack, studyInstanceUid } = row;
  const checked = await checkedRow(deps, pack, findings.damage);
  if (!checked) return;
  if (findings.damage !== undefined) deps.metrics?.damage('pack');
  const known = await deps.documents.get<DamageReport>(site, 'damage', pack);
  const content = reportOf(findings, checked, known?.content);
  const expected = known?.version ?? 0;
  const document: DocumentRow<DamageReport> = { kind: 'damage', id: pack, version: expected + 1, content };
  const audit = deps.audit.rowOf({
    principal: principalOf(site),
    action: 'E',
    interaction: 'job/scrub',
    outcome: findings.damage === undefined ? '0' : '8',
    ...(findings.damage !== undefined && { outcomeDesc: 'damaged' }),
    entities: [`urn:oid:${studyInstanceUid}`],
  });
  const commit = { site, packs: [checked], documents: [{ expected, row: document }], audit: [audit] };
  await deps.ledger.commit(commit).catch(passOverConflict);
}

function reportOf(findings: PackFindings, row: PackRow, known: DamageReport | undefined): DamageReport {
  const { pack, studyInstanceUid, checkedAt = '' } = row;
  const { damage, instances, chunks } = findings;
  if (damage !== undefined) {
    const foundAt = known && known.repairedAt === undefined ? known.foundAt : checkedAt;
    return { pack, studyInstanceUid, foundAt, damage, instances, chunks };
  }
  const before = known ?? { pack, studyInstanceUid, foundAt: checkedAt, damage: row.damage ?? '', instances, chunks };
  return { ...before, repairedAt: checkedAt };
}
