import { NeuroInsightError } from '../domain/errors.ts';
import type {
  BlobLocation,
  BlobStore,
  Commit,
  DicomIndex,
  InstanceRow,
  Ledger,
  PackWriter,
  SealedPack,
} from '../ports/index.ts';
import type { PreparedInstance } from './prepare-instance.ts';

interface OpenPack {
  readonly writer: PackWriter;
  /** Known with the first location. */
  name: string | undefined;
  sealed: SealedPack | undefined;
}

/** What a commit must hold beside the rows that point into sealed packs. */
export type SealedPacks = Required<Pick<Commit, 'packs' | 'studyKeys'>>;

/** Who and when, the same for all instances of a request. */
export interface Origin {
  readonly receivedAt: string;
  readonly receivedFrom: string;
}

/** Copied together before they are written: each write costs a way to another thread and back. */
const GATHERED_BYTES = 4 * 2 ** 20;

async function appendTogether(pack: OpenPack, pieces: readonly Uint8Array[]): Promise<readonly BlobLocation[]> {
  const locations: BlobLocation[] = [];
  let gathered: Uint8Array[] = [];
  let size = 0;
  const write = async (): Promise<void> => {
    if (gathered.length === 0) return;
    const whole = await pack.writer.append(gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered, size));
    pack.name = whole.pack;
    let { offset } = whole;
    for (const { length } of gathered) {
      locations.push({ pack: whole.pack, offset, length });
      offset += length;
    }
    gathered = [];
    size = 0;
  };
  for (const piece of pieces) {
    if (size + piece.length > GATHERED_BYTES) await write();
    gathered.push(piece);
    size += piece.length;
  }
  await write();
  return locations;
}

/** The packs that one request writes, one a study. */
export class StudyPacks {
  readonly #blobs: Pick<BlobStore, 'openPack'>;
  readonly #index: Pick<DicomIndex, 'isPackReferenced'>;
  readonly #site: string;
  readonly #mostStudies: number;
  readonly #packs = new Map<string, OpenPack>();

  constructor(
    blobs: Pick<BlobStore, 'openPack'>,
    index: Pick<DicomIndex, 'isPackReferenced'>,
    site: string,
    mostStudies: number,
  ) {
    this.#blobs = blobs;
    this.#index = index;
    this.#site = site;
    this.#mostStudies = mostStudies;
  }

  /**
   * Writes some instances of one study: their bytes, then their metadata, so that either can be read in one go.
   * @throws storage-full; limit-exceeded for one study too many.
   */
  async append(
    studyInstanceUid: string,
    instances: readonly PreparedInstance[],
    origin: Origin,
  ): Promise<readonly InstanceRow[]> {
    const pack = await this.#packOf(studyInstanceUid);
    const pieces = [...instances.map(({ bytes }) => bytes), ...instances.map(({ metadata }) => metadata)];
    const locations = await appendTogether(pack, pieces);
    return instances.map(({ row }, i) => ({
      ...row,
      blob: locations[i]!,
      metadata: locations[instances.length + i]!,
      ...origin,
    }));
  }

  /** Writes bytes that are no instance into the study's pack: its rows keep them from the sweep. @throws storage-full. */
  async appendBytes(studyInstanceUid: string, bytes: Uint8Array): Promise<BlobLocation> {
    return (await this.#packOf(studyInstanceUid)).writer.append(bytes);
  }

  async #packOf(studyInstanceUid: string): Promise<OpenPack> {
    const open = this.#packs.get(studyInstanceUid);
    if (open) return open;
    if (this.#packs.size >= this.#mostStudies) {
      throw new NeuroInsightError('limit-exceeded', `a request of more than ${this.#mostStudies} studies`);
    }
    const writer = await this.#blobs.openPack(this.#site, studyInstanceUid);
    const pack: OpenPack = { writer, name: undefined, sealed: undefined };
    this.#packs.set(studyInstanceUid, pack);
    return pack;
  }

  /** Resolves after everything written survives a power cut. @throws storage-full. */
  async seal(): Promise<void> {
    const seal = async (pack: OpenPack): Promise<void> => {
      pack.sealed ??= await pack.writer.seal();
    };
    await Promise.all([...this.#packs.values()].map(seal));
  }

  /** After the seal: of the packs, those that `rows` point into. */
  sealed(rows: readonly InstanceRow[]): SealedPacks {
    const used = new Set(rows.map(({ blob }) => blob.pack));
    const sealed = [...this.#packs.values()]
      .flatMap((pack) => pack.sealed ?? [])
      .filter(({ row }) => used.has(row.pack));
    return { packs: sealed.map(({ row }) => row), studyKeys: sealed.flatMap(({ studyKey }) => studyKey ?? []) };
  }

  /**
   * Removes the packs that no row points to: after a request that failed, and after one whose instances were stored by
   * somebody else in the meantime. What cannot be removed now is left to the sweep at the next start.
   *
   * @param ledger where the packs' own rows are removed; absent: no commit came about that held them.
   * @returns the names of the packs that were found unreferenced.
   */
  async discardUnreferenced(ledger?: Ledger): Promise<ReadonlySet<string>> {
    const unreferenced = new Set<string>();
    for (const { writer, name, sealed } of this.#packs.values()) {
      try {
        // An error of the ledger may hide a commit that came about: only a look at the rows can tell.
        if (name !== undefined && (await this.#index.isPackReferenced(name))) continue;
        if (name !== undefined) unreferenced.add(name);
        if (sealed) await ledger?.commit({ site: this.#site, removals: { packs: [sealed.row.pack] } });
        await writer.discard();
      } catch {
        // The answer to the request does not depend on it.
      }
    }
    return unreferenced;
  }
}

/** Instances by study, in the order of their first. */
export function byStudy(instances: readonly PreparedInstance[]): ReadonlyMap<string, readonly PreparedInstance[]> {
  return Map.groupBy(instances, ({ row }) => row.studyInstanceUid);
}
