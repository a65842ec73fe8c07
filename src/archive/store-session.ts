import type { DicomFile } from '../dicom/file.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { AuditTrail, BlobStore, Clock, DicomIndex, InstanceRow, Ledger, Log } from '../ports/index.ts';
import type { Inflations } from './inflations.ts';
import { type FailedInstance, failureOf, type PreparedInstance, prepareInstance, turn } from './prepare-instance.ts';
import type { StoreLimits } from './store-limits.ts';
import { byStudy, type Origin, type SealedPacks, StudyPacks } from './study-packs.ts';

export interface StoreDeps {
  readonly ledger: Ledger;
  readonly index: Pick<DicomIndex, 'findInstances' | 'isPackReferenced'>;
  readonly blobs: Pick<BlobStore, 'openPack'>;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly limits: StoreLimits;
  /** Tells the results of this software, which are never measured again. */
  readonly isResult: (file: DicomFile) => boolean;
  readonly log?: Pick<Log, 'error'>;
}

/** One Part 10 file, handed over, or why there is none. */
export type StorePart = Uint8Array | { readonly refused: NeuroInsightError };

export interface StoredInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** True where the same bytes were stored before. */
  readonly duplicate: boolean;
  /** Warning Reason (0008,1196), PS3.18 table I.2-1. */
  readonly warning?: number;
}

export interface StoreOutcome {
  readonly stored: readonly StoredInstance[];
  readonly failed: readonly FailedInstance[];
}

type Digests = Pick<InstanceRow, 'receivedSha256' | 'storedSha256'>;

const sameBytes = (a: Digests, b: Digests): boolean =>
  a.receivedSha256 === b.receivedSha256 || a.storedSha256 === b.storedSha256;

const otherBytes = () =>
  new NeuroInsightError('duplicate-instance', 'an instance with the same UID and other content is stored');

/** What one request has stored so far. Nothing of it is visible to anybody before `commit` resolves. */
export class StoreSession {
  readonly #deps: StoreDeps;
  readonly #inflations: Inflations;
  readonly #site: string;
  readonly #study: string | undefined;
  readonly #origin: Origin;
  readonly #packs: StudyPacks;
  /** By SOPInstanceUID: what this request has brought, and what of it is written and waits for the commit. */
  readonly #seen = new Map<string, Digests>();
  readonly #rows = new Map<string, InstanceRow>();
  readonly #stored = new Map<string, StoredInstance>();
  readonly #failed: FailedInstance[] = [];
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param inflations shared by all requests.
   * @param studyInstanceUid where every instance must belong to; undefined: anywhere.
   */
  constructor(
    deps: StoreDeps,
    inflations: Inflations,
    site: string,
    receivedFrom: string,
    studyInstanceUid: string | undefined,
  ) {
    this.#deps = deps;
    this.#inflations = inflations;
    this.#site = site;
    this.#study = studyInstanceUid;
    this.#origin = { receivedAt: deps.clock.now().toISOString(), receivedFrom };
    this.#packs = new StudyPacks(deps.blobs, deps.index, site, deps.limits.maxStudies);
  }

  get outcome(): StoreOutcome {
    return { stored: [...this.#stored.values()], failed: this.#failed };
  }

  /** Instances that wait for the commit. */
  get rows(): readonly InstanceRow[] {
    return [...this.#rows.values()];
  }

  /** After the seal: what the commit must hold beside the rows. */
  get sealed(): SealedPacks {
    return this.#packs.sealed(this.rows);
  }

  /** Takes some parts: reads them, looks them up together, begins to write those that are new. @throws storage-full. */
  async add(parts: readonly StorePart[]): Promise<void> {
    const fresh: PreparedInstance[] = [];
    for (const part of parts) {
      if ('refused' in part) this.#failed.push(failureOf(part.refused));
      else {
        const prepared = await this.#prepare(part);
        if (prepared && this.#isFirst(prepared)) fresh.push(prepared);
        await turn();
      }
    }
    const stored = await this.#lookUp(fresh.map(({ row }) => row.sopInstanceUid));
    // Written while the next parts arrive and are read; two groups are in memory at most.
    await this.#writing;
    this.#writing = this.#writeAll(fresh, stored);
    // An error is thrown where the promise is awaited next.
    this.#writing.catch(() => {});
    // What is large is gone from memory before more is asked for.
    if (fresh.some(({ bytes }) => bytes.length > this.#deps.limits.batchBytes)) await this.#writing;
  }

  async #writeAll(instances: readonly PreparedInstance[], stored: ReadonlyMap<string, InstanceRow>): Promise<void> {
    const missing = instances.filter(({ row }) => {
      const known = stored.get(row.sopInstanceUid);
      if (known) this.#settle(row, known);
      return !known;
    });
    for (const [study, group] of byStudy(missing)) await this.#write(study, group);
  }

  async #prepare(bytes: Uint8Array): Promise<PreparedInstance | undefined> {
    try {
      const prepared = await prepareInstance(bytes, this.#deps.isResult, this.#inflations);
      if (!('row' in prepared)) this.#failed.push(prepared);
      else if (this.#study === undefined || prepared.row.studyInstanceUid === this.#study) return prepared;
      else {
        const error = new NeuroInsightError('study-mismatch', 'the instance belongs to another study than the address');
        this.#failed.push(failureOf(error, prepared.row));
      }
    } catch (error) {
      // One instance that our code cannot take must not keep the others out.
      this.#deps.log?.error('an instance was refused by a defect', { error: error as Error });
      const message = 'the instance could not be processed';
      this.#failed.push({ failureReason: 0x0110, kind: 'malformed-dicom', message });
    }
    return undefined;
  }

  /** False for an instance that this request has brought already; with other bytes it is refused. */
  #isFirst({ row }: PreparedInstance): boolean {
    const earlier = this.#seen.get(row.sopInstanceUid);
    if (!earlier) {
      this.#seen.set(row.sopInstanceUid, row);
      return true;
    }
    if (!sameBytes(earlier, row)) {
      const error = new NeuroInsightError('duplicate-instance', 'the request holds another instance with the same UID');
      this.#failed.push(failureOf(error, row));
    }
    return false;
  }

  async #lookUp(uids: readonly string[]): Promise<ReadonlyMap<string, InstanceRow>> {
    if (uids.length === 0) return new Map();
    const found = await this.#deps.index.findInstances(this.#site, uids);
    return new Map(found.map((row) => [row.sopInstanceUid, row]));
  }

  /** An instance that is stored already: the same bytes are success, others are refused. */
  #settle(row: PreparedInstance['row'], known: InstanceRow): void {
    this.#rows.delete(row.sopInstanceUid);
    this.#stored.delete(row.sopInstanceUid);
    if (sameBytes(known, row)) this.#stored.set(row.sopInstanceUid, storedOf(row, true));
    else this.#failed.push(failureOf(otherBytes(), row));
  }

  async #write(study: string, instances: readonly PreparedInstance[]): Promise<void> {
    try {
      for (const row of await this.#packs.append(study, instances, this.#origin)) {
        this.#rows.set(row.sopInstanceUid, row);
        this.#stored.set(row.sopInstanceUid, storedOf(row, false));
      }
    } catch (error) {
      // One study too many is refused by itself; a full disk ends the request.
      if (!(error instanceof NeuroInsightError) || error.kind !== 'limit-exceeded') throw error;
      for (const { row } of instances) this.#failed.push(failureOf(error, row));
    }
  }

  /** Resolves after everything taken so far is written, and survives a power cut; to be awaited before the commit. */
  async seal(): Promise<void> {
    await this.#writing;
    if (this.#rows.size > 0) await this.#packs.seal();
  }

  /** After a commit refused with conflict: somebody else was faster. What is stored now is settled by its bytes. */
  async reconcile(): Promise<void> {
    const stored = await this.#lookUp([...this.#rows.keys()]);
    for (const row of this.rows) {
      const known = stored.get(row.sopInstanceUid);
      if (known) this.#settle(row, known);
    }
  }

  /**
   * Removes packs that no row points to. After a commit these belong to instances that somebody else stored with equal
   * bytes a moment before.
   *
   * @param committed whether the rows of the packs may have been written.
   */
  async tidy(committed: boolean): Promise<void> {
    await this.#writing.catch(() => {});
    const unreferenced = await this.#packs.discardUnreferenced(committed ? this.#deps.ledger : undefined);
    for (const row of this.rows) {
      if (unreferenced.has(row.blob.pack)) this.#stored.set(row.sopInstanceUid, storedOf(row, true));
    }
  }
}

function storedOf(row: PreparedInstance['row'], duplicate: boolean): StoredInstance {
  const { studyInstanceUid, seriesInstanceUid, sopClassUid, sopInstanceUid } = row;
  return { studyInstanceUid, seriesInstanceUid, sopClassUid, sopInstanceUid, duplicate };
}
