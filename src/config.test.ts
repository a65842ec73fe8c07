import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ENVIRONMENT, isLoopback, loadConfig, refuseProduction } from './config.ts';

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

describe('a start that others could reach', () => {
  const start = (environment: NodeJS.ProcessEnv) => () =>
    refuseProduction(loadConfig(defaults, environment), environment);

  it('is refused, since nothing is encrypted yet', () => {
    expect(start({ NODE_ENV: 'production' })).toThrow(/NODE_ENV is production/);
    expect(start({ NEUROINSIGHT_PUBLIC_URL: 'https://hippocampus.example' })).toThrow(/public URL/);
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
