import { describe, expect, it } from '@jest/globals';
import { conditionalReference, eachReference, renameBy, renameLinks } from './references.ts';

const A = 'urn:uuid:11111111-1111-4111-8111-111111111111';
const B = 'urn:uuid:22222222-2222-4222-8222-222222222222';
const names = new Map([
  [A, 'Patient/a'],
  [B, 'Binary/b'],
  ['http://other.example/fhir/Patient/9', 'Patient/nine'],
]);

describe('renameLinks', () => {
  it('renames references, URLs, and the links of the narrative, wherever they lie', () => {
    const report = {
      resourceType: 'DiagnosticReport' as const,
      status: 'final' as const,
      code: { text: 'x' },
      subject: { reference: A },
      text: { status: 'generated' as const, div: `<div><a href="${A}">p</a><img src='${B}'/>${A}</div>` },
      presentedForm: [{ contentType: 'application/pdf', url: B }],
      extension: [{ url: 'http://a.example', valueUri: A }],
    };
    expect(renameLinks(report, renameBy(names, undefined))).toEqual({
      ...report,
      subject: { reference: 'Patient/a' },
      text: { status: 'generated', div: `<div><a href="Patient/a">p</a><img src='Binary/b'/>${A}</div>` },
      presentedForm: [{ contentType: 'application/pdf', url: 'Binary/b' }],
      extension: [{ url: 'http://a.example', valueUri: 'Patient/a' }],
    });
  });

  it('leaves the original alone and shares what does not change', () => {
    const original = {
      resourceType: 'Observation' as const,
      status: 'final' as const,
      code: { text: 'x' },
      identifier: [{ system: 'urn:ietf:rfc:3986', value: A }],
      subject: { reference: A },
    };
    const renamed = renameLinks(original, renameBy(names, undefined));
    expect(original.subject.reference).toBe(A);
    expect(renamed.identifier).toBe(original.identifier);
    expect(renamed.code).toBe(original.code);
    const other = { ...original, subject: { reference: 'Patient/7' } };
    expect(renameLinks(other, renameBy(names, undefined))).toBe(other);
  });

  it('keeps a fragment, and reads a relative reference beside a full URL that is an address', () => {
    const rename = renameBy(names, 'http://other.example/fhir/Observation/1');
    expect(rename(`${A}#part`)).toBe('Patient/a#part');
    expect(rename('Patient/9')).toBe('Patient/nine');
    expect(rename('Patient/8')).toBeUndefined();
    expect(renameBy(names, undefined)('Patient/9')).toBeUndefined();
  });
});

describe('conditionalReference', () => {
  it('takes Type?criteria apart and nothing else', () => {
    expect(conditionalReference('Patient?identifier=a|b')).toEqual({ type: 'Patient', criteria: 'identifier=a|b' });
    expect(['Patient/1', 'http://a.example/Patient?x=y', A, '#a'].map(conditionalReference)).toEqual(
      Array(4).fill(undefined),
    );
  });
});

describe('eachReference', () => {
  it('sees every reference, inside contained resources too', () => {
    const seen: string[] = [];
    eachReference({ a: { reference: 'x' }, contained: [{ b: [{ reference: 'y' }] }], reference: { c: 1 } }, (text) =>
      seen.push(text),
    );
    expect(seen).toEqual(['x', 'y']);
  });
});
