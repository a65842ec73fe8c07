import { timingSafeEqual } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock, KeyRing, PackReader, StudyKeyRow } from '../../ports/index.ts';

export interface StudyKeysDeps {
  readonly keyRing: KeyRing;
  readonly packs: Pick<PackReader, 'studyKey'>;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
}

/** The key of a study while a pack of it is being written. */
export interface HeldStudyKey {
  readonly key: Uint8Array;
  /**
   * The row that the commit must hold; undefined: it is stored already.
   * @throws conflict when the study was erased meanwhile, or got another key.
   */
  row(): Promise<StudyKeyRow | undefined>;
  release(): void;
}

/** Keys of studies, unwrapped, some in memory. Packs of a new study that are written at once agree on one key. */
export interface StudyKeys {
  /** For writing: a study without a key gets one. */
  hold(site: string, studyInstanceUid: string): Promise<HeldStudyKey>;
  /** For reading. @throws gone for a study that has no key. */
  get(site: string, studyInstanceUid: string): Promise<Uint8Array>;
  /** After the row of a study's key was deleted. What is being written for it is refused at its seal. */
  forget(site: string, studyInstanceUid: string): Promise<void>;
}

interface Entry {
  readonly key: Uint8Array;
  row: StudyKeyRow;
  stored: boolean;
  writers: number;
  usedAt: number;
  erased: boolean;
}

const MOST_KEYS = 4096;
/** A new key is kept for so long after its last use: the commit with its row may still be on its way. */
const PENDING_MILLISECONDS = 3_600_000;

const contextOf = (site: string, studyInstanceUid: string): string => `study/${site}/${studyInstanceUid}`;

export function createStudyKeys({ keyRing, packs, clock, random }: StudyKeysDeps): StudyKeys {
  /** In the order of their first use. */
  const entries = new Map<string, Promise<Entry>>();
  const now = (): number => clock.now().getTime();
  const entryOf = (row: StudyKeyRow, key: Uint8Array, stored: boolean): Entry => ({
    key,
    row,
    stored,
    writers: 0,
    usedAt: now(),
    erased: false,
  });
  const remember = (context: string, loading: Promise<Entry>): Promise<Entry> => {
    entries.set(context, loading);
    loading.catch(() => {
      if (entries.get(context) === loading) entries.delete(context);
    });
    if (entries.size > MOST_KEYS) void trim(entries, now());
    return loading;
  };
  const load = async (site: string, studyInstanceUid: string, isNew: boolean): Promise<Entry> => {
    const context = contextOf(site, studyInstanceUid);
    const stored = await packs.studyKey(site, studyInstanceUid);
    if (stored) return entryOf(stored, keyRing.unwrap(stored, context), true);
    if (!isNew) throw new NeuroInsightError('gone', 'the study was erased');
    const key = random(32);
    const createdAt = clock.now().toISOString();
    return entryOf({ studyInstanceUid, createdAt, ...keyRing.wrap(key, context) }, key, false);
  };
  /** Finds out whether a new key has been stored meanwhile; false: it has lost to another one. */
  const settle = async (site: string, studyInstanceUid: string, entry: Entry): Promise<boolean> => {
    if (entry.erased) return false;
    if (entry.stored) return true;
    const context = contextOf(site, studyInstanceUid);
    const stored = await packs.studyKey(site, studyInstanceUid);
    if (entry.erased) return false;
    if (!stored) {
      // A key under a KEK that is about to be retired would be lost with it.
      if (entry.row.kekId !== keyRing.currentKekId) {
        entry.row = { ...entry.row, ...keyRing.wrap(entry.key, context) };
      }
      return true;
    }
    entry.stored = timingSafeEqual(keyRing.unwrap(stored, context), entry.key);
    entry.erased = !entry.stored;
    return entry.stored;
  };
  const held = (site: string, studyInstanceUid: string, entry: Entry): HeldStudyKey => {
    entry.writers++;
    let isHeld = true;
    return {
      key: entry.key,
      async row() {
        if (!(await settle(site, studyInstanceUid, entry))) {
          throw new NeuroInsightError('conflict', 'the study was erased while instances of it were being stored');
        }
        return entry.stored ? undefined : entry.row;
      },
      release() {
        if (isHeld) entry.writers--;
        isHeld = false;
      },
    };
  };
  return {
    async hold(site, studyInstanceUid) {
      const context = contextOf(site, studyInstanceUid);
      for (;;) {
        const loading = entries.get(context) ?? remember(context, load(site, studyInstanceUid, true));
        // A reader may have begun to look for a key that was not there.
        const entry = await loading.catch(passOverGone);
        if (entry) entry.usedAt = now();
        if (entry && (await settle(site, studyInstanceUid, entry))) return held(site, studyInstanceUid, entry);
        if (entries.get(context) === loading) entries.delete(context);
      }
    },
    async get(site, studyInstanceUid) {
      const context = contextOf(site, studyInstanceUid);
      const known = entries.get(context) ?? remember(context, load(site, studyInstanceUid, false));
      return (await known).key;
    },
    async forget(site, studyInstanceUid) {
      const context = contextOf(site, studyInstanceUid);
      const entry = entries.get(context);
      entries.delete(context);
      const known = await entry?.catch(() => undefined);
      if (known) known.erased = true;
    },
  };
}

function passOverGone(error: unknown): undefined {
  if (!(error instanceof NeuroInsightError) || error.kind !== 'gone') throw error;
}

async function trim(entries: Map<string, Promise<Entry>>, now: number): Promise<void> {
  for (const [context, loading] of entries) {
    if (entries.size <= MOST_KEYS) return;
    const entry = await loading.catch(() => undefined);
    const isPending = entry && !entry.stored && now - entry.usedAt < PENDING_MILLISECONDS;
    if (entry && (entry.writers > 0 || isPending)) continue;
    if (entries.get(context) === loading) entries.delete(context);
  }
}
