import { describe, expect, it } from '@jest/globals';
import { capabilityStatement } from './capability-statement.ts';
import { RESOURCE_TYPES } from './search-parameters.ts';
import { parseSearch } from './search-request.ts';

const statement = capabilityStatement({
  publicUrl: 'https://ni.example/',
  softwareVersion: '0.1.0',
  date: '2026-11-24',
});
const resources = statement.rest![0]!.resource!;

describe('the capability statement', () => {
  it('is found where it says', () => {
    expect(statement.url).toBe('https://ni.example/fhir/R4/metadata');
    expect(statement.implementation?.url).toBe('https://ni.example/fhir/R4');
  });

  it('lists every type that is kept', () => {
    expect(resources.map(({ type }) => type)).toEqual([...RESOURCE_TYPES]);
  });

  it.each(resources.map((resource) => [resource.type!, resource] as const))(
    'states of %s nothing that a search refuses',
    (type, { searchParam, searchInclude, searchRevInclude }) => {
      for (const { name, type: kind } of searchParam!) {
        const value =
          new Map<string, string>([
            ['date', '2024'],
            ['quantity', '1'],
            ['composite', 'a$1'],
          ]).get(kind!) ?? 'a';
        const probe = name === 'code-value-date' ? 'a$2024' : value;
        expect(parseSearch(type, [[name!, probe]]).query.where.length).toBeGreaterThan(0);
      }
      for (const include of searchInclude ?? [])
        expect(parseSearch(type, [['_include', include]]).includes).toHaveLength(1);
      for (const include of searchRevInclude ?? []) {
        expect(parseSearch(type, [['_revinclude', include]]).revIncludes).toHaveLength(1);
      }
    },
  );

  it('offers audit events for reading alone', () => {
    const audit = resources.find(({ type }) => type === 'AuditEvent')!;
    expect(audit.interaction?.map(({ code }) => code)).toEqual(['read', 'search-type']);
    expect(audit).not.toHaveProperty('searchInclude');
    const mentions = resources
      .flatMap(({ searchRevInclude }) => searchRevInclude ?? [])
      .filter((name) => name.startsWith('AuditEvent'));
    expect(mentions).toEqual([]);
  });
});
