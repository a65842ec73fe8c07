import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { CODE_SYSTEM_URLS, CODES, type Code, LATERALITY_CODES } from './codes.ts';

const ROOT = new URL('../../', import.meta.url);
const table = JSON.parse(readFileSync(new URL('terminology/codes.json', ROOT), 'utf8')) as {
  codes: (Code & { provenance: string; usedFor: string })[];
};
const codes: [string, Code][] = Object.entries(CODES);

/** Text of every source file but the table itself and the tests. */
function sources(): { name: string; text: string }[] {
  return readdirSync(new URL('src', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'domain/codes.ts')
    .map((name) => ({ name, text: readFileSync(new URL(`src/${name}`, ROOT), 'utf8') }));
}

describe('the table of codes', () => {
  it('is terminology/codes.json, row by row', () => {
    const written = table.codes.map(({ scheme, value, meaning }) => ({ scheme, value, meaning }));
    expect(written).toEqual(codes.map(([, code]) => code));
  });

  it('says of every code what it was checked against and what it is for', () => {
    for (const { provenance, usedFor } of table.codes) {
      expect(provenance).toMatch(/PS3\.16|FHIR R4|RFC|LOINC|Own concept/);
      expect(usedFor.length).toBeGreaterThan(2);
    }
  });

  it('has each concept once, within 16 and 64 characters', () => {
    expect(new Set(codes.map(([, { scheme, value }]) => `${scheme} ${value}`)).size).toBe(codes.length);
    for (const [, { value, meaning }] of codes) {
      expect(value.length).toBeLessThanOrEqual(16);
      expect(meaning.length).toBeLessThanOrEqual(64);
    }
  });

  it('has no other LOINC codes than the verified ones', () => {
    const loinc = codes.filter(([, { scheme }]) => scheme === 'LN').map(([, { value }]) => value);
    expect(loinc.sort()).toEqual(['18748-4', '25056-3', '68604-8', 'LP29684-5']);
  });

  it('keeps own concepts under the private scheme and nothing else', () => {
    for (const { scheme, provenance } of table.codes) {
      expect(provenance.startsWith('Own concept')).toBe(scheme === '99NEUROINSIGHT');
    }
    expect('99NEUROINSIGHT'.length).toBeLessThanOrEqual(16);
    expect(CODE_SYSTEM_URLS['99NEUROINSIGHT']).toBe('http://neuroinsight.dev/fhir/CodeSystem/measurements');
  });

  it('tells left from right', () => {
    expect(LATERALITY_CODES.left.value).toBe('7771000');
    expect(LATERALITY_CODES.right.value).toBe('24028007');
  });

  it('holds every code that the sources write, and none that they do not', () => {
    const files = sources();
    // Code values as literals; tags begin with a zero, dates with a century.
    const literal = /'([1-9]\d{5,17}|\d{4,5}-\d|LP\d+-\d|C\d{7})'|CodeValue: '([^']*)'/g;
    const date = /^(19|20)\d{6}$/;
    const strays = files.flatMap(({ name, text }) =>
      [...text.matchAll(literal)]
        .map(([, value, written]) => value ?? written!)
        .filter((value) => !date.test(value))
        .map((value) => `${name}: ${value}`),
    );
    expect(strays).toEqual([]);
    const all = files.map(({ text }) => text).join('\n');
    const table = readFileSync(fileURLToPath(new URL('src/domain/codes.ts', ROOT)), 'utf8');
    const unused = codes
      .map(([name]) => name)
      .filter((name) => !new RegExp(`\\bCODES\\.${name}\\b`).test(`${all}${table}`))
      .filter((name) => !new RegExp(`'${name}'`).test(all));
    expect(unused).toEqual([]);
  });
});
