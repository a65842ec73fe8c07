interface Closable {
  close(): Promise<void>;
}

/** Open files of the packs that were read last: frames of one study are asked for by the hundred. */
export interface HandleCache<Handle extends Closable> {
  use<T>(pack: string, work: (handle: Handle) => Promise<T>): Promise<T>;
  /** Closes the file of a pack that is to be removed, when nobody reads it any more. */
  forget(pack: string): Promise<void>;
  /** Closes every file, each when nobody reads it any more. */
  close(): Promise<void>;
}

interface Entry<Handle> {
  readonly handle: Promise<Handle>;
  users: number;
  forgotten: boolean;
}

const KEPT = 64;

export function createHandleCache<Handle extends Closable>(
  openPack: (pack: string) => Promise<Handle>,
): HandleCache<Handle> {
  /** In the order of their last use. */
  const entries = new Map<string, Entry<Handle>>();
  const closeIfUnused = async (entry: Entry<Handle>): Promise<void> => {
    if (!entry.forgotten || entry.users > 0) return;
    await (await entry.handle.catch(() => undefined))?.close();
  };
  const drop = (pack: string, entry: Entry<Handle>): Promise<void> => {
    if (entries.get(pack) === entry) entries.delete(pack);
    if (entry.forgotten) return Promise.resolve();
    entry.forgotten = true;
    return closeIfUnused(entry);
  };
  const take = (pack: string): Entry<Handle> => {
    const known = entries.get(pack);
    const entry = known ?? { handle: openPack(pack), users: 0, forgotten: false };
    entries.delete(pack);
    entries.set(pack, entry);
    entry.users++;
    return entry;
  };
  const trim = async (): Promise<void> => {
    for (const [pack, entry] of entries) {
      if (entries.size <= KEPT) return;
      if (entry.users === 0) await drop(pack, entry);
    }
  };
  return {
    async use(pack, work) {
      const entry = take(pack);
      try {
        return await work(await entry.handle);
      } catch (error) {
        // A file that could not be opened, or is damaged, is opened anew the next time.
        void drop(pack, entry);
        throw error;
      } finally {
        entry.users--;
        await closeIfUnused(entry);
        await trim();
      }
    },
    async forget(pack) {
      const entry = entries.get(pack);
      if (entry) await drop(pack, entry);
    },
    async close() {
      await Promise.all([...entries].map(([pack, entry]) => drop(pack, entry)));
    },
  };
}
