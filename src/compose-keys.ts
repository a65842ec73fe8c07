import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, developmentKekFile, kekSourcesOf } from './config.ts';
import { NeuroInsightError } from './domain/errors.ts';
import type { KeyRing } from './ports/index.ts';
import type { DataKeys } from './storage/keys/data-keys.ts';
import { createKeyRing, kekIdOf } from './storage/keys/key-ring.ts';

/** The keys of the data folder, unwrapped. */
export interface OpenedKeys {
  readonly ring: KeyRing;
  readonly keys: DataKeys;
}

export interface OpenKeysOptions {
  /** Where the key of development lies when none is configured; absent: beside the data folder. */
  readonly developmentKek?: string;
  /** What is not there is an error: a backup is being restored. */
  readonly makeNothing?: boolean;
}

const KEY_BYTES = 32;
const PARTS = ['database', 'rowMac', 'signingSeed'] as const;

/**
 * Opens the keys of the data folder with the key-encryption key that is configured; without one with that of
 * development, which is made beside the data folder. Holds the place of the key chest: files only.
 *
 * @throws invalid-configuration, wrong-key.
 */
export async function openKeys(
  { keys, storage }: Pick<Config, 'keys' | 'storage'>,
  { developmentKek = developmentKekFile(storage.dataDir), makeNothing = false }: OpenKeysOptions = {},
): Promise<OpenedKeys> {
  const [source] = kekSourcesOf({ keys });
  if (source !== undefined && source !== 'kekFile') {
    throw new NeuroInsightError('invalid-configuration', `this version takes no key-encryption key from ${source}`);
  }
  const wrapped = join(resolve(storage.dataDir), 'keys.json');
  // A new key would open nothing of what is there.
  const isNew = !makeNothing && !existsSync(wrapped);
  const file = keys.kekFile ?? (isNew ? madeForDevelopment(developmentKek) : developmentKek);
  const key = readKek(file);
  const ring = createKeyRing([{ id: kekIdOf(key), key }]);
  return { ring, keys: openWrapped(wrapped, ring, makeNothing) };
}

function madeForDevelopment(file: string): string {
  if (!existsSync(file)) writeDurably(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  return file;
}

function readKek(file: string): Buffer {
  const refuse = (what: string): never => {
    throw new NeuroInsightError('invalid-configuration', `the file of the key-encryption key ${what}`);
  };
  let text = '';
  try {
    if ((statSync(file).mode & 0o077) !== 0) refuse('may be read by its owner only: chmod 600');
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof NeuroInsightError) throw error;
    refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) refuse('must hold the base64 of 32 bytes');
  return key;
}

function openWrapped(file: string, ring: KeyRing, makeNothing: boolean): DataKeys {
  if (!existsSync(file)) {
    if (makeNothing) throw new NeuroInsightError('damaged', 'the backup holds no keys');
    const wrapped = Object.fromEntries(PARTS.map((part) => [part, ring.wrap(randomBytes(KEY_BYTES), part)]));
    writeDurably(file, `${JSON.stringify(wrapped)}\n`);
  }
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  const [database, rowMac, signingSeed] = PARTS.map((part) => Buffer.from(ring.unwrap(stored[part], part)));
  return { database: database!.toString('hex'), rowMac: rowMac!, signingSeed: signingSeed! };
}

function writeDurably(file: string, text: string): void {
  const made = `${file}.new`;
  writeFileSync(made, text, { mode: 0o600, flush: true });
  renameSync(made, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
