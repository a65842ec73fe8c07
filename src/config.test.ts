import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ENVIRONMENT, isLoopback, kekSourcesOf, loadConfig, refuseProduction } from './config.ts';

const defaults = new URL('../config/default.json', import.meta.url);

describe('settings', () => {
  it('come from the default file, then from the environment', () => {
    expect(loadConfig(defaults, {}).analysis.threads).toBe(2);
    expect(loadConfig(defaults, { NEUROINSIGHT_THREADS: '4', HOME: '/x' }).analysis.threads).toBe(4);
  });

  it('stop the start when a name is unknown or a value is out of bounds', () => {
    expect(() => loadConfig(defaults, { NEUROINSIGHT_THREDS: '4' })).toThrow('unknown setting NEUROINSIGHT_THREDS');
    expect(() => loadConfig(defaults, { NEUROINSIGHT_THREADS: '0' })).toThrow(/analysis\.threads/);
    expect(() => loadConfig(defaults, { NEUROINSIGHT_THREADS: 'many' })).toThrow(/analysis\.threads/);
  });

  it('are all named in .env.example', () => {
    const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    for (const name of Object.keys(ENVIRONMENT)) expect(example).toContain(`#${name}=`);
  });
});

describe('the settings of keys', () => {
  const load = (environment: NodeJS.ProcessEnv) => () => loadConfig(defaults, environment);

  it('name one source of the key', () => {
    expect(kekSourcesOf(load({ NEUROINSIGHT_KEK_FILE: '/keys/kek' })())).toEqual(['kekFile']);
    expect(kekSourcesOf(load({})())).toEqual([]);
    expect(load({ NEUROINSIGHT_KEK_FILE: '/keys/kek', NEUROINSIGHT_KEK_COMMAND: 'cat x' })).toThrow(/more than one/);
  });

  it.each([
    [{ NEUROINSIGHT_KEK_FILE: 'data/kek' }, /kekFile lies in the data folder/],
    [{ NEUROINSIGHT_BACKUP_REPOSITORY: 'data' }, /repository lies in the data folder/],
    [{ NEUROINSIGHT_VAULT_URL: 'https://vault.example' }, /both vaultUrl and vaultKey/],
    [{ NEUROINSIGHT_VAULT_URL: 'https://vault.example', NEUROINSIGHT_VAULT_KEY: 'k' }, /vaultTokenFile/],
    [{ NEUROINSIGHT_AWS_KMS_KEY_ID: 'id' }, /awsRegion/],
    [{ NEUROINSIGHT_KEK_ENVIRONMENT: 'NEUROINSIGHT_KEK' }, /does not begin with/],
    [{ NEUROINSIGHT_KEK_ENVIRONMENT: 'KEK' }, /is not set/],
    [{ NEUROINSIGHT_KEK_FILE: 'changeme' }, /keys\.kekFile is a placeholder/],
    [{ NEUROINSIGHT_KEK_FILE: '<path>' }, /placeholder/],
  ])('stop the start when they cannot be meant: %j', (environment, message) => {
    expect(load(environment)).toThrow(message);
  });

  it('take the key from a variable that is there', () => {
    expect(kekSourcesOf(load({ NEUROINSIGHT_KEK_ENVIRONMENT: 'KEK', KEK: 'x' })())).toEqual(['kekEnvironment']);
  });
});

describe('a start that others could reach', () => {
  const start = (environment: NodeJS.ProcessEnv) => () =>
    refuseProduction(loadConfig(defaults, environment), environment);

  it('is refused without a key that is kept elsewhere than the data', () => {
    expect(start({ NODE_ENV: 'production' })).toThrow(
      /NODE_ENV is production: a key-encryption key must be configured/,
    );
    expect(start({ NODE_ENV: 'production', NEUROINSIGHT_KEK_FILE: 'data.kek' })).toThrow(/lies beside the data/);
    expect(start({ NODE_ENV: 'production', NEUROINSIGHT_KEK_FILE: '/keys/kek' })).not.toThrow();
  });

  it('is refused without TLS in front', () => {
    const url = { NEUROINSIGHT_PUBLIC_URL: 'https://hippocampus.example', NEUROINSIGHT_KEK_FILE: '/keys/kek' };
    expect(start({ NEUROINSIGHT_PUBLIC_URL: url.NEUROINSIGHT_PUBLIC_URL })).toThrow(
      /public URL is not loopback: a key/,
    );
    expect(start(url)).toThrow(/needs a proxy/);
    expect(start({ ...url, NEUROINSIGHT_PUBLIC_URL: 'http://hippocampus.example' })).toThrow(/not https/);
    expect(start({ ...url, NEUROINSIGHT_TRUST_PROXY: 'true' })).not.toThrow();
    expect(start({ NEUROINSIGHT_HOST: '0.0.0.0' })).toThrow(/beyond loopback/);
  });

  it('is allowed on loopback, and behind a proxy on purpose', () => {
    expect(start({})).not.toThrow();
    expect(start({ NEUROINSIGHT_PUBLIC_URL: 'http://[::1]:8080' })).not.toThrow();
    expect(start({ NEUROINSIGHT_HOST: '0.0.0.0', NEUROINSIGHT_TRUST_PROXY: 'true' })).not.toThrow();
  });

  it('knows loopback by its address, not by how a name begins', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '[::1]'].every(isLoopback)).toBe(true);
    expect(['127.example.org', '10.0.0.1', 'localhost.example', '0.0.0.0'].some(isLoopback)).toBe(false);
  });
});
