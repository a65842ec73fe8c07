import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Everything that is made here is for its owner alone. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;

/**
 * Makes a folder of mode 0700 with those above it. Step by step: where the system has no folder but refuses to make
 * one, as in /proc, Node's own way never ends. A folder that is there stays as it is.
 */
export function makePrivateFolder(path: string): void {
  if (existsSync(path)) return;
  makePrivateFolder(dirname(path));
  try {
    mkdirSync(path, { mode: PRIVATE_FOLDER });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** A new name in a folder survives a power cut only when the folder itself was synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The same at once, for what happens at the start only. */
export function syncFolderSync(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Replaces a small file, so that after a power cut the one or the other lies there whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const made = `${path}.new`;
  const handle = await open(made, 'w', PRIVATE_FILE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(made, path);
  await syncFolder(dirname(path));
}

/** The same at once. */
export function replaceFileSync(path: string, text: string): void {
  const made = `${path}.new`;
  writeFileSync(made, text, { mode: PRIVATE_FILE, flush: true });
  renameSync(made, path);
  syncFolderSync(dirname(path));
}
