import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { CodeSystem, ConceptMap, StructureDefinition, ValueSet } from '@medplum/fhirtypes';
import { CODE_SYSTEM_URLS, CODES, type Code } from '../../src/domain/codes.ts';
import { EXTENSIONS, PROFILES, SYSTEMS } from '../../src/fhir/canonicals.ts';
import { QUALITY_CHECK_DISPLAYS } from '../../src/fhir/quality-observation.ts';
import { fhirArtefacts, textOf } from '../harness/fhir-artefacts.ts';

const pathOf = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const read = <T>(relative: string): T => JSON.parse(readFileSync(pathOf(relative), 'utf8')) as T;
const namesIn = (folder: string): string[] =>
  readdirSync(pathOf(folder)).filter((name) => /^[A-Z]\w+-.+\.json$/.test(name));

describe('a FHIR file that is made from code', () => {
  it.each(fhirArtefacts().map(({ path, resource }) => [path, resource] as const))(
    '%s is what the code makes (else run test/harness/write-fhir-artefacts.ts)',
    (path, resource) => {
      expect(readFileSync(pathOf(path), 'utf8')).toBe(textOf(resource));
    },
  );
});

describe('the profiles', () => {
  const profiles = namesIn('profiles').map((name) => [name, read<StructureDefinition>(`profiles/${name}`)] as const);

  it.each(profiles)('%s is named as its canonical', (name, { url, id, resourceType }) => {
    expect(`${resourceType}-${id}.json`).toBe(name);
    expect(url).toBe(`http://neuroinsight.dev/fhir/StructureDefinition/${id}`);
  });

  it('are those that the resources claim', () => {
    const { normSet } = EXTENSIONS;
    expect(profiles.map(([, { url }]) => url).sort()).toEqual([...Object.values(PROFILES), normSet].sort());
  });
});

describe('the terminology', () => {
  const codes = Object.values(CODES as Readonly<Record<string, Code>>);
  const known = new Map(codes.map((code) => [`${CODE_SYSTEM_URLS[code.scheme]}|${code.value}`, code.meaning]));

  it('defines every own code that the server writes, and no other', () => {
    const { concept, count, url } = read<CodeSystem>('terminology/fhir/CodeSystem-measurements.json');
    const own = codes.filter(({ scheme }) => scheme === '99NEUROINSIGHT');
    expect(url).toBe(CODE_SYSTEM_URLS['99NEUROINSIGHT']);
    expect(concept!.map(({ code, display }) => `${code}: ${display}`).sort()).toEqual(
      own.map(({ value, meaning }) => `${value}: ${meaning}`).sort(),
    );
    expect(concept!.every(({ definition }) => definition!.length > 20)).toBe(true);
    expect(count).toBe(own.length);
  });

  it('defines the quality checks', () => {
    const { concept, url } = read<CodeSystem>('terminology/fhir/CodeSystem-quality-checks.json');
    expect(url).toBe(SYSTEMS.qualityChecks);
    expect(Object.fromEntries(concept!.map(({ code, display }) => [code, display]))).toEqual(QUALITY_CHECK_DISPLAYS);
  });

  it('has a code for every check that the source names', () => {
    const source = readdirSync(pathOf('src/imaging'))
      .filter((name) => /^quality.*(?<!\.test)\.ts$/.test(name))
      .map((name) => readFileSync(pathOf(`src/imaging/${name}`), 'utf8'))
      .join('\n');
    const named = [...source.matchAll(/\bjudge(?:Range)?\(\s*'([a-z-]+)'/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(10);
    expect(named.sort()).toEqual(Object.keys(QUALITY_CHECK_DISPLAYS).sort());
  });

  const valueSets = namesIn('terminology/fhir').filter((name) => name.startsWith('ValueSet'));
  it.each(valueSets)('%s lists codes of the table under their own meaning', (name) => {
    const listed = read<ValueSet>(`terminology/fhir/${name}`).compose!.include.flatMap(({ system, concept }) =>
      concept!.map(({ code, display }) => [`${system}|${code}`, display] as const),
    );
    const ofTable = listed.filter(([key]) => !/hl7\.org/.test(key));
    expect(ofTable.map(([key, display]) => [key, display])).toEqual(ofTable.map(([key]) => [key, known.get(key)]));
  });

  it('leads every code of the private DICOM scheme to its definition', () => {
    const { concept } = read<CodeSystem>('terminology/fhir/CodeSystem-measurements.json');
    const [toOwn, toPublic] = read<ConceptMap>('terminology/fhir/ConceptMap-dicom-private-scheme.json').group!;
    expect(toOwn!.element.map(({ code }) => code)).toEqual(concept!.map(({ code }) => code));
    expect(toOwn!.element.every(({ code, target }) => target![0]!.code === code)).toBe(true);
    for (const { target } of toPublic!.element) {
      expect(known.get(`${toPublic!.target}|${target![0]!.code}`)).toBe(target![0]!.display);
    }
  });
});
