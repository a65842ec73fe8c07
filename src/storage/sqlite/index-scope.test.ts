import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scopeOf } from './index-scope.ts';

describe('scopeOf', () => {
  it('is a whole number that a double holds, the same each time', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (site, type, param) => {
        const scope = scopeOf(site, type, param);
        expect(Number.isSafeInteger(scope) && scope >= 0).toBe(true);
        expect(scopeOf(site, type, param)).toBe(scope);
      }),
    );
  });

  it('tells 200 000 names apart, those that join to the same text among them', () => {
    const scopes = new Set<number>();
    for (let site = 0; site < 20; site++) {
      for (let type = 0; type < 100; type++) {
        for (let param = 0; param < 100; param++) scopes.add(scopeOf(`site-${site}`, `Type${type}`, `param-${param}`));
      }
    }
    expect(scopes.size).toBe(200_000);
    expect(scopeOf('a', 'b', 'c')).not.toBe(scopeOf('ab', '', 'c'));
    expect(scopeOf('a', 'b', 'c')).not.toBe(scopeOf('a', 'bc', ''));
  });
});
