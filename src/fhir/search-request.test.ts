import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Condition } from '../ports/index.ts';
import { RESOURCE_TYPES, searchParametersOf } from './search-parameters.ts';
import { parseSearch, type SearchRequest } from './search-request.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const OPTIONS = { publicUrl: 'https://ni.example', now: NOW };

const parse = (type: string, query: string): SearchRequest =>
  parseSearch(type, [...new URLSearchParams(query.replaceAll('+', '%2B'))], OPTIONS);
const where = (type: string, query: string): readonly Condition[] => parse(type, query).query.where;
const refusal = (type: string, query: string): string => {
  try {
    parse(type, query);
  } catch (error) {
    if (error instanceof NeuroInsightError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return 'accepted';
};

const from = Date.UTC(2024, 0, 1);
const to = Date.UTC(2025, 0, 1) - 1;

describe('a condition', () => {
  it.each<[string, Condition]>([
    ['code=a', { kind: 'token', param: 'code', anyOf: [{ code: 'a' }] }],
    [
      'code=s|a,|b,s|',
      { kind: 'token', param: 'code', anyOf: [{ system: 's', code: 'a' }, { system: '', code: 'b' }, { system: 's' }] },
    ],
    ['code:not=a,b', { kind: 'token', param: 'code', anyOf: [{ code: 'a' }, { code: 'b' }], not: true }],
    ['code=a\\|b\\,c\\\\d\\$', { kind: 'token', param: 'code', anyOf: [{ code: 'a|b,c\\d$' }] }],
    ['value-string=Ä%25_*', { kind: 'string', param: 'value-string', match: 'starts', anyOf: ['a%_*'] }],
    ['value-string:exact=Ä', { kind: 'string', param: 'value-string', match: 'exact', anyOf: ['Ä'] }],
    ['value-string:contains=B', { kind: 'string', param: 'value-string', match: 'contains', anyOf: ['b'] }],
    ['date=2024', { kind: 'date', param: 'date', anyOf: [{ comparator: 'eq', low: from, high: to }] }],
    [
      'date=ge2024,eb2024',
      {
        kind: 'date',
        param: 'date',
        anyOf: [
          { comparator: 'ge', low: from, high: to },
          { comparator: 'eb', low: from, high: to },
        ],
      },
    ],
    [
      'value-quantity=100',
      {
        kind: 'quantity',
        param: 'value-quantity',
        anyOf: [{ comparator: 'eq', low: 99.5, high: expect.closeTo(100.5, 9) as never }],
      },
    ],
    [
      'value-quantity=gt5.40|u|mg',
      {
        kind: 'quantity',
        param: 'value-quantity',
        anyOf: [{ comparator: 'gt', low: 5.4, high: 5.4, system: 'u', code: 'mg' }],
      },
    ],
    [
      'value-quantity=le-1e-3||mg',
      {
        kind: 'quantity',
        param: 'value-quantity',
        anyOf: [{ comparator: 'le', low: -0.001, high: -0.001, code: 'mg' }],
      },
    ],
    [
      'value-quantity=ap200',
      { kind: 'quantity', param: 'value-quantity', anyOf: [{ comparator: 'ap', low: 180, high: 220 }] },
    ],
    ['subject=1', { kind: 'reference', param: 'subject', anyOf: [{ id: '1' }] }],
    [
      'subject=Patient/1,https://ni.example/fhir/R4/Group/2',
      {
        kind: 'reference',
        param: 'subject',
        anyOf: [
          { type: 'Patient', id: '1' },
          { type: 'Group', id: '2' },
        ],
      },
    ],
    ['subject=urn:oid:1.2', { kind: 'reference', param: 'subject', anyOf: [{ url: 'urn:oid:1.2' }] }],
    ['subject:Patient=1', { kind: 'reference', param: 'subject', anyOf: [{ type: 'Patient', id: '1' }] }],
    ['subject:Patient=Patient/1', { kind: 'reference', param: 'subject', anyOf: [{ type: 'Patient', id: '1' }] }],
    ['subject:identifier=s|1', { kind: 'referenceIdentifier', param: 'subject', anyOf: [{ system: 's', code: '1' }] }],
    ['subject:missing=false', { kind: 'missing', param: 'subject', missing: false }],
    ['_id=a,b', { kind: 'id', anyOf: ['a', 'b'] }],
    ['_lastUpdated=lt2024', { kind: 'lastUpdated', anyOf: [{ comparator: 'lt', low: from, high: to }] }],
    ['_tag=s|a', { kind: 'token', param: '_tag', anyOf: [{ system: 's', code: 'a' }] }],
    ['_profile=http://p', { kind: 'uri', param: '_profile', match: 'exact', anyOf: ['http://p'] }],
    ['_profile:below=http://p', { kind: 'uri', param: '_profile', match: 'below', anyOf: ['http://p'] }],
  ])('is read from %s', (query, condition) => {
    expect(where('Observation', query)).toEqual([condition]);
  });

  it('keeps a canonical whole', () => {
    expect(where('QuestionnaireResponse', 'questionnaire=http://q|1')).toEqual([
      { kind: 'reference', param: 'questionnaire', anyOf: [{ url: 'http://q|1' }] },
    ]);
  });

  it('widens about a date by a tenth of the time since', () => {
    const day = 86_400_000;
    const [low, high] = [Date.UTC(2025, 11, 22) - day, Date.UTC(2025, 11, 23) - 1 + day];
    expect(where('Observation', 'date=ap2025-12-22')).toEqual([
      { kind: 'date', param: 'date', anyOf: [{ comparator: 'ap', low, high }] },
    ]);
  });

  it('finds 5.395 for 5.40, not 5.405', () => {
    const [condition] = where('Observation', 'value-quantity=5.40');
    const { low, high } = (condition as Extract<Condition, { kind: 'quantity' }>).anyOf[0]!;
    expect(low).toBe(5.395);
    expect(high).toBeLessThan(5.405);
    expect(high).toBeGreaterThan(5.4049999);
  });

  it('holds together with the others, also of the same parameter', () => {
    expect(where('Observation', 'date=ge2024&date=lt2025&status=final')).toHaveLength(3);
  });
});

describe('a chain', () => {
  const family = { kind: 'string', param: 'family', match: 'starts', anyOf: ['fam'] };
  const chain = { kind: 'chain', param: 'subject', type: 'Patient', where: [family] };

  it('leads to the type that is named, or to the only one that has the parameter', () => {
    expect(where('Observation', 'subject:Patient.family=Fam')).toEqual([chain]);
    expect(where('Observation', 'subject.family=Fam')).toEqual([chain]);
    expect(where('Observation', 'subject:Patient.family:exact=Fam')).toEqual([
      { ...chain, where: [{ ...family, match: 'exact', anyOf: ['Fam'] }] },
    ]);
  });

  it('has three links at most, backwards or forwards', () => {
    const three = 'encounter.patient.organization.name=x';
    expect(where('Observation', three)).toHaveLength(1);
    expect(refusal('Observation', 'encounter.patient.organization.partof.name=x')).toMatch('at most 3 links');
    expect(refusal('Observation', `_has:Provenance:target:patient.organization.partof.name=x`)).toMatch(
      'at most 3 links',
    );
  });

  it('leads backwards', () => {
    const code = { kind: 'token', param: 'code', anyOf: [{ code: 'a' }] };
    expect(where('Patient', '_has:Observation:patient:code=a')).toEqual([
      { kind: 'has', type: 'Observation', param: 'patient', where: [code] },
    ]);
    expect(where('Observation', 'subject:Patient._has:Observation:patient:code=a')).toEqual([
      {
        kind: 'chain',
        param: 'subject',
        type: 'Patient',
        where: [{ kind: 'has', type: 'Observation', param: 'patient', where: [code] }],
      },
    ]);
    expect(where('Patient', '_has:Observation:patient:_has:Provenance:target:agent=1')).toHaveLength(1);
  });
});

describe('a pair of code and value', () => {
  const code = { kind: 'token', param: 'code', anyOf: [{ system: 's', code: 'c' }] };

  it('is both of them', () => {
    expect(where('Observation', 'code-value-quantity=s|c$gt5||mg')).toEqual([
      code,
      { kind: 'quantity', param: 'value-quantity', anyOf: [{ comparator: 'gt', low: 5, high: 5, code: 'mg' }] },
    ]);
  });

  it('may be one of several that differ in one part', () => {
    expect(where('Observation', 'code-value-concept=s|c$a,s|c$b')).toEqual([
      code,
      { kind: 'token', param: 'value-concept', anyOf: [{ code: 'a' }, { code: 'b' }] },
    ]);
    expect(refusal('Observation', 'code-value-concept=a$b,c$d')).toMatch(
      'code-value-concept may differ in one of their parts',
    );
  });

  it('is refused where a pair may lie in any of several elements', () => {
    expect(refusal('Observation', 'component-code-value-quantity=a$1')).toMatch(
      'component-code-value-quantity is not supported',
    );
  });
});

describe('a search that is not understood', () => {
  it.each([
    ['nothing=1', 'parameter nothing is not supported for Observation'],
    ['_content=x', '_content'],
    ['code:text=x', 'the modifier :text of parameter code'],
    ['code:in=x', ':in'],
    ['code:exact=x', ':exact'],
    ['value-string:not=x', ':not'],
    ['date:exact=2024', ':exact'],
    ['subject:Location.x=1', 'parameter x'],
    ['subject:Task=1', ':Task'],
    ['subject:Task.status=1', 'leads to no such type'],
    ['code.x=1', 'is not a reference'],
    ['subject.name=x', 'write subject:Type.name'],
    ['subject.nothing=x', 'no type that parameter subject may refer to'],
    ['code:not:missing=x', 'more than one modifier'],
    ['_id:not=1', ':not'],
    ['_id=a/b', 'not an id'],
    ['code=', 'parameter code has no value'],
    ['code=a,,b', 'empty value'],
    ['code=a|b|c', 'none of code'],
    ['code=|', 'none of code'],
    ['code=a\\b', 'backslash'],
    ['code=a\\', 'backslash'],
    [`code=${'x'.repeat(1001)}`, 'longer than 1000'],
    ['code:missing=yes', 'true or false'],
    ['value-string=%CC%81', 'no letter'],
    ['date=yesterday', 'not a date'],
    ['date=xx2024', 'not a date'],
    ['date=2024-02-30', 'not a date'],
    ['value-quantity=x', 'not a number'],
    ['value-quantity=', 'no value'],
    ['value-quantity=1e999', 'not a number'],
    ['value-quantity=0x10', 'not a number'],
    ['value-quantity=1|mg', 'none of NUMBER'],
    ['value-quantity=1|s|c|d', 'none of NUMBER'],
    ['subject=a b', 'none of id'],
    ['subject=Patient/1/_history/1', 'names a version'],
    ['subject:Patient=Group/1', 'another type'],
    ['_has:Observation=1', '_has is written as'],
    ['_has:Nothing:patient:code=1', 'not supported there'],
    ['_has:AuditEvent:entity:action=C', 'not supported there'],
    ['_has:Observation:code:code=1', 'is not a reference'],
    ['_has:Observation:patient:code=1', 'does not refer to Observation'],
    ['code-value-quantity=a', 'is not code$value-quantity'],
    ['code-value-quantity:missing=true', ':missing'],
    ['_include:iterate=Observation:subject', '_include:iterate'],
    ['_include=*', '_include is written as'],
    ['_include=Observation:*', 'name the parameter'],
    ['_include=Patient:organization', 'starts at Observation'],
    ['_include=Nothing:x', 'not supported there'],
    ['_include=Observation:code', 'not a reference'],
    ['_include=Observation:subject:Task', 'does not refer to that type'],
    ['_include=Observation:subject:Patient:x', 'is written as'],
    ['_revinclude=Observation:patient', 'does not refer to Observation'],
    ['_revinclude=Provenance:target:Patient', 'does not refer to Observation'],
    ['_revinclude=AuditEvent:entity', 'not supported there'],
    ['_sort=nothing', 'parameter nothing'],
    ['_sort=date,-date', 'twice'],
    ['_sort=code-value-quantity', 'composite'],
    ['_sort=_id,_lastUpdated,code,date,status,subject', 'at most 5'],
    ['_sort:desc=date', 'modifier'],
    ['_count=many', '_count is a whole number'],
    ['_count=-1', '_count is a whole number'],
    ['_count=1&_count=2', '_count is given twice'],
    ['_offset=1000001', '_offset is at most'],
    ['_total=all', '_total'],
    ['_summary=yes', '_summary'],
    ['_elements=a.b', '_elements'],
    ['_elements=code&_summary=true', 'exclude each other'],
    ['_contained=true', '_contained'],
  ])('%s is refused by name', (query, reason) => {
    expect(refusal('Observation', query)).toMatch(/^invalid-request: /);
    expect(refusal('Observation', query)).toContain(reason);
  });

  it('is refused for a type that is not kept', () => {
    expect(refusal('Claim', '')).toMatch(/^not-found/);
  });

  it('repeats neither values nor what is no name', () => {
    expect(refusal('Patient', 'birthdate=Secret')).not.toMatch('Secret');
    expect(refusal('Patient', '<b>Secret</b>=1')).toBe('invalid-request: a parameter is not supported for Patient');
    expect(refusal('Patient', 'name:<b>=1')).not.toMatch('<b>');
  });

  it('is refused beyond its limits', () => {
    const list = (count: number): string => Array.from({ length: count }, (_, i) => i).join(',');
    expect(where('Observation', `_id=${list(10_000)}`)).toHaveLength(1);
    expect(refusal('Observation', `_id=${list(10_001)}`)).toMatch('at most 10000 values');
    expect(refusal('Observation', Array.from({ length: 51 }, () => 'code=a').join('&'))).toMatch(
      'at most 50 conditions',
    );
    expect(refusal('Observation', Array.from({ length: 201 }, () => '_format=json').join('&'))).toMatch('at most 200');
    expect(refusal('Observation', Array.from({ length: 21 }, () => '_include=Observation:subject').join('&'))).toMatch(
      '20 includes',
    );
  });
});

describe('how a search is answered', () => {
  it('is by fifty, newest first, uncounted, whole', () => {
    expect(parse('Observation', '')).toEqual({
      query: { resourceType: 'Observation', where: [], sort: [], count: 50, offset: 0, total: false },
      includes: [],
      revIncludes: [],
      summary: 'false',
      elements: [],
      selfLinkParams: [],
    });
  });

  it('is as the parameters say', () => {
    const query =
      '_include=Observation:subject&_include=Observation:encounter:Encounter&_revinclude=Provenance:target&_sort=-date,_id,_lastUpdated,code&_count=7&_offset=14&_total=accurate&_elements=code,subject&_format=json&_pretty=true&_contained=false';
    const request = parse('Observation', query);
    expect(request.includes).toEqual([
      { type: 'Observation', param: 'subject' },
      { type: 'Observation', param: 'encounter', target: 'Encounter' },
    ]);
    expect(request.revIncludes).toEqual([{ type: 'Provenance', param: 'target' }]);
    expect(request.query).toEqual({
      resourceType: 'Observation',
      where: [],
      sort: [
        { param: 'date', kind: 'date', descending: true },
        { param: '_id', kind: 'id', descending: false },
        { param: '_lastUpdated', kind: 'lastUpdated', descending: false },
        { param: 'code', kind: 'token', descending: false },
      ],
      count: 7,
      offset: 14,
      total: true,
    });
    expect(request.elements).toEqual(['code', 'subject']);
    expect(request.selfLinkParams.map(([name]) => name)).toEqual([
      '_include',
      '_include',
      '_revinclude',
      '_sort',
      '_count',
      '_total',
      '_elements',
      '_contained',
    ]);
  });

  it.each(['_summary=count', '_count=0'])('with %s is the number alone', (query) => {
    expect(parse('Patient', query).query).toMatchObject({ count: 0, total: true });
  });

  it('is by a thousand at most, and says so', () => {
    const { query, selfLinkParams } = parse('Patient', '_count=5000');
    expect(query.count).toBe(1000);
    expect(selfLinkParams).toEqual([['_count', '1000']]);
  });
});

describe('any search', () => {
  const names = RESOURCE_TYPES.flatMap((type) => [...searchParametersOf(type).keys()]);
  const special = [
    '_has:Observation:patient:code',
    '_include',
    '_revinclude',
    '_sort',
    '_count',
    '_offset',
    '_summary',
  ];
  const name = fc.oneof(fc.constantFrom(...new Set(names), ...special, '__proto__', 'constructor'), fc.string());
  const key = fc
    .tuple(
      name,
      fc.constantFrom('', '', ':not', ':exact', ':missing', ':Patient', ':'),
      fc.constantFrom('', '.', '.name', '._has:'),
    )
    .map((parts) => parts.join(''));
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^(eq|gt|ap)?[\d.eE|$,\\-]{0,12}$/),
    fc.constantFrom('Patient/1', '2024-01-01', '1.5|s|c', 'a$b', 'true', '\ud800', '-date,_id', 'Observation:subject'),
  );

  it('is read, or refused with a foreseen error', () => {
    const attempt = (type: string, params: [string, string][]): string => {
      try {
        return parseSearch(type, params, OPTIONS).query.resourceType;
      } catch (error) {
        expect(error).toBeInstanceOf(NeuroInsightError);
        return (error as NeuroInsightError).message;
      }
    };
    const params = fc.array(fc.tuple(key, value), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...RESOURCE_TYPES), params, (type, pairs) => {
        expect(attempt(type, pairs)).not.toMatch(/[\r\n]/);
      }),
      { numRuns: 2000 },
    );
  });
});
