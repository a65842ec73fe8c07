import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ENVIRONMENT } from '../../src/config.ts';
import { configurationDocument, environmentExample } from '../harness/configuration-document.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the documents of the settings', () => {
  it('say what the code checks', () => {
    expect(read('docs/operations/configuration.md')).toBe(configurationDocument());
    expect(read('.env.example')).toBe(environmentExample());
  });

  it('name every variable that is read', () => {
    for (const name of Object.keys(ENVIRONMENT)) {
      expect(configurationDocument()).toContain(`\`${name}\``);
      expect(environmentExample()).toContain(`#${name}=`);
    }
  });
});
