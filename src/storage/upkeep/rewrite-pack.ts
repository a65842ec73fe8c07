import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, Commit, PackWriter, SealedPack, SitedPack } from '../../ports/index.ts';
import type { CompactionDeps } from './compaction.ts';
import type { Stretch, Tenants } from './pack-tenants.ts';

const SLICE_BYTES = 4 * 2 ** 20;

/**
 * Copies what is alive into a new pack of the same study and moves every row in one commit; a row that has changed
 * meanwhile refuses it. @returns false when the signal was raised: then nothing has changed.
 */
export async function rewritePack(
  { blobs, ledger }: Pick<CompactionDeps, 'blobs' | 'ledger'>,
  { site, row }: SitedPack,
  tenants: Tenants,
  signal: AbortSignal,
): Promise<boolean> {
  const writer = await blobs.openPack(site, row.studyInstanceUid);
  try {
    const moves = await copy(blobs, writer, row.pack, tenants.stretches, signal);
    if (!moves) {
      await writer.discard();
      return false;
    }
    const sealed = await writer.seal();
    await ledger.commit(moveOf(site, row.pack, tenants, moves, sealed));
    return true;
  } catch (error) {
    // Only a foreseen error says for sure that no row points there; otherwise the sweep decides.
    if (error instanceof NeuroInsightError) await writer.discard().catch(() => undefined);
    throw error;
  }
}

/** A stretch with the place where it begins now. */
interface Move extends Stretch {
  readonly to: BlobLocation;
}

async function copy(
  blobs: Pick<CompactionDeps['blobs'], 'read'>,
  writer: PackWriter,
  pack: string,
  stretches: readonly Stretch[],
  signal: AbortSignal,
): Promise<readonly Move[] | undefined> {
  const moves: Move[] = [];
  for (const stretch of stretches) {
    let to: BlobLocation | undefined;
    // An empty stretch has a place too.
    for (let start = stretch.start; start < stretch.end || to === undefined; start += SLICE_BYTES) {
      if (signal.aborted) return undefined;
      const length = Math.min(SLICE_BYTES, stretch.end - start);
      const written = await writer.append(await blobs.read({ pack, offset: start, length }));
      to ??= written;
    }
    moves.push({ ...stretch, to });
  }
  return moves;
}

function moveOf(
  site: string,
  pack: string,
  { instances, runs, outbox }: Tenants,
  moves: readonly Move[],
  { row, studyKey }: SealedPack,
): Commit {
  const moved = (location: BlobLocation): BlobLocation => {
    if (location.pack !== pack) return location;
    const { to, start } = moves.find(
      (move) =>
        move.start <= location.offset && location.offset <= move.end && location.offset + location.length <= move.end,
    )!;
    return { pack: to.pack, offset: to.offset + location.offset - start, length: location.length };
  };
  return {
    site,
    packs: [row],
    studyKeys: studyKey ? [studyKey] : [],
    relocations: instances.map(({ sopInstanceUid, blob, metadata }) => ({
      sopInstanceUid,
      fromPack: blob.pack,
      blob: moved(blob),
      metadata: moved(metadata),
    })),
    runs: runs.map((run) => ({
      expected: run.version,
      row: {
        ...run,
        version: run.version + 1,
        files: Object.fromEntries(Object.entries(run.files).map(([name, file]) => [name, moved(file)])),
      },
    })),
    outbox: outbox.map((delivery) => {
      const { payload, version } = delivery;
      const bundle = payload.kind === 'fhir' ? { ...payload, bundle: moved(payload.bundle) } : payload;
      return { expected: version, row: { ...delivery, version: version + 1, payload: bundle } };
    }),
  };
}
