import { mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { NeuroInsightError } from '../domain/errors.ts';

/** One file of a result; `name` may hold folders, with forward slashes. */
export interface ResultFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The file whose arrival says that the others are whole: written first elsewhere, moved last. */
const COMMIT_MARK = 'measurements.json';

/**
 * Writes all files of a result, or none: everything is written and synced in a hidden folder beside the target, then
 * moved in, `measurements.json` last. Files of the target that are not ours stay.
 * Throws output-exists when the target is a file.
 */
export async function writeResultFolder(target: string, files: readonly ResultFile[]): Promise<void> {
  const folder = resolve(target);
  const existing = await stat(folder).catch(() => undefined);
  if (existing && !existing.isDirectory()) {
    throw new NeuroInsightError('output-exists', 'the output path is a file; give a folder');
  }
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(join(dirname(folder), `.${basename(folder)}-partial-`));
  try {
    for (const file of files) await writeDurably(join(partial, file.name), file.bytes);
    await mkdir(folder, { recursive: true });
    const markLast = [...files].sort((a, b) => Number(a.name === COMMIT_MARK) - Number(b.name === COMMIT_MARK));
    for (const file of markLast) {
      const place = join(folder, file.name);
      await mkdir(dirname(place), { recursive: true });
      await rename(join(partial, file.name), place);
    }
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** When an equal run wrote here before, its date: an analysis repeated changes no byte. */
export async function dateOfEarlierRun(target: string, runKey: string): Promise<string | undefined> {
  try {
    const earlier: unknown = JSON.parse(await readFile(join(target, COMMIT_MARK), 'utf8'));
    if (typeof earlier !== 'object' || earlier === null) return undefined;
    const { runKey: key, createdAt } = earlier as Record<string, unknown>;
    return key === runKey && typeof createdAt === 'string' ? createdAt : undefined;
  } catch {
    return undefined;
  }
}
