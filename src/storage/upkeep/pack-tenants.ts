import type { BlobLocation, InstanceRow, OutboxRow, PackContents, RunRow, RunState } from '../../ports/index.ts';
import type { CompactionDeps } from './compaction.ts';

/** A stretch of a pack: [start, end) of its bytes before they were enciphered. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Everything that points into a pack, as it was when it was looked at, and what it points to. */
export interface Tenants {
  readonly instances: readonly InstanceRow[];
  readonly runs: readonly RunRow[];
  readonly outbox: readonly OutboxRow[];
  /** In order, apart from each other. */
  readonly stretches: readonly Stretch[];
  readonly liveBytes: number;
}

const ENDED: ReadonlySet<RunState> = new Set(['built', 'completed', 'refused', 'dead', 'cancelled']);

/**
 * The rows of a pack. Undefined where somebody is at work with one of them: a run that is not at its end, or a delivery
 * that waits, would lose its compare-and-set to the move.
 */
export async function readTenants(
  { dicom, runs, outbox }: Pick<CompactionDeps, 'dicom' | 'runs' | 'outbox'>,
  site: string,
  pack: string,
  contents: PackContents,
): Promise<Tenants | undefined> {
  const found = {
    instances: await dicom.findInstances(site, contents.instances),
    runs: await present(contents.runs, (id) => runs.get(site, id)),
    outbox: await present(contents.outbox, (id) => outbox.get(site, id)),
  };
  if (found.runs.some(({ state }) => !ENDED.has(state))) return undefined;
  if (found.outbox.some(({ state }) => state === 'pending')) return undefined;
  const locations = [
    ...found.instances.flatMap(({ blob, metadata }) => [blob, metadata]),
    ...found.runs.flatMap(({ files }) => Object.values(files)),
    ...found.outbox.flatMap(({ payload }) => (payload.kind === 'fhir' ? [payload.bundle] : [])),
  ];
  const stretches = joined(locations.filter((location) => location.pack === pack));
  return { ...found, stretches, liveBytes: stretches.reduce((sum, { start, end }) => sum + end - start, 0) };
}

async function present<Row>(ids: readonly string[], get: (id: string) => Promise<Row | undefined>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const id of ids) {
    const row = await get(id);
    if (row) rows.push(row);
  }
  return rows;
}

/** Stretches that touch or overlap become one: a delivery's bundle is a file of its run. */
function joined(locations: readonly BlobLocation[]): Stretch[] {
  const found: { start: number; end: number }[] = [];
  for (const { offset, length } of locations.toSorted((a, b) => a.offset - b.offset)) {
    const last = found.at(-1);
    if (last && offset <= last.end) last.end = Math.max(last.end, offset + length);
    else found.push({ start: offset, end: offset + length });
  }
  return found;
}
