import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makePrivateFolder, syncFolderSync } from '../durable-files.ts';
import type { KekProvider } from './kek-providers/kek-provider.ts';
import { fileKek } from './kek-providers/local-keks.ts';
import { KEYS_FILE } from './key-chest.ts';

/** The KEK that development makes by itself: beside the data folder, never in it. */
export const developmentKekPath = (dataDir: string): string => `${resolve(dataDir)}.kek`;

/**
 * The KEK of development, made when neither it nor keys are there. Whoever copies both has everything: for production
 * a KEK must be configured.
 *
 * @param file another place than beside the data folder.
 */
export function openDevelopmentKek(
  dataDir: string,
  random: (bytes: number) => Uint8Array,
  file: string = developmentKekPath(dataDir),
): KekProvider {
  // A new KEK would not open the keys that are there.
  if (!existsSync(file) && !existsSync(join(resolve(dataDir), KEYS_FILE))) {
    makePrivateFolder(dirname(file));
    const text = `${Buffer.from(random(32)).toString('base64')}\n`;
    writeFileSync(file, text, { mode: 0o600, flag: 'wx', flush: true });
    syncFolderSync(dirname(file));
  }
  return fileKek(file, 'the key-encryption key of development beside the data folder');
}
