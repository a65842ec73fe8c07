import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import { makePrivateFolder, syncFolder } from '../durable-files.ts';
import { type ObjectRef, SNAPSHOT_NAME } from './manifest.ts';

/** A folder with copies: objects by their sha256, and a manifest for each snapshot. Everything in it is ciphertext. */
export interface Repository {
  readonly folder: string;
  /** Whether the object is there with all its bytes; what they are is seen when it is read. */
  has(object: ObjectRef): Promise<boolean>;
  /** Copies a file; the bytes as they are now decide on the name. */
  putFile(path: string, signal?: AbortSignal): Promise<ObjectRef & { readonly added: boolean }>;
  putBytes(bytes: Uint8Array): Promise<ObjectRef & { readonly added: boolean }>;
  /** The bytes of an object piece by piece, ended by an error when they are not the named ones. @throws damaged */
  read(object: ObjectRef): AsyncGenerator<Buffer>;
  /** The whole of a small object. @throws damaged */
  readWhole(object: ObjectRef): Promise<Buffer>;
  /** Names of snapshots, oldest first. */
  snapshots(): Promise<readonly string[]>;
  readSnapshot(name: string): Promise<string>;
  /** Makes all objects durable and then the manifest: a snapshot that is there is whole. */
  putSnapshot(name: string, text: string): Promise<void>;
  removeSnapshot(name: string): Promise<void>;
  objects(): AsyncGenerator<string>;
  /** @returns bytes that became free. */
  removeObject(sha256: string): Promise<number>;
  /** The erasure list that lies beside the snapshots. */
  readErasures(): Promise<Buffer | undefined>;
  putErasures(bytes: Uint8Array): Promise<void>;
}

const PIECE_BYTES = 2 ** 20;
const OBJECT = /^[0-9a-f]{64}$/;

/**
 * @param use `read` changes nothing in the folder; `write` makes it, and may be done by one process at a time, see
 *   `lockFolder`.
 * @throws not-found when there is nothing to read; invalid-configuration when the folder cannot be made or written.
 */
export async function openRepository(folder: string, use: 'read' | 'write'): Promise<Repository> {
  const objects = join(folder, 'objects');
  const snapshots = join(folder, 'snapshots');
  const unfinished = join(folder, 'unfinished');
  if (use === 'write') await prepare([folder, objects, snapshots], unfinished);
  else if (!existsSync(snapshots)) throw new NeuroInsightError('not-found', 'there is no backup in the folder');
  const pathOf = (sha256: string): string => join(objects, sha256.slice(0, 2), sha256);
  const snapshotPath = (name: string): string => {
    if (!SNAPSHOT_NAME.test(name)) throw new NeuroInsightError('not-found', 'there is no such snapshot');
    return join(snapshots, `${name}.json`);
  };
  const has = ({ sha256, bytes }: ObjectRef): Promise<boolean> =>
    stat(pathOf(sha256)).then(
      ({ size }) => size === bytes,
      () => false,
    );
  /** Writes aside what `write` gives, then names it. */
  const put = async (write: (to: FileHandle) => Promise<ObjectRef>) => {
    const aside = join(unfinished, randomBytes(8).toString('hex'));
    try {
      const object = await writeFileWhole(aside, write);
      const added = !(await has(object));
      if (added) {
        await mkdir(join(objects, object.sha256.slice(0, 2)), { recursive: true, mode: 0o700 });
        await rename(aside, pathOf(object.sha256));
      }
      return { ...object, added };
    } finally {
      await rm(aside, { force: true });
    }
  };
  const putNamed = async (path: string, bytes: Uint8Array | string): Promise<void> => {
    const aside = join(unfinished, randomBytes(8).toString('hex'));
    await writeFileWhole(aside, (to) => to.writeFile(bytes));
    await rename(aside, path);
    await syncFolder(join(path, '..'));
  };
  return {
    folder,
    has,
    putFile: (path, signal) => put((to) => copyInto(path, to, signal)),
    async putBytes(bytes) {
      const object = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
      if (await has(object)) return { ...object, added: false };
      return put(async (to) => {
        await to.writeFile(bytes);
        return object;
      });
    },
    read: (object) => piecesOf(pathOf(object.sha256), object),
    async readWhole(object) {
      const pieces: Buffer[] = [];
      for await (const piece of piecesOf(pathOf(object.sha256), object)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    async snapshots() {
      const names = (await readdir(snapshots)).filter((name) => name.endsWith('.json'));
      return names
        .map((name) => name.slice(0, -'.json'.length))
        .filter((name) => SNAPSHOT_NAME.test(name))
        .sort();
    },
    readSnapshot: (name) =>
      readFile(snapshotPath(name), 'utf8').catch((cause) => {
        throw new NeuroInsightError('not-found', 'there is no such snapshot', { cause });
      }),
    async putSnapshot(name, text) {
      // Also those that an interrupted backup has named: whether their names were made durable is not known.
      for (const prefix of await readdir(objects)) await syncFolder(join(objects, prefix));
      await syncFolder(objects);
      await putNamed(snapshotPath(name), text);
    },
    async removeSnapshot(name) {
      await rm(snapshotPath(name), { force: true });
      await syncFolder(snapshots);
    },
    async *objects() {
      for (const prefix of await readdir(objects)) {
        for (const name of await readdir(join(objects, prefix))) if (OBJECT.test(name)) yield name;
      }
    },
    async removeObject(sha256) {
      const { size } = await stat(pathOf(sha256));
      await rm(pathOf(sha256));
      return size;
    },
    readErasures: () =>
      readFile(join(folder, 'erasures.json')).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    putErasures: (bytes) => putNamed(join(folder, 'erasures.json'), bytes),
  };
}

async function prepare(folders: readonly string[], unfinished: string): Promise<void> {
  try {
    for (const folder of folders) makePrivateFolder(folder);
    // What was being written when somebody pulled the plug.
    await rm(unfinished, { recursive: true, force: true });
    makePrivateFolder(unfinished);
    for (const folder of folders) await syncFolder(folder);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `the folder of the backups can be neither read nor written (${code})`;
    throw new NeuroInsightError('invalid-configuration', message, { cause });
  }
}

async function copyInto(path: string, to: FileHandle, signal: AbortSignal | undefined): Promise<ObjectRef> {
  const hash = createHash('sha256');
  let bytes = 0;
  const from = await open(path, 'r');
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (;;) {
      if (signal?.aborted) throw new NeuroInsightError('cancelled', 'the backup was cancelled');
      const { bytesRead } = await from.read(piece, 0, piece.length, bytes);
      if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(piece.subarray(0, bytesRead));
      await writeAll(to, piece.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await from.close();
  }
}

async function writeAll(to: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await to.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}

/** Private, and durable when it resolves; its name is not yet. @throws storage-full */
export async function writeFileWhole<T>(path: string, write: (to: FileHandle) => Promise<T>): Promise<T> {
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      const result = await write(handle);
      await handle.datasync();
      return result;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (!['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String((cause as NodeJS.ErrnoException).code))) throw cause;
    throw new NeuroInsightError('storage-full', 'the disk of the backup is full', { cause });
  }
}

async function* piecesOf(path: string, object: ObjectRef): AsyncGenerator<Buffer> {
  const handle = await open(path, 'r').catch((cause) => {
    throw notOurs('missing', object, cause);
  });
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, Math.max(1, object.bytes - bytes + 1)));
      const { bytesRead } = await handle.read(piece, 0, piece.length, bytes);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
      if (bytes > object.bytes) throw notOurs('too long', object);
      yield piece.subarray(0, bytesRead);
    }
    if (bytes < object.bytes) throw notOurs('truncated', object);
    if (hash.digest('hex') !== object.sha256) throw notOurs('not what was written', object);
  } finally {
    await handle.close();
  }
}

/** The first digits of its name are enough to find it. */
function notOurs(what: string, { sha256 }: ObjectRef, cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('damaged', `object ${sha256.slice(0, 12)} of the backup is ${what}`, { cause });
}
