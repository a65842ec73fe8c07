import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ENVIRONMENT, loadConfig } from './config.ts';

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
