import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { PRIVATE_FILE, PRIVATE_FOLDER, syncFolder } from '../durable-files.ts';
import { packFolder, packPath } from './pack-files.ts';

export interface SparePack {
  readonly pack: string;
  readonly handle: FileHandle;
}

/**
 * Empty files whose names are durable already: a request that takes one has only its content to sync. They are made in
 * the background, some in one folder, for one sync of it. What a crash leaves of them is an empty pack without a row,
 * which the sweep removes.
 */
export interface SparePacks {
  take(): Promise<SparePack>;
  has(pack: string): boolean;
  /** Removes those that nobody took. */
  close(): Promise<void>;
}

const BATCH = 16;
const FEW = 8;

export function createSparePacks(root: string): SparePacks {
  const ready: SparePack[] = [];
  const names = new Set<string>();
  /** Folders whose own names have been made durable by this process. */
  const durable = new Set<string>();
  let making: Promise<void> | undefined;
  const discard = async (spares: readonly SparePack[]): Promise<void> => {
    for (const { pack, handle } of spares) {
      await handle.close().catch(() => undefined);
      await rm(packPath(root, pack), { force: true }).catch(() => undefined);
      names.delete(pack);
    }
  };
  const makeSome = async (): Promise<void> => {
    const first = randomBytes(1).toString('hex');
    const folder = packFolder(root, first.padEnd(32, '0'));
    const made: SparePack[] = [];
    try {
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      for (let i = 0; i < BATCH; i++) {
        const pack = `${first}${randomBytes(15).toString('hex')}`;
        names.add(pack);
        made.push({ pack, handle: await open(packPath(root, pack), 'wx', PRIVATE_FILE) });
      }
      await syncFolder(folder);
      // Whoever made the folder may not have come to its sync yet, or never will.
      if (!durable.has(folder)) await syncFolder(root);
      durable.add(folder);
      ready.push(...made);
    } catch (error) {
      await discard(made);
      throw error;
    }
  };
  const make = (): Promise<void> => {
    making ??= makeSome().finally(() => {
      making = undefined;
    });
    return making;
  };
  return {
    async take() {
      while (ready.length === 0) await make();
      const spare = ready.shift()!;
      names.delete(spare.pack);
      // What fails here fails again, and is told, when a request waits for it.
      if (ready.length < FEW) make().catch(() => undefined);
      return spare;
    },
    has: (pack) => names.has(pack),
    async close() {
      await making?.catch(() => undefined);
      await discard(ready.splice(0));
    },
  };
}
