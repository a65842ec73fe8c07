import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BackupDatabase, ObjectRef } from './manifest.ts';
import type { Repository } from './repository.ts';

/** A page that changes drags its block along; smaller blocks make longer lists. */
const BLOCK_BYTES = 2 ** 16;
/** New blocks gather in objects of this size: one sync for many of them. */
const OBJECT_BYTES = 2 ** 23;
/** Blocks of an object are used again while so much of it is in use; else they are written anew, so that it can go. */
const WORTH_KEEPING = 0.5;

export interface DatabaseCopy {
  readonly database: BackupDatabase;
  readonly addedBytes: number;
}

interface Place {
  readonly object: ObjectRef;
  readonly offset: number;
}

export interface CopyOptions {
  readonly repository: Repository;
  /** The copy before this one: equal blocks are not copied again. */
  readonly previous: BackupDatabase | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Copies a file that does not change meanwhile, but for the blocks that are in the repository. @throws cancelled */
export async function copyDatabase(file: string, path: string, options: CopyOptions): Promise<DatabaseCopy> {
  const { repository, signal } = options;
  const known = await placesOf(repository, options.previous);
  const whole = createHash('sha256');
  const blocks: { readonly sha256: string; place: Place | undefined }[] = [];
  const objects = new Map<string, ObjectRef>();
  let addedBytes = 0;
  let waiting: { readonly bytes: Buffer; readonly sha256: string }[] = [];

  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const { sha256, bytes, added } = await repository.putBytes(Buffer.concat(waiting.map((block) => block.bytes)));
    if (added) addedBytes += bytes;
    let offset = 0;
    for (const block of waiting) {
      known.set(block.sha256, { object: { sha256, bytes }, offset });
      offset += block.bytes.length;
    }
    waiting = [];
  };
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    for (let done = 0; done < size; done += BLOCK_BYTES) {
      if (signal.aborted) throw new NeuroInsightError('cancelled', 'the backup was cancelled');
      const block = await readBlock(handle, done, Math.min(BLOCK_BYTES, size - done));
      whole.update(block);
      const sha256 = createHash('sha256').update(block).digest('base64url');
      blocks.push({ sha256, place: undefined });
      if (!known.has(sha256)) waiting.push({ bytes: block, sha256 });
      if (waiting.length >= OBJECT_BYTES / BLOCK_BYTES) await flush();
      options.onProgress(done + block.length, size);
    }
    await flush();
    for (const block of blocks) {
      block.place = known.get(block.sha256)!;
      objects.set(block.place.object.sha256, block.place.object);
    }
    const used = [...objects.values()];
    const numberOf = new Map(used.map(({ sha256 }, index) => [sha256, index]));
    const database: BackupDatabase = {
      path,
      sha256: whole.digest('hex'),
      bytes: size,
      blockBytes: BLOCK_BYTES,
      objects: used,
      blocks: blocks.map(({ sha256, place }) => [sha256, numberOf.get(place!.object.sha256)!, place!.offset]),
    };
    return { database, addedBytes };
  } finally {
    await handle.close();
  }
}

async function readBlock(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const block = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(block, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('the database file became shorter while its state was held');
    done += bytesRead;
  }
  return block;
}

/** Blocks that can be used again: of objects that are there and of which enough is in use. */
async function placesOf(repository: Repository, previous: BackupDatabase | undefined): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  if (previous?.blockBytes !== BLOCK_BYTES) return places;
  const used = previous.objects.map(() => 0);
  for (const [, object] of previous.blocks) used[object]! += BLOCK_BYTES;
  const usable: boolean[] = [];
  for (const [index, object] of previous.objects.entries()) {
    usable.push(used[index]! >= WORTH_KEEPING * object.bytes && (await repository.has(object)));
  }
  for (const [sha256, index, offset] of previous.blocks) {
    if (usable[index]) places.set(sha256, { object: previous.objects[index]!, offset });
  }
  return places;
}

/**
 * Puts the file together again, object by object, then reads it whole.
 *
 * @throws damaged when an object is not what was written, or the file not the one that was copied.
 */
export async function rebuildDatabase(repository: Repository, database: BackupDatabase, file: string): Promise<void> {
  const targets = database.objects.map((): [offset: number, target: number, length: number][] => []);
  for (const [index, [, object, offset]] of database.blocks.entries()) {
    const target = index * database.blockBytes;
    targets[object]?.push([offset, target, Math.min(database.blockBytes, database.bytes - target)]);
  }
  const handle = await open(file, 'wx+', 0o600);
  try {
    for (const [index, object] of database.objects.entries()) {
      const bytes = await repository.readWhole(object);
      for (const [offset, target, length] of targets[index]!) {
        if (!(offset >= 0 && offset + length <= bytes.length)) throw notTheOne();
        await handle.write(bytes, offset, length, target);
      }
    }
    await handle.sync();
    await requireWhole(handle, database);
  } finally {
    await handle.close();
  }
}

async function requireWhole(handle: FileHandle, database: BackupDatabase): Promise<void> {
  const { size } = await handle.stat();
  const whole = createHash('sha256');
  for (let done = 0; done < size; done += BLOCK_BYTES) {
    whole.update(await readBlock(handle, done, Math.min(BLOCK_BYTES, size - done)));
  }
  if (size !== database.bytes || whole.digest('hex') !== database.sha256) {
    throw notTheOne();
  }
}

const notTheOne = (): NeuroInsightError =>
  new NeuroInsightError('damaged', 'the database of the backup is not the one that was copied');
