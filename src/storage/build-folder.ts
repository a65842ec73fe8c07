import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NeuroInsightError } from '../domain/errors.ts';
import { makePrivateFolder, syncFolder } from './durable-files.ts';

/** @throws output-exists when there is something in the folder. */
export async function requireEmptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length > 0) throw new NeuroInsightError('output-exists', 'the folder to be filled is not empty');
}

/**
 * Fills a folder that is empty or absent: what is built lies aside and gets the folder's name at the end, durable.
 * When building throws, nothing of it is left.
 *
 * @param purpose a part of the name of the folder aside.
 * @param build is given the folder aside; nothing may have a file of it open when it resolves.
 * @throws output-exists, and what building throws.
 */
export async function buildFolder<T>(
  folder: string,
  purpose: string,
  build: (aside: string) => Promise<T>,
): Promise<T> {
  await requireEmptyFolder(folder);
  makePrivateFolder(dirname(folder));
  const aside = `${folder}.${purpose}-${randomBytes(4).toString('hex')}`;
  await mkdir(aside, { mode: 0o700 });
  try {
    const built = await build(aside);
    await syncTree(aside);
    await rmdir(folder).catch(() => undefined);
    await rename(aside, folder);
    await syncFolder(dirname(folder));
    return built;
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(folder, entry.name));
  }
  await syncFolder(folder);
}
