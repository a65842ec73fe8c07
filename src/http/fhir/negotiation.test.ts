import { describe, expect, it } from '@jest/globals';
import { isNotModifiedSince, namesVersion, preferenceOf, requireJson } from './negotiation.ts';

describe('requireJson', () => {
  it.each([
    [undefined, ''],
    [undefined, '*/*'],
    [undefined, 'application/fhir+json; fhirVersion=4.0'],
    [undefined, 'text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8'],
    [undefined, 'APPLICATION/JSON'],
    ['json', 'application/fhir+xml'],
    ['application/fhir json', ''],
    ['application/fhir+json; charset=utf-8', ''],
  ])('takes _format %j and Accept %j', (format, accept) => {
    expect(() => requireJson(format, accept)).not.toThrow();
  });

  it.each([
    [undefined, 'application/fhir+xml'],
    [undefined, 'text/turtle'],
    [undefined, '*/*;q=0'],
    ['xml', 'application/fhir+json'],
    ['ttl', ''],
    ['', ''],
  ])('refuses _format %j and Accept %j with not-acceptable', (format, accept) => {
    expect(() => requireJson(format, accept)).toThrow(expect.objectContaining({ kind: 'not-acceptable' }));
  });
});

describe('preferenceOf', () => {
  it('reads return among other preferences', () => {
    expect(preferenceOf('return=minimal')).toBe('minimal');
    expect(preferenceOf('respond-async, return=OperationOutcome')).toBe('OperationOutcome');
    expect(preferenceOf('handling=strict; return="minimal"')).toBe('minimal');
    expect(['', 'return=representation', 'return=all', 'noreturn=minimal'].map(preferenceOf)).toEqual(
      Array(4).fill('representation'),
    );
  });
});

describe('what a client knows already', () => {
  it('compares entity tags by version', () => {
    expect(namesVersion('W/"1", W/"3"', 3)).toBe(true);
    expect(namesVersion('"3"', 3)).toBe(true);
    expect(namesVersion('*', 3)).toBe(true);
    expect(namesVersion('W/"33"', 3)).toBe(false);
  });

  it('compares dates by the second', () => {
    const updated = '2026-11-24T10:00:00.900Z';
    expect(isNotModifiedSince('Tue, 24 Nov 2026 10:00:00 GMT', updated)).toBe(true);
    expect(isNotModifiedSince('Tue, 24 Nov 2026 09:59:59 GMT', updated)).toBe(false);
    expect(isNotModifiedSince('yesterday', updated)).toBe(false);
    expect(isNotModifiedSince('', updated)).toBe(false);
  });
});
