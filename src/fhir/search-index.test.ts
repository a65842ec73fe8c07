import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import type { IndexEntry } from '../ports/index.ts';
import { BEGINNING_OF_TIME, END_OF_TIME } from './search-dates.ts';
import { indexOf, referencesOf } from './search-index.ts';
import { RESOURCE_TYPES, searchParametersOf } from './search-parameters.ts';

const index = (resource: object, publicUrl?: string): IndexEntry[] => indexOf(resource as Resource, publicUrl);
const entriesFor = (param: string, resource: object, publicUrl?: string): object[] =>
  index(resource, publicUrl)
    .filter((entry) => entry.param === param)
    .map(({ param: _, ...entry }) => entry);

describe('the index of a resource', () => {
  it('has every way in which an observation is found', () => {
    const observation = {
      resourceType: 'Observation',
      id: 'o1',
      meta: {
        lastUpdated: '2024-01-01T00:00:00Z',
        tag: [{ system: 'urn:t', code: 'x' }],
        profile: ['http://p.example/a|2'],
      },
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '9843-4' }] },
      subject: { reference: 'Patient/p1' },
      effectiveDateTime: '2024-02-03T03:04:05Z',
      valueQuantity: { value: 3.4, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' },
    };
    const quantity = { kind: 'quantity', low: 3.4, high: 3.4, system: 'http://unitsofmeasure.org', code: 'mL' };
    const code = { kind: 'token', system: 'http://loinc.org', code: '9843-4' };
    const subject = { kind: 'reference', type: 'Patient', id: 'p1' };
    const low = Date.UTC(2024, 1, 3, 3, 4, 5);
    expect(index(observation)).toEqual([
      { kind: 'uri', param: '_profile', value: 'http://p.example/a|2' },
      { kind: 'uri', param: '_profile', value: 'http://p.example/a' },
      { kind: 'token', param: '_tag', system: 'urn:t', code: 'x' },
      { ...code, param: 'code' },
      { ...code, param: 'combo-code' },
      { ...quantity, param: 'combo-value-quantity' },
      { kind: 'date', param: 'date', low, high: low + 999 },
      { ...subject, param: 'patient' },
      { kind: 'token', param: 'status', code: 'final' },
      { ...subject, param: 'subject' },
      { ...quantity, param: 'value-quantity' },
    ]);
  });

  it('reads the parts of a name, folded and as they are, each once', () => {
    const patient = {
      resourceType: 'Patient',
      name: [{ family: 'Müller', given: ['Ann', 'Ann'], prefix: ['Dr'], text: 'Ann' }],
    };
    expect(entriesFor('name', patient)).toEqual([
      { kind: 'string', value: 'Müller', folded: 'muller' },
      { kind: 'string', value: 'Ann', folded: 'ann' },
      { kind: 'string', value: 'Dr', folded: 'dr' },
    ]);
    expect(entriesFor('family', patient)).toEqual([{ kind: 'string', value: 'Müller', folded: 'muller' }]);
  });

  it('reads the lines of an address', () => {
    const address = [{ line: ['Am Graben 1', 'Top 2'], city: 'Wien', postalCode: '1010' }];
    const texts = entriesFor('address', { resourceType: 'Patient', address }).map(
      (entry) => 'value' in entry && entry.value,
    );
    expect(texts).toEqual(['Am Graben 1', 'Top 2', 'Wien', '1010']);
  });

  it('keeps to e-mail where a parameter is for e-mail', () => {
    const telecom = [
      { system: 'email', value: 'a@example.org' },
      { system: 'phone', value: '1' },
    ];
    expect(entriesFor('email', { resourceType: 'Patient', telecom })).toEqual([
      { kind: 'token', code: 'a@example.org' },
    ]);
    expect(entriesFor('telecom', { resourceType: 'Patient', telecom })).toHaveLength(2);
  });

  it.each([
    [{}, 'false'],
    [{ deceasedBoolean: false }, 'false'],
    [{ deceasedBoolean: true }, 'true'],
    [{ deceasedDateTime: '2020' }, 'true'],
  ])('says whether a patient with %j is dead', (fields, code) => {
    expect(entriesFor('deceased', { resourceType: 'Patient', ...fields })).toEqual([{ kind: 'token', code }]);
  });

  it('keeps a concept in words as a value without a code', () => {
    expect(entriesFor('code', { resourceType: 'Condition', code: { text: 'headache' } })).toEqual([{ kind: 'token' }]);
  });

  it.each([
    [{ value: 5, comparator: '<' }, -Number.MAX_VALUE, 5],
    [{ value: 5, comparator: '>=' }, 5, Number.MAX_VALUE],
    [{ value: -2.5 }, -2.5, -2.5],
  ])('takes %j for what it means', (valueQuantity, low, high) => {
    const observation = { resourceType: 'Observation', valueQuantity };
    expect(entriesFor('value-quantity', observation)).toEqual([{ kind: 'quantity', low, high }]);
  });

  it('finds a quantity by its unit in words where that is not its code', () => {
    const valueQuantity = { value: 1, unit: 'millilitre', system: 'http://unitsofmeasure.org', code: 'mL' };
    expect(entriesFor('value-quantity', { resourceType: 'Observation', valueQuantity })).toEqual([
      { kind: 'quantity', low: 1, high: 1, system: 'http://unitsofmeasure.org', code: 'mL' },
      { kind: 'quantity', low: 1, high: 1, code: 'millilitre' },
    ]);
  });

  it('takes a range with an open end for a half-line', () => {
    const onset = (onsetRange: object) => entriesFor('onset-age', { resourceType: 'Condition', onsetRange });
    expect(onset({ low: { value: 3, code: 'a' }, high: { value: 5, code: 'a' } })).toEqual([
      { kind: 'quantity', low: 3, high: 5, code: 'a' },
    ]);
    expect(onset({ high: { value: 5 } })).toEqual([{ kind: 'quantity', low: -Number.MAX_VALUE, high: 5 }]);
    expect(onset({ low: { value: 5 } })).toEqual([{ kind: 'quantity', low: 5, high: Number.MAX_VALUE }]);
    expect(onset({})).toEqual([]);
  });

  it.each([
    [{ start: '2024-01', end: '2024-02-03' }, Date.UTC(2024, 0, 1), Date.UTC(2024, 1, 4) - 1],
    [{ start: '2024' }, Date.UTC(2024, 0, 1), END_OF_TIME],
    [{ end: '2024' }, BEGINNING_OF_TIME, Date.UTC(2025, 0, 1) - 1],
  ])('takes the period %j from its first to its last millisecond', (effectivePeriod, low, high) => {
    expect(entriesFor('date', { resourceType: 'Observation', effectivePeriod })).toEqual([{ kind: 'date', low, high }]);
  });

  it.each([
    [{ event: ['2024-03-01', '2024-01-01'] }, Date.UTC(2024, 0, 1), Date.UTC(2024, 2, 2) - 1],
    [{ repeat: { boundsPeriod: { start: '2024', end: '2024' } } }, Date.UTC(2024, 0, 1), Date.UTC(2025, 0, 1) - 1],
    [{ repeat: { frequency: 1 } }, BEGINNING_OF_TIME, END_OF_TIME],
  ])('takes the schedule %j within its outer limits', (effectiveTiming, low, high) => {
    expect(entriesFor('date', { resourceType: 'Observation', effectiveTiming })).toEqual([{ kind: 'date', low, high }]);
  });

  it.each([
    ['Patient/1', { type: 'Patient', id: '1' }],
    ['Patient/1/_history/2', { type: 'Patient', id: '1' }],
    ['https://ni.example/fhir/R4/Patient/1', { type: 'Patient', id: '1' }],
    ['https://other.example/fhir/Patient/1', { url: 'https://other.example/fhir/Patient/1' }],
    ['urn:uuid:4a8e1f6c-0000-4000-8000-000000000000', { url: 'urn:uuid:4a8e1f6c-0000-4000-8000-000000000000' }],
    ['#p', {}],
    ['nonsense', {}],
  ])('reads the reference %s', (reference, expected) => {
    const observation = { resourceType: 'Observation', subject: { reference } };
    expect(entriesFor('subject', observation, 'https://ni.example/')).toEqual([{ kind: 'reference', ...expected }]);
  });

  it('finds a reference by its identifier', () => {
    const subject = { type: 'Patient', identifier: { system: 'urn:mrn', value: '7' } };
    const entry = { kind: 'reference', system: 'urn:mrn', code: '7' };
    expect(entriesFor('subject', { resourceType: 'Observation', subject })).toEqual([entry]);
    expect(entriesFor('patient', { resourceType: 'Observation', subject })).toEqual([entry]);
  });

  it('keeps to patients where a parameter is for patients', () => {
    const patientOf = (reference: string) =>
      entriesFor('patient', { resourceType: 'Observation', subject: { reference } });
    expect(patientOf('Device/1')).toEqual([]);
    expect(patientOf('https://other.example/Device/1')).toEqual([]);
    expect(patientOf('https://other.example/Patient/1')).toHaveLength(1);
    expect(patientOf('Patient/1')).toHaveLength(1);
  });

  it('finds a canonical reference with and without its version', () => {
    const response = { resourceType: 'QuestionnaireResponse', questionnaire: 'http://q.example/1|2.0' };
    expect(entriesFor('questionnaire', response)).toEqual([
      { kind: 'reference', url: 'http://q.example/1|2.0' },
      { kind: 'reference', url: 'http://q.example/1' },
    ]);
  });

  it('keeps the beginning of long text', () => {
    const family = `${'a'.repeat(999)}\u{1f9e0}tail`;
    const [entry] = entriesFor('family', { resourceType: 'Patient', name: [{ family }] });
    expect(entry).toEqual({ kind: 'string', value: `${'a'.repeat(999)}\ufffd`, folded: `${'a'.repeat(999)}\ufffd` });
  });

  it('has no key that is longer than a thousand characters', () => {
    const long = 'x'.repeat(5000);
    const entries = index({
      resourceType: 'Observation',
      meta: { source: `urn:${long}`, tag: [{ system: long, code: long }] },
      identifier: [{ value: long }],
      subject: { reference: `https://other.example/${long}`, identifier: { value: long } },
      valueQuantity: { value: 1, unit: long, system: long, code: long },
    });
    expect(entries.length).toBeGreaterThan(5);
    for (const text of entries.flatMap((entry) => Object.values(entry))) expect(String(text).length).toBeLessThan(1001);
  });

  it('passes over what is not of its type, and is empty for a type that is not searched', () => {
    const wrong = { status: { a: 1 }, code: 'x', subject: 7, effectiveDateTime: 'soon', valueQuantity: { value: '3' } };
    expect(index({ resourceType: 'Observation', ...wrong })).toEqual([
      { kind: 'token', param: 'code', code: 'x' },
      { kind: 'token', param: 'combo-code', code: 'x' },
    ]);
    expect(index({ resourceType: 'Nothing', code: 'x' })).toEqual([]);
  });

  it('throws at no resource', () => {
    const names = RESOURCE_TYPES.flatMap((type) =>
      [...searchParametersOf(type).values()].flatMap(({ places }) => places.flatMap(({ keys }) => keys)),
    );
    const key = fc.constantFrom(
      ...new Set([...names, 'reference', 'coding', 'value', 'start', 'event', 'repeat', 'low']),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, 0, -1.5, '', 'x', '2024-02-30', 'Patient/1', 'http://x|1'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
      ),
    }));
    const resource = fc.tuple(
      fc.constantFrom(...RESOURCE_TYPES),
      fc.dictionary(key, tree, { minKeys: 3, maxKeys: 20 }),
    );
    fc.assert(
      fc.property(resource, ([resourceType, fields]) => {
        const entries = index({ ...fields, resourceType });
        expect(entries.every(({ param }) => searchParametersOf(resourceType).has(param))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the references of a resource', () => {
  const provenance = {
    resourceType: 'Provenance',
    target: [
      { reference: 'Observation/1' },
      { reference: 'https://ni.example/fhir/R4/Patient/2' },
      { reference: 'urn:oid:1.2' },
    ],
  } as Resource;

  it('are those to resources of this server, by parameter', () => {
    expect(referencesOf(provenance, 'target', 'https://ni.example')).toEqual([
      { type: 'Observation', id: '1' },
      { type: 'Patient', id: '2' },
    ]);
    expect(referencesOf(provenance, 'patient', 'https://ni.example')).toEqual([{ type: 'Patient', id: '2' }]);
  });

  it('are none for a parameter that is no reference', () => {
    expect(referencesOf(provenance, 'recorded')).toEqual([]);
    expect(referencesOf(provenance, 'nothing')).toEqual([]);
    expect(referencesOf({ resourceType: 'Claim' } as Resource, 'patient')).toEqual([]);
  });
});
