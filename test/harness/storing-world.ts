import { createHash } from 'node:crypto';
import {
  createStoreService,
  DEFAULT_STORE_LIMITS,
  type StorePart,
  type StoreService,
} from '../../src/archive/store-instances.ts';
import type { StoreLimits } from '../../src/archive/store-limits.ts';
import type { DicomFile } from '../../src/dicom/file.ts';
import { NeuroInsightError } from '../../src/domain/errors.ts';
import type {
  Access,
  AuditRow,
  AuditTrail,
  BlobStore,
  Clock,
  Commit,
  DicomIndex,
  InstanceRow,
  Ledger,
  LogFields,
  PackWriter,
} from '../../src/ports/index.ts';

/** The ports that storing needs, in memory, with hooks for what may go wrong. */
export interface StoringWorld {
  readonly service: StoreService;
  readonly ledger: Ledger;
  readonly index: Pick<DicomIndex, 'findInstances' | 'isPackReferenced'>;
  readonly blobs: Pick<BlobStore, 'openPack'>;
  readonly clock: Clock;
  /** What is stored, by SOPInstanceUID. */
  readonly instances: ReadonlyMap<string, InstanceRow>;
  readonly commits: readonly Commit[];
  /** Packs that lie in the store, sealed or not. */
  readonly packs: ReadonlyMap<string, Pack>;
  readonly audited: readonly AuditRow[];
  readonly logged: readonly string[];
  /** Bytes of a stored instance. */
  bytesOf(sopInstanceUid: string): Buffer;
  metadataOf(sopInstanceUid: string): Buffer;
}

export interface Pack {
  readonly study: string;
  bytes: Buffer;
  sealed: boolean;
}

export interface StoringOptions {
  readonly limits?: Partial<StoreLimits>;
  readonly isResult?: (file: DicomFile) => boolean;
  /** Bytes that fit on the disk. */
  readonly diskBytes?: number;
  /** Called before a commit is applied: what it throws is the commit's answer. */
  readonly beforeCommit?: (commit: Commit, world: StoringWorld) => Promise<void>;
  /** Called after a commit was applied: what it throws hides that it came about. */
  readonly afterCommit?: (commit: Commit) => void;
}

const conflict = () => new NeuroInsightError('conflict', 'another instance is stored');

export function storingWorld(options: StoringOptions = {}): StoringWorld {
  const instances = new Map<string, InstanceRow>();
  const commits: Commit[] = [];
  const audited: AuditRow[] = [];
  const logged: string[] = [];
  const packs = new Map<string, Pack>();
  const ledger: Ledger = {
    commit: async (commit) => {
      await options.beforeCommit?.(commit, world);
      const rows = commit.instances ?? [];
      if (rows.some((row) => isOther(instances.get(row.sopInstanceUid), row))) throw conflict();
      if (rows.some((row) => !packs.get(row.blob.pack)?.sealed)) throw new Error('a row points into an open pack');
      const stored = new Set((commit.packs ?? []).map(({ pack }) => pack));
      if (rows.some((row) => !stored.has(row.blob.pack))) throw new Error('a row points into a pack without a row');
      for (const row of rows) if (!instances.has(row.sopInstanceUid)) instances.set(row.sopInstanceUid, row);
      commits.push(commit);
      audited.push(...(commit.audit ?? []));
      options.afterCommit?.(commit);
      return { sequence: commits.length };
    },
  };
  const index: StoringWorld['index'] = {
    findInstances: async (_site, uids) => uids.flatMap((uid) => instances.get(uid) ?? []),
    isPackReferenced: async (pack) => [...instances.values()].some((row) => row.blob.pack === pack),
  };
  const blobs = { openPack: async (_site: string, study: string) => openPack(packs, study, options.diskBytes) };
  const clock = { now: () => new Date('2026-11-24T12:00:00Z') };
  const stored = (place: 'blob' | 'metadata') => (uid: string) => {
    const { pack, offset, length } = instances.get(uid)![place];
    return packs.get(pack)!.bytes.subarray(offset, offset + length);
  };
  const service = createStoreService({
    ledger,
    index,
    blobs,
    clock,
    audit: auditTrail(audited),
    limits: { ...DEFAULT_STORE_LIMITS, ...options.limits },
    isResult: options.isResult ?? (() => false),
    log: { error: (message: string, fields?: LogFields) => logged.push(`${message}: ${String(fields?.error)}`) },
  });
  const world: StoringWorld = {
    service,
    ledger,
    index,
    blobs,
    clock,
    instances,
    commits,
    packs,
    audited,
    logged,
    bytesOf: stored('blob'),
    metadataOf: stored('metadata'),
  };
  return world;
}

function isOther(known: InstanceRow | undefined, row: InstanceRow): boolean {
  return known !== undefined && known.receivedSha256 !== row.receivedSha256;
}

function openPack(packs: Map<string, Pack>, study: string, diskBytes = Number.POSITIVE_INFINITY): PackWriter {
  const name = `pack-${packs.size + 1}-${study}`;
  const pack: Pack = { study, bytes: Buffer.alloc(0), sealed: false };
  packs.set(name, pack);
  return {
    append: async (bytes) => {
      await new Promise((resolve) => setImmediate(resolve));
      const used = [...packs.values()].reduce((sum, one) => sum + one.bytes.length, 0);
      if (used + bytes.length > diskBytes) throw new NeuroInsightError('storage-full', 'the disk is full');
      const offset = pack.bytes.length;
      pack.bytes = Buffer.concat([pack.bytes, bytes]);
      return { pack: name, offset, length: bytes.length };
    },
    seal: async () => {
      pack.sealed = true;
      const [bytes, sha256] = [pack.bytes.length, createHash('sha256').update(pack.bytes).digest('hex')];
      const sealedAt = '2026-11-24T12:00:00.000Z';
      return {
        row: { pack: name, studyInstanceUid: study, bytes, sha256, sealedAt, tier: 'online' },
        studyKey: { studyInstanceUid: study, createdAt: sealedAt, kekId: 'kek', wrapped: study },
      };
    },
    discard: async () => {
      packs.delete(name);
    },
  };
}

function auditTrail(audited: AuditRow[]): AuditTrail {
  const rowOf = ({ principal, action, interaction, outcome = '0', ...rest }: Access): AuditRow => ({
    id: `audit-${audited.length}`,
    recorded: '2026-11-24T12:00:00Z',
    action,
    interaction,
    outcome,
    outcomeDesc: rest.outcomeDesc,
    agent: { kind: principal.kind, id: principal.id, name: principal.name, address: principal.address },
    patients: rest.patients ?? [],
    entities: rest.entities ?? [],
    query: rest.query,
    traceId: '0'.repeat(32),
  });
  return {
    rowOf,
    record: async (access) => {
      audited.push(rowOf(access));
    },
  };
}

export async function* partsFrom(parts: readonly StorePart[]): AsyncGenerator<StorePart> {
  yield* parts;
}
