import { randomBytes } from 'node:crypto';
import { awsKmsKek } from './aws-kms.ts';
import type { KekProvider, KeySettings } from './kek-provider.ts';
import { commandKek, environmentKek, fileKek } from './local-keks.ts';
import { REMOTE_LIMITS, type RemoteLimits } from './remote-call.ts';
import { vaultKek } from './vault-transit.ts';

export interface KekProviderDeps {
  /** Secrets that are taken from it leave it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly now: () => Date;
  readonly random?: (bytes: number) => Uint8Array;
  readonly limits?: RemoteLimits;
}

/**
 * The provider that the settings speak of; nothing is asked of it yet.
 * @throws invalid-configuration for settings that can be nothing.
 */
export function kekProviderOf(settings: KeySettings, deps: KekProviderDeps): KekProvider {
  const { environment, now, random = randomBytes, limits = REMOTE_LIMITS } = deps;
  switch (settings.kind) {
    case 'file':
      return fileKek(settings.path, settings.setting);
    case 'environment':
      return environmentKek(settings.variable, settings.setting, environment);
    case 'command':
      return commandKek(settings.argv, settings.setting);
    case 'vault':
      return vaultKek(settings, { random, limits });
    case 'aws-kms':
      return awsKmsKek(settings, { environment, random, now, limits });
  }
}
