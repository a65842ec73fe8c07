import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/index.ts';
import { lockFolder } from '../folder-lock.ts';
import type { DataKeys } from '../keys/data-keys.ts';
import { type BackupManifest, type ObjectRef, readManifest } from './manifest.ts';
import { openRepository, type Repository } from './repository.ts';
import { parseContents } from './restore.ts';
import { createSigner } from './signature.ts';

export interface VerifyReport {
  readonly snapshots: number;
  readonly objects: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface VerifyRequest {
  readonly repository: string;
  /** Absent: all. */
  readonly snapshot?: string;
  readonly keys: Pick<DataKeys, 'signingSeed'>;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Reads every byte of the snapshots again and holds it to the signed manifests.
 *
 * @throws damaged with the name of the first object or manifest that is not what was written; not-found, cancelled.
 */
export async function verifyBackup(request: VerifyRequest): Promise<VerifyReport> {
  const started = performance.now();
  const repository = await openRepository(request.repository, 'read');
  const names = request.snapshot === undefined ? await repository.snapshots() : [request.snapshot];
  if (names.length === 0) throw new NeuroInsightError('not-found', 'there is no snapshot in the repository');
  const objects = new Map<string, ObjectRef>();
  for (const name of names) {
    const manifest = await manifestOf(repository, name, request.keys);
    for (const object of await objectsOf(repository, manifest)) objects.set(object.sha256, object);
  }
  let bytes = 0;
  let done = 0;
  for (const object of objects.values()) {
    request.onProgress?.({ done: done++, total: objects.size });
    for await (const piece of repository.read(object)) {
      if (request.signal.aborted) throw new NeuroInsightError('cancelled', 'the check of the backup was cancelled');
      bytes += piece.length;
    }
  }
  return { snapshots: names.length, objects: objects.size, bytes, seconds: (performance.now() - started) / 1000 };
}

async function manifestOf(
  repository: Repository,
  name: string,
  { signingSeed }: Pick<DataKeys, 'signingSeed'>,
): Promise<BackupManifest> {
  const manifest = readManifest(await repository.readSnapshot(name), createSigner(signingSeed));
  if (manifest.snapshot !== name) throw new NeuroInsightError('damaged', 'the manifest is that of another snapshot');
  return manifest;
}

async function objectsOf(repository: Repository, manifest: BackupManifest): Promise<readonly ObjectRef[]> {
  const { database, files } = parseContents(await repository.readWhole(manifest.contents));
  return [manifest.contents, ...database.objects, ...files];
}

/** The manifests of all snapshots, oldest first. @throws damaged */
export async function listBackups(
  folder: string,
  keys: Pick<DataKeys, 'signingSeed'>,
): Promise<readonly BackupManifest[]> {
  const repository = await openRepository(folder, 'read');
  const manifests: BackupManifest[] = [];
  for (const name of await repository.snapshots()) manifests.push(await manifestOf(repository, name, keys));
  return manifests;
}

export interface PruneReport {
  readonly removedSnapshots: number;
  readonly removedObjects: number;
  readonly freedBytes: number;
}

/**
 * Removes all but the newest `keep` snapshots, then the objects that none of the others needs. Nothing is removed while
 * a manifest that stays cannot be read: then it is not known what it needs.
 *
 * @throws invalid-request for a `keep` below 1; damaged; in-use while a backup is being made.
 */
export async function pruneBackups(
  folder: string,
  keep: number,
  keys: Pick<DataKeys, 'signingSeed'>,
  clock: Clock,
): Promise<PruneReport> {
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new NeuroInsightError('invalid-request', 'at least one snapshot must be kept');
  }
  const lock = lockFolder(folder, 'prune', clock.now().toISOString());
  try {
    return await prune(await openRepository(folder, 'write'), keep, keys);
  } finally {
    lock.release();
  }
}

async function prune(repository: Repository, keep: number, keys: Pick<DataKeys, 'signingSeed'>): Promise<PruneReport> {
  const names = await repository.snapshots();
  const kept = names.slice(-keep);
  const needed = new Set<string>();
  for (const name of kept) {
    const manifest = await manifestOf(repository, name, keys);
    for (const { sha256 } of await objectsOf(repository, manifest)) needed.add(sha256);
  }
  const gone = names.slice(0, names.length - kept.length);
  for (const name of gone) await repository.removeSnapshot(name);
  let removedObjects = 0;
  let freedBytes = 0;
  for await (const sha256 of repository.objects()) {
    if (needed.has(sha256)) continue;
    freedBytes += await repository.removeObject(sha256);
    removedObjects++;
  }
  return { removedSnapshots: gone.length, removedObjects, freedBytes };
}
