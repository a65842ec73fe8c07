import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { evalFhirPath } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';
import { valuesOf } from '../../src/fhir/search-index.ts';
import { type Place, RESOURCE_TYPES, searchParametersOf } from '../../src/fhir/search-parameters.ts';
import { alternativesOf, hl7SearchParameters, searchParameterFiles } from '../harness/search-parameter-files.ts';

describe('the table of search parameters', () => {
  it.each(searchParameterFiles().map(({ path, text }) => [path, text] as const))(
    '%s is what the definitions make (else run test/harness/write-search-parameters.ts)',
    (path, text) => {
      expect(readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')).toBe(text);
    },
  );
});

const SAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  Reference: [{ reference: 'Patient/1' }, { reference: 'Device/2' }, { reference: 'Practitioner/3' }, { display: 'x' }],
  ContactPoint: [
    { system: 'email', value: 'a@example.org' },
    { system: 'phone', value: '+43 1' },
    { system: 'fax', value: '2' },
  ],
  Quantity: [{ value: 3, unit: 'mm' }],
  Period: [{ start: '2024-02' }],
  boolean: [true],
  dateTime: ['2024-02-29'],
};

/** A resource with values at one place alone, lists or single objects on the way there. */
function resourceWith(type: string, { keys, dataType }: Place, asLists: boolean): Resource {
  const values = SAMPLES[dataType] ?? [{ code: 'one' }, { code: 'two' }];
  const last: unknown = asLists ? values : values[0];
  const value = keys.toReversed().reduce<unknown>((inner, key, depth) => {
    const object = { [key]: inner };
    return asLists && depth < keys.length - 1 ? [object, { other: 1 }] : object;
  }, last);
  return { resourceType: type, ...(value as object) } as Resource;
}

describe('the values of a search parameter', () => {
  const definitions = new Map(hl7SearchParameters().map((parameter) => [parameter.url, parameter]));
  const simple = (type: (typeof RESOURCE_TYPES)[number]) =>
    [...searchParametersOf(type).values()].filter((parameter) => parameter.type !== 'composite');

  it.each(RESOURCE_TYPES)('of %s are those that the FHIRPath expressions find', (type) => {
    for (const parameter of simple(type)) {
      const definition = definitions.get(parameter.definition)!;
      const base = parameter.name.startsWith('_') ? 'Resource' : type;
      const expression = alternativesOf(definition, base).join(' | ').replaceAll('Resource.', `${type}.`);
      expect([parameter.name, expression]).not.toEqual([parameter.name, '']);
      for (const place of parameter.places) {
        for (const asLists of [false, true]) {
          const resource = resourceWith(type, place, asLists);
          const found = valuesOf(resource, parameter).map(({ value }) => (place.target === 'exists' ? true : value));
          expect([parameter.name, found]).toEqual([parameter.name, evalFhirPath(expression, resource)]);
        }
      }
    }
  });
});
