import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/index.ts';
import { createSigner, type ManifestSigner } from '../backup/signature.ts';
import { type ChestEntry, entryOf, openEntry, readChest, requireWhole, writeChest } from './chest-file.ts';
import type { DataKeys } from './data-keys.ts';
import { type EscrowSplit, writeEscrow } from './escrow.ts';
import type { KekProvider } from './kek-providers/kek-provider.ts';
import { createKeyRing, type Kek, kekIdOf, type LiveKeyRing } from './key-ring.ts';

export interface KeyChestOptions {
  readonly dataDir: string;
  readonly kek: KekProvider;
  /** While a rotation lasts: the KEK before. */
  readonly previous?: KekProvider | undefined;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock: Clock;
  /** Keys that are not there are an error, and no rotation begins: a backup is being restored, or a folder looked at. */
  readonly makeNothing?: boolean;
}

/** One KEK that keys.json speaks of. */
export interface ChestKek {
  readonly id: string;
  readonly provider: string;
  /** FHIR instant. */
  readonly since: string;
  readonly atHand: boolean;
}

/** The keys of one data folder, opened. */
export interface KeyChest {
  /** Moves on with a rotation. */
  readonly ring: LiveKeyRing;
  readonly keys: DataKeys;
  readonly signer: ManifestSigner;
  /** The current one first, while a rotation lasts the one before it. */
  readonly keks: readonly ChestKek[];
  /** The current KEK to be locked away: see `writeEscrow`. */
  escrow(split?: EscrowSplit): readonly string[];
  /** New keys come under the KEK of this provider from now on; keys.json holds the data keys under both. @throws conflict */
  beginRotation(provider: KekProvider): Promise<ChestKek>;
  /** Forgets the KEKs but this one, under which everything must lie. */
  keepOnly(kekId: string): void;
}

export const KEYS_FILE = 'keys.json';
const DATABASE_FILE = 'neuroinsight.sqlite';
const KEY_BYTES = 32;

/**
 * Makes or opens the keys of a data folder. With a KEK that keys.json does not know beside a previous one that it does,
 * a rotation begins. Nothing else of the folder is touched.
 *
 * @throws wrong-key: the KEK is another one, which is named. damaged: keys.json is torn, changed, or missing beside a
 *   database. invalid-configuration, upstream-unavailable, upstream-refused: as the providers do.
 */
export async function openKeyChest(options: KeyChestOptions): Promise<KeyChest> {
  const path = join(resolve(options.dataDir), KEYS_FILE);
  if (!existsSync(path)) return makeChest(options, path);
  const read = readChest(path);
  const { entries } = read.file;
  const found = await find(options.kek, entries);
  const before = options.previous && (await find(options.previous, entries));
  const opened = [found, before].filter((one) => one?.entry !== undefined) as Found[];
  // The newest that is at hand tells what the folder's keys are.
  const newest = entries.map(({ kekId }) => opened.find(({ kek }) => kek?.id === kekId)).find((one) => one);
  if (!newest?.kek) throw wrongKek(entries, [found, before]);
  const keys = openEntry(newest.entry!, newest.kek);
  requireWhole(read, keys);
  const chest = createChest(options, path, { entries, keys, atHand: opened.flatMap(({ kek }) => (kek ? [kek] : [])) });
  if (found.entry === undefined && !options.makeNothing) {
    if (entries.length > 1) throw wrongKek(entries, [found]);
    await chest.beginRotation(asOpened(options.kek, found));
  }
  return chest;
}

function makeChest(options: KeyChestOptions, path: string): Promise<KeyChest> {
  const missing = options.makeNothing || existsSync(join(resolve(options.dataDir), DATABASE_FILE));
  // New keys would open nothing of what is there.
  if (missing) throw new NeuroInsightError('damaged', 'keys.json is missing: put it back from a backup');
  return make(options, path);
}

async function make(options: KeyChestOptions, path: string): Promise<KeyChest> {
  const { kek: provider, random, clock } = options;
  const { key, stored } = await provider.open(undefined);
  const kek = { id: kekIdOf(key), key };
  const keys: DataKeys = {
    database: Buffer.from(random(KEY_BYTES)).toString('hex'),
    rowMac: random(KEY_BYTES),
    signingSeed: random(KEY_BYTES),
  };
  const entries = [entryOf(kek, { provider: provider.name, stored, since: clock.now().toISOString() }, keys)];
  writeChest(path, entries, keys);
  return createChest(options, path, { entries, keys, atHand: [kek] });
}

/** A provider's KEK, and the entry that it opens; none of both when a remote provider has wrapped nothing here yet. */
interface Found {
  readonly provider: string;
  readonly kek: Kek | undefined;
  readonly entry: ChestEntry | undefined;
}

async function find(provider: KekProvider, entries: readonly ChestEntry[]): Promise<Found> {
  const { name } = provider;
  const kekOf = async (stored: string | undefined): Promise<Kek> => {
    const { key } = await provider.open(stored);
    return { id: kekIdOf(key), key };
  };
  for (const entry of entries.filter(({ stored, provider: of }) => stored !== '' && of === name)) {
    try {
      const kek = await kekOf(entry.stored);
      if (kek.id === entry.kekId) return { provider: name, kek, entry };
    } catch (error) {
      // Another key of the same service may be new here.
      if (!(error instanceof NeuroInsightError && error.kind === 'wrong-key')) throw error;
    }
  }
  if (isRemote(name)) return { provider: name, kek: undefined, entry: undefined };
  const kek = await kekOf(undefined);
  // Whoever wrapped it: the KEK of a key service that is lost comes back from its escrow copy by a file.
  return { provider: name, kek, entry: entries.find(({ kekId }) => kekId === kek.id) };
}

const isRemote = (provider: string): boolean => provider === 'vault' || provider === 'aws-kms';

/** A provider that has been asked already is not asked twice: a command may be slow, a person may have to confirm. */
const asOpened = (provider: KekProvider, { kek }: Found): KekProvider =>
  kek ? { name: provider.name, open: async () => ({ key: kek.key }) } : provider;

function wrongKek(entries: readonly ChestEntry[], found: readonly (Found | undefined)[]): NeuroInsightError {
  const needed = entries.map(({ kekId, provider }) => `${kekId} (${provider})`).join(' or ');
  const given = found
    .filter((one) => one !== undefined)
    .map(({ provider, kek }) => `${kek?.id ?? 'none'} (${provider})`)
    .join(' and ');
  return new NeuroInsightError(
    'wrong-key',
    `the data folder is under the key-encryption key ${needed}; given: ${given}`,
  );
}

interface ChestState {
  readonly entries: readonly ChestEntry[];
  readonly keys: DataKeys;
  readonly atHand: readonly Kek[];
}

function createChest({ random, clock }: KeyChestOptions, path: string, state: ChestState): KeyChest {
  const { keys } = state;
  let { entries } = state;
  const known = new Map(state.atHand.map((kek) => [kek.id, kek]));
  const ordered = entries.flatMap(({ kekId }) => known.get(kekId) ?? []);
  const ring = createKeyRing(ordered);
  const describe = ({ kekId, provider, since }: ChestEntry): ChestKek => {
    return { id: kekId, provider, since, atHand: known.has(kekId) };
  };
  return {
    ring,
    keys,
    signer: createSigner(keys.signingSeed),
    get keks() {
      return entries.map(describe);
    },
    escrow: (split) => writeEscrow(known.get(ring.currentKekId)!, split, random),
    async beginRotation(provider) {
      if (entries.length > 1) throw new NeuroInsightError('conflict', 'another rotation of the keys has not ended');
      const { key, stored } = await provider.open(undefined);
      const kek = { id: kekIdOf(key), key };
      if (known.has(kek.id)) throw new NeuroInsightError('conflict', 'this is the key-encryption key already');
      const entry = entryOf(kek, { provider: provider.name, stored, since: clock.now().toISOString() }, keys);
      // On the disk before the first key comes to lie under it.
      writeChest(path, [entry, ...entries], keys);
      entries = [entry, ...entries];
      known.set(kek.id, kek);
      ring.become(kek);
      return describe(entry);
    },
    keepOnly(kekId) {
      const kept = entries.filter((entry) => entry.kekId === kekId);
      const kek = known.get(kekId);
      if (kept.length === 0 || !kek) throw new Error('a key that is to be kept is not at hand');
      ring.become(kek);
      if (kept.length === entries.length) return;
      writeChest(path, kept, keys);
      entries = kept;
    },
  };
}
