import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { NeuroInsightError } from '../../../domain/errors.ts';

/** The setting that an administrator has to mend. */
export function badSetting(setting: string, what: string, cause?: unknown): NeuroInsightError {
  return new NeuroInsightError('invalid-configuration', `${setting} ${what}`, { cause });
}

const MOST_BYTES = 16_384;
const OTHERS = 0o077;

/**
 * The text of a file that holds a secret, without blanks around it. What is judged is the file that was opened: a link
 * counts by where it leads, and nothing can be put in its place in between.
 *
 * @throws invalid-configuration when others may read or write it, when it is somebody else's, or no file of sane size.
 */
export function readSecretFile(path: string, setting: string): string {
  let descriptor: number;
  try {
    // A pipe would otherwise hold the start up for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw badSetting(setting, `names a file that cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  try {
    const { mode, uid, size } = statOf(descriptor, setting);
    if (uid !== process.getuid?.()) throw badSetting(setting, 'names a file of another user');
    if ((mode & OTHERS) !== 0) throw badSetting(setting, 'names a file that others may use: chmod 600');
    if (size > MOST_BYTES) throw badSetting(setting, 'names a file that is too long');
    const bytes = Buffer.alloc(MOST_BYTES);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes)).trim();
  } finally {
    closeSync(descriptor);
  }
}

function statOf(descriptor: number, setting: string): { mode: number; uid: number; size: number } {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) throw badSetting(setting, 'names something that is no file');
  return stats;
}

const KEY_BYTES = 32;
/** Of 32 random bytes so few different ones are found once in some ten million keys. */
const LEAST_VARIETY = 20;

/**
 * The 32 bytes of a KEK from its base64.
 * @throws invalid-configuration for another length or form, and for what somebody typed or counted up: a placeholder.
 */
export function decodeKek(text: string, setting: string): Uint8Array {
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) {
    throw badSetting(setting, 'must give the base64 of exactly 32 bytes');
  }
  if (isPlaceholder(key)) throw badSetting(setting, 'gives a placeholder: a key is 32 random bytes');
  return key;
}

function isPlaceholder(key: Uint8Array): boolean {
  const steps = new Set(key.subarray(1).map((byte, index) => byte - key[index]!));
  const isText = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  return new Set(key).size < LEAST_VARIETY || steps.size === 1 || isText;
}
