import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NeuroInsightError } from '../../domain/errors.ts';
import { replaceFileSync } from '../durable-files.ts';
import type { DataKeys } from './data-keys.ts';
import { createKeyRing, type Kek } from './key-ring.ts';

/** What lies in keys.json for one KEK. */
export interface ChestEntry {
  readonly kekId: string;
  /** Name of its provider. */
  readonly provider: string;
  /** What the provider needs to give the KEK back; '' when it hands it out itself. */
  readonly stored: string;
  /** FHIR instant at which it came. */
  readonly since: string;
  /** The data keys under it, base64. */
  readonly keys: Readonly<Record<Part, string>>;
}

/** keys.json: the first entry is of the current KEK, a second one of the KEK before, while a rotation lasts. */
export interface ChestFile {
  readonly format: typeof FORMAT;
  readonly entries: readonly ChestEntry[];
}

export const FORMAT = 'neuroinsight-keys-1';
const PARTS = ['database', 'rowMac', 'signingSeed'] as const;
type Part = (typeof PARTS)[number];
const MOST_ENTRIES = 2;
const MOST_CHARACTERS = 65_536;

export function entryOf(
  kek: Kek,
  of: { readonly provider: string; readonly stored: string | undefined; readonly since: string },
  keys: DataKeys,
): ChestEntry {
  const ring = createKeyRing([kek]);
  const wrapped = PARTS.map((part) => [part, ring.wrap(partOf(keys, part), contextOf(part)).wrapped]);
  return {
    kekId: kek.id,
    provider: of.provider,
    stored: of.stored ?? '',
    since: of.since,
    keys: Object.fromEntries(wrapped) as Record<Part, string>,
  };
}

/** The data keys of an entry. @throws wrong-key when its bytes are not those that were wrapped under this KEK. */
export function openEntry(entry: ChestEntry, kek: Kek): DataKeys {
  const ring = createKeyRing([kek]);
  const open = (part: Part): Uint8Array =>
    ring.unwrap({ kekId: entry.kekId, wrapped: entry.keys[part] }, contextOf(part));
  return {
    database: Buffer.from(open('database')).toString('hex'),
    rowMac: open('rowMac'),
    signingSeed: open('signingSeed'),
  };
}

const contextOf = (part: Part): string => `keys.json/${part}`;
const partOf = (keys: DataKeys, part: Part): Uint8Array =>
  part === 'database' ? Buffer.from(keys.database, 'hex') : keys[part];

/** Replaces the file, so that after a power cut the one or the other lies there whole. */
export function writeChest(path: string, entries: readonly ChestEntry[], keys: DataKeys): void {
  const file: ChestFile = { format: FORMAT, entries };
  const text = JSON.stringify({ ...file, mac: macOf(file, keys) }, undefined, 2);
  replaceFileSync(path, `${text}\n`);
}

/**
 * The file as it lies there, with the MAC that only the data keys can check: see `requireWhole`.
 * @throws damaged for what is torn or no such file, invalid-configuration for one of another version.
 */
export function readChest(path: string): { readonly file: ChestFile; readonly mac: string } {
  let value: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    value = text.length > MOST_CHARACTERS ? undefined : JSON.parse(text);
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (typeof code !== 'string') throw damaged(cause);
    throw new NeuroInsightError('invalid-configuration', `keys.json cannot be read (${code})`, { cause });
  }
  const { format, entries, mac } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof format === 'string' && format !== FORMAT) {
    throw new NeuroInsightError('invalid-configuration', 'keys.json is of another version of this software');
  }
  const count = Array.isArray(entries) ? entries.length : 0;
  const isWhole = format === FORMAT && typeof mac === 'string' && count > 0 && count <= MOST_ENTRIES;
  if (!isWhole || !(entries as unknown[]).every(isEntry)) throw damaged();
  // Nothing else of the file is believed.
  return { file: { format: FORMAT, entries: (entries as ChestEntry[]).map(copied) }, mac };
}

/** @throws damaged when the file is not the one that was written with these keys. */
export function requireWhole({ file, mac }: { file: ChestFile; mac: string }, keys: DataKeys): void {
  const expected = Buffer.from(macOf(file, keys));
  const found = Buffer.from(mac);
  if (expected.length !== found.length || !timingSafeEqual(expected, found)) throw damaged();
}

function isEntry(value: unknown): boolean {
  const { kekId, provider, stored, since, keys } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const parts = (keys ?? {}) as Readonly<Record<string, unknown>>;
  const texts = [provider, stored, since, ...PARTS.map((part) => parts[part])];
  return typeof kekId === 'string' && /^[0-9a-f]{16}$/.test(kekId) && texts.every((text) => typeof text === 'string');
}

function copied({ kekId, provider, stored, since, keys }: ChestEntry): ChestEntry {
  const { database, rowMac, signingSeed } = keys;
  return { kekId, provider, stored, since, keys: { database, rowMac, signingSeed } };
}

/** Over every value in its order, under a key of its own. */
function macOf({ format, entries }: ChestFile, keys: DataKeys): string {
  const key = Buffer.from(hkdfSync('sha256', keys.rowMac, '', 'neuroinsight key chest', 32));
  const values = entries.map((entry) => {
    const { kekId, provider, stored, since } = entry;
    return [kekId, provider, stored, since, ...PARTS.map((part) => entry.keys[part])];
  });
  return createHmac('sha256', key)
    .update(JSON.stringify([format, ...values]))
    .digest('base64');
}

function damaged(cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('damaged', 'keys.json is torn or was changed: put it back from a backup', { cause });
}
