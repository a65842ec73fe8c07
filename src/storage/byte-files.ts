import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { NeuroInsightError } from '../domain/errors.ts';

/** A named run of bytes that is read when needed and kept by nobody. */
export interface ByteFile {
  readonly name: string;
  readonly size: number;
  read(): Promise<Uint8Array>;
}

/** Files of one input, and how to let go of it. */
export interface ByteFiles {
  readonly files: readonly ByteFile[];
  close(): Promise<void>;
}

/** What one input may cost: an adversary's archive must not fill the memory or the afternoon. */
export interface InputLimits {
  readonly files: number;
  readonly bytesPerFile: number;
  readonly bytesInAll: number;
}

export const DEFAULT_INPUT_LIMITS: InputLimits = {
  files: 50_000,
  bytesPerFile: 1024 ** 3,
  bytesInAll: 8 * 1024 ** 3,
};

function refuse(message: string): never {
  throw new NeuroInsightError('limit-exceeded', message);
}

function checkLimits(files: readonly ByteFile[], limits: InputLimits): void {
  if (files.length > limits.files) refuse(`more than ${limits.files} files`);
  const large = files.find((file) => file.size > limits.bytesPerFile);
  if (large) refuse(`${large.name} holds more than ${limits.bytesPerFile} bytes`);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > limits.bytesInAll) refuse(`the files hold more than ${limits.bytesInAll} bytes together`);
}

/** Opens a folder (links are not followed), a zip archive or a single file. */
export async function openByteFiles(path: string, limits: InputLimits = DEFAULT_INPUT_LIMITS): Promise<ByteFiles> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory()) return openFolder(path, limits);
  if (!stats?.isFile()) throw new NeuroInsightError('nothing-to-read', 'there is no file or folder at the given path');
  if (await startsWith(path, 'PK')) return openZip(path, limits);
  const file = { name: path.split(/[\\/]/).at(-1) ?? path, size: stats.size, read: () => readFile(path) };
  checkLimits([file], limits);
  return { files: [file], close: async () => {} };
}

async function startsWith(path: string, magic: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { buffer: head, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && head.toString('latin1') === magic;
  } finally {
    await handle.close();
  }
}

async function openFolder(root: string, limits: InputLimits): Promise<ByteFiles> {
  const files: ByteFile[] = [];
  const pending = [root];
  while (pending.length > 0) {
    const folder = pending.pop()!;
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) {
        files.push({ name: relative(root, path), size: (await lstat(path)).size, read: () => readFile(path) });
        if (files.length > limits.files) refuse(`more than ${limits.files} files`);
      }
    }
  }
  // Sorted so that the log and the first reason do not depend on the file system.
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  checkLimits(files, limits);
  return { files, close: async () => {} };
}

async function openZip(path: string, limits: InputLimits): Promise<ByteFiles> {
  const zip = await yauzl.openPromise(path, { autoClose: false, lazyEntries: true }).catch((cause) => {
    throw new NeuroInsightError('malformed-archive', 'the zip archive cannot be read', { cause });
  });
  try {
    const files: ByteFile[] = [];
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      if (files.length >= limits.files) refuse(`more than ${limits.files} files`);
      files.push({ name: entry.fileName, size: entry.uncompressedSize, read: () => readEntry(zip, entry) });
    }
    files.sort((a, b) => (a.name < b.name ? -1 : 1));
    checkLimits(files, limits);
    return { files, close: async () => zip.close() };
  } catch (error) {
    zip.close();
    if (error instanceof NeuroInsightError) throw error;
    throw new NeuroInsightError('malformed-archive', 'the zip archive is damaged', { cause: error });
  }
}

/** yauzl counts the inflated bytes against the declared size and stops a bomb that lies about it. */
async function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  try {
    return await buffer(await zip.openReadStreamPromise(entry));
  } catch (cause) {
    throw new NeuroInsightError('malformed-archive', `${entry.fileName} in the zip archive is damaged`, { cause });
  }
}
