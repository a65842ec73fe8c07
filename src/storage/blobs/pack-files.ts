import { type FileHandle, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';

/** A pack's name is made here and checked wherever one comes in: no row can point outside the folder. */
const PACK = /^[0-9a-f]{32}$/;

export const isPackName = (name: string): boolean => PACK.test(name);

export function requirePackName(pack: string): void {
  if (!isPackName(pack)) throw new NeuroInsightError('not-found', 'there is no such pack');
}

/** Packs lie in folders by the first two digits of their names. @throws not-found for what is no name of a pack. */
export function packFolder(root: string, pack: string): string {
  requirePackName(pack);
  return join(root, pack.slice(0, 2));
}

export function packPath(root: string, pack: string): string {
  return join(packFolder(root, pack), `${pack}.pack`);
}

export async function* packsIn(root: string): AsyncGenerator<string> {
  for await (const folder of await opendir(root)) {
    if (!folder.isDirectory()) continue;
    for await (const { name } of await opendir(join(root, folder.name))) {
      const pack = name.replace(/\.pack$/, '');
      if (name.endsWith('.pack') && isPackName(pack)) yield pack;
    }
  }
}

/** Writes all of the pieces at `position`. @returns the position behind them. */
export async function writeWhole(handle: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<number> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  let { bytesWritten: done } = await handle.writev(pieces, position);
  // A disk that is nearly full takes a part first, and refuses the rest.
  const rest = done < size ? Buffer.concat(pieces).subarray(done) : Buffer.alloc(0);
  for (let at = 0; at < rest.length; ) {
    const { bytesWritten } = await handle.write(rest, at, rest.length - at, position + done);
    at += bytesWritten;
    done += bytesWritten;
  }
  return position + size;
}

const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** storage-full for what the disk refuses for want of room; everything else as it is. */
export function translated(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return FULL.has(code)
    ? new NeuroInsightError('storage-full', 'the store has no room for more', { cause: error })
    : error;
}
