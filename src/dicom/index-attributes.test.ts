import { describe, expect, it } from '@jest/globals';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { MATCHABLE, type QueryLevel } from '../ports/dicom-index.ts';
import { hexOfTag, tagOf } from './dictionary.ts';
import { encodeDicom } from './encode.ts';
import { readDicom } from './file.ts';
import { indexAttributesOf } from './index-attributes.ts';

const slice = mrSlice({ rows: 4, columns: 4, slice: 2 });
const { attributes } = indexAttributesOf(readDicom(encodeDicom(slice)));
/** Counted by the index, not said by an instance. */
const DERIVED: ReadonlySet<string> = new Set(['ModalitiesInStudy']);

describe('what the index keeps of an instance', () => {
  it.each(['study', 'series', 'instance'] as const)(
    'holds every matchable attribute of level %s that it has',
    (level: QueryLevel) => {
      const present = MATCHABLE[level].filter((keyword) => slice[keyword] !== undefined && !DERIVED.has(keyword));
      expect(present.length).toBeGreaterThan(2);
      expect(Object.keys(attributes[level])).toEqual(
        expect.arrayContaining(present.map((keyword) => hexOfTag(tagOf(keyword)))),
      );
    },
  );

  it('keeps values as QIDO-RS answers them', () => {
    expect(attributes.study['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Phantom^One' }] });
    expect(attributes.series['00200011']).toEqual({ vr: 'IS', Value: [4] });
    expect(attributes.series['00400275']?.Value).toHaveLength(1);
    expect(attributes.instance['00280010']).toEqual({ vr: 'US', Value: [4] });
  });

  it('says nothing of what the instance lacks or cannot say in line', () => {
    const long = { ...slice, AccessionNumber: undefined };
    const kept = indexAttributesOf(readDicom(encodeDicom(long))).attributes;
    expect(kept.study['00080050']).toBeUndefined();
    expect(JSON.stringify(kept)).not.toContain('7FE00010');
  });
});
