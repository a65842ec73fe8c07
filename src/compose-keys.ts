import { randomBytes } from 'node:crypto';
import { systemClock } from './compose.ts';
import { type Config, developmentKekFile } from './config.ts';
import { openDevelopmentKek } from './storage/keys/development-kek.ts';
import type { KekProvider, KeySettings } from './storage/keys/kek-providers/kek-provider.ts';
import { kekProviderOf } from './storage/keys/kek-providers/kek-provider-of.ts';
import { fileKek } from './storage/keys/kek-providers/local-keks.ts';
import { type KeyChest, openKeyChest } from './storage/keys/key-chest.ts';

/** The keys of the data folder, unwrapped. */
export type OpenedKeys = KeyChest;

export interface OpenKeysOptions {
  /** Where the key of development lies when none is configured; absent: beside the data folder. */
  readonly developmentKek?: string;
  /** What is not there is an error, and no rotation begins: a backup is being restored, or a folder looked at. */
  readonly makeNothing?: boolean;
  /** Where a KEK may be taken from a variable; it leaves it. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Opens the keys of the data folder with the key-encryption key that is configured; without one with that of
 * development, which is made beside the data folder. With a KEK that is new to the folder, and the one before, a
 * rotation begins.
 *
 * @throws invalid-configuration, wrong-key, damaged, upstream-unavailable, upstream-refused.
 */
export function openKeys(
  { keys, storage }: Pick<Config, 'keys' | 'storage'>,
  options: OpenKeysOptions = {},
): Promise<OpenedKeys> {
  const { dataDir } = storage;
  const { developmentKek = developmentKekFile(dataDir), makeNothing = false } = options;
  // Whoever only looks leaves the key for the one who opens.
  const environment = options.environment ?? (makeNothing ? { ...process.env } : process.env);
  const providerOf = (settings: KeySettings): KekProvider =>
    kekProviderOf(settings, { environment, now: systemClock.now });
  const [settings, previous] = [settingsOf(keys), previousSettingsOf(keys)];
  const development = (): KekProvider =>
    makeNothing
      ? fileKek(developmentKek, 'the key-encryption key of development')
      : openDevelopmentKek(dataDir, randomBytes, developmentKek);
  return openKeyChest({
    dataDir,
    kek: settings ? providerOf(settings) : development(),
    previous: previous && providerOf(previous),
    random: randomBytes,
    clock: systemClock,
    makeNothing,
  });
}

/** A KEK that an administrator names by its file, to rotate to. */
export const kekOfFile = (file: string): KekProvider => fileKek(file, 'the new key-encryption key');

/** The one KEK that is configured; undefined: none. See `checked` in config.ts for what may stand together. */
function settingsOf(keys: Config['keys']): KeySettings | undefined {
  const { kekFile, kekEnvironment, kekCommand, vaultUrl, vaultKey, awsKmsKeyId, awsRegion } = keys;
  if (kekFile !== null) return { kind: 'file', path: kekFile, setting: 'keys.kekFile' };
  if (kekEnvironment !== null) return { kind: 'environment', variable: kekEnvironment, setting: 'keys.kekEnvironment' };
  if (kekCommand !== null) {
    return { kind: 'command', argv: kekCommand.trim().split(/\s+/), setting: 'keys.kekCommand' };
  }
  if (vaultUrl !== null && vaultKey !== null) {
    const tokenFile = keys.vaultTokenFile ?? '';
    const login = { kind: 'token' as const, tokenFile, setting: 'keys.vaultTokenFile' };
    return { kind: 'vault', url: vaultUrl, mount: keys.vaultMount, key: vaultKey, login };
  }
  if (awsKmsKeyId === null || awsRegion === null) return undefined;
  return {
    kind: 'aws-kms',
    keyId: awsKmsKeyId,
    region: awsRegion,
    ...(keys.awsKmsUrl !== null && { url: keys.awsKmsUrl }),
    ...(keys.awsCredentialsFile !== null && { credentialsFile: keys.awsCredentialsFile }),
    setting: 'keys.awsCredentialsFile',
  };
}

function previousSettingsOf({ previousKekFile, previousKekEnvironment }: Config['keys']): KeySettings | undefined {
  if (previousKekFile !== null) return { kind: 'file', path: previousKekFile, setting: 'keys.previousKekFile' };
  if (previousKekEnvironment === null) return undefined;
  return { kind: 'environment', variable: previousKekEnvironment, setting: 'keys.previousKekEnvironment' };
}
