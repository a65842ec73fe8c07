import { describe, expect, it } from '@jest/globals';
import { subsetText } from './subset.ts';

const json = JSON.stringify({
  resourceType: 'Observation',
  id: 'a',
  meta: { versionId: '1', tag: [{ code: 'kept' }] },
  text: { status: 'generated', div: '<div>x</div>' },
  status: 'final',
  _status: { id: 's' },
  code: { text: 'volume' },
  valueQuantity: { value: 3.4 },
  note: [{ text: 'n' }],
});
const namesOf = (text: string): string[] => Object.keys(JSON.parse(text));

describe('subsetText', () => {
  it('hands the very text on when all of it is wanted', () => {
    expect(subsetText(json, 'Observation', 'false', [])).toBe(json);
  });

  it('answers the elements that are wanted with those that a resource must have, marked SUBSETTED', () => {
    const text = subsetText(json, 'Observation', 'false', ['valueQuantity']);
    expect(namesOf(text)).toEqual(['resourceType', 'id', 'meta', 'status', '_status', 'code', 'valueQuantity']);
    expect(JSON.parse(text).meta.tag).toEqual([
      { code: 'kept' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' },
    ]);
  });

  it('tells text, data and summary apart', () => {
    expect(namesOf(subsetText(json, 'Observation', 'text', []))).toContain('text');
    expect(namesOf(subsetText(json, 'Observation', 'text', []))).not.toContain('valueQuantity');
    expect(namesOf(subsetText(json, 'Observation', 'data', []))).toEqual(
      namesOf(json).filter((name) => name !== 'text'),
    );
    expect(namesOf(subsetText(json, 'Observation', 'true', []))).not.toContain('note');
    expect(namesOf(subsetText(json, 'Observation', 'true', []))).toContain('valueQuantity');
  });
});
