import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  element,
  ITEM_END,
  implicitElement,
  item,
  nestedSequences,
  openSequence,
  SEQUENCE_END,
  UNDEFINED_LENGTH,
  uint16,
  uint32,
} from '../../test/harness/dicom-bytes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import { DEFAULT_LIMITS, type Limits, type RawItem, tokenize } from './tokenizer.ts';

const EXPLICIT = { explicit: true, littleEndian: true };
const IMPLICIT = { explicit: false, littleEndian: true };
const SEQUENCE = 0x00081140;

const read = (bytes: Uint8Array, encoding = EXPLICIT, limits: Limits = DEFAULT_LIMITS, stop = false): RawItem =>
  tokenize(bytes, 0, encoding, stop, limits);

function kindOf(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return error instanceof NeuroInsightError ? error.kind : `defect: ${String(error)}`;
  }
}

describe('tokenize', () => {
  it('finds tag, VR, offset and length of explicit and implicit elements', () => {
    const explicit = read(Buffer.concat([element(0x00080060, 'CS', 'MR'), element(0x00420011, 'OB', Buffer.alloc(6))]));
    expect(explicit.elements.map(({ tag, vr, start, length }) => [tag, vr.name, start, length])).toEqual([
      [0x00080060, 'CS', 8, 2],
      [0x00420011, 'OB', 22, 6],
    ]);
    const implicit = read(
      Buffer.concat([implicitElement(0x00080060, 'MR'), implicitElement(0x00091001, 'x')]),
      IMPLICIT,
    );
    expect(implicit.elements.map(({ vr, start, length }) => [vr.name, start, length])).toEqual([
      ['CS', 8, 2],
      ['UN', 18, 2],
    ]);
  });

  it('reads sequences of defined and undefined length alike', () => {
    const inner = element(0x00081150, 'UI', '1.2\0');
    const defined = read(element(SEQUENCE, 'SQ', Buffer.concat([item(inner), item(inner)])));
    const open = read(openSequence(SEQUENCE, inner, inner));
    for (const { elements } of [defined, open]) {
      expect(elements[0]!.items!.map((one) => one.elements.map(({ tag }) => tag))).toEqual([
        [0x00081150],
        [0x00081150],
      ]);
    }
    expect(read(element(SEQUENCE, 'SQ', '')).elements[0]!.length).toBe(0);
  });

  it('reads UN of undefined length, and UN that the dictionary knows as a sequence, as implicit items', () => {
    const inner = implicitElement(0x00081150, '1.2\0');
    const unknown = element(0x00091001, 'UN', Buffer.concat([item(inner), SEQUENCE_END]), UNDEFINED_LENGTH);
    const known = element(SEQUENCE, 'UN', item(inner));
    for (const bytes of [unknown, known]) {
      expect(read(bytes).elements[0]!.items![0]!.elements[0]).toMatchObject({ tag: 0x00081150, length: 4 });
    }
  });

  it('reads implicit items inside an explicit sequence, as old scanners wrote them', () => {
    const { elements } = read(element(SEQUENCE, 'SQ', item(implicitElement(0x00081150, '1.2\0'))));
    expect(elements[0]!.items![0]!.elements[0]).toMatchObject({ tag: 0x00081150, length: 4 });
  });

  it('tells the fragments of encapsulated pixel data, the offset table first', () => {
    const content = Buffer.concat([item(uint32(0)), item(Buffer.alloc(10)), item(Buffer.alloc(4)), SEQUENCE_END]);
    const { elements } = read(element(0x7fe00010, 'OB', content, UNDEFINED_LENGTH));
    expect(elements[0]!.fragments).toEqual([
      { start: 20, length: 4 },
      { start: 32, length: 10 },
      { start: 50, length: 4 },
    ]);
  });

  it('stops behind the pixel data when asked to, not at those of an icon', () => {
    const icon = element(0x00880200, 'SQ', item(element(0x7fe00010, 'OW', uint16(1))));
    const rest = Buffer.from('this is no element');
    const bytes = Buffer.concat([icon, element(0x7fe00010, 'OW', uint16(1, 2)), rest]);
    expect(read(bytes, EXPLICIT, DEFAULT_LIMITS, true).elements.map(({ tag }) => tag)).toEqual([
      0x00880200, 0x7fe00010,
    ]);
    expect(kindOf(() => read(bytes))).toBe('malformed-dicom');
  });

  it('sorts elements out of order and refuses a tag twice', () => {
    const name = element(0x00100010, 'PN', 'A');
    const modality = element(0x00080060, 'CS', 'MR');
    const birth = element(0x00100030, 'DA', '');
    expect(read(Buffer.concat([birth, name, modality])).elements.map(({ tag }) => tag)).toEqual([
      0x00080060, 0x00100010, 0x00100030,
    ]);
    expect(kindOf(() => read(Buffer.concat([name, name])))).toBe('malformed-dicom');
    expect(kindOf(() => read(Buffer.concat([name, birth, name])))).toBe('malformed-dicom');
    expect(kindOf(() => read(element(SEQUENCE, 'SQ', item(Buffer.concat([name, modality, name])))))).toBe(
      'malformed-dicom',
    );
  });

  it.each([
    ['an element header', element(0x00080060, 'CS', 'MR').subarray(0, 5)],
    ['a long element header', element(0x00420011, 'OB', '').subarray(0, 10)],
    ['a value', element(0x00080060, 'CS', 'MR', 200)],
    ['a value of four gigabytes', element(0x7fe00010, 'OW', 'ab', 0xfffffffe)],
    ['an item header', element(SEQUENCE, 'SQ', item(Buffer.alloc(0)).subarray(0, 5), UNDEFINED_LENGTH)],
    ['an item', element(SEQUENCE, 'SQ', item(Buffer.alloc(0), 100), UNDEFINED_LENGTH)],
    ['a sequence delimiter', element(SEQUENCE, 'SQ', item(Buffer.alloc(0)), UNDEFINED_LENGTH)],
    ['a fragment', element(0x7fe00010, 'OB', item(Buffer.alloc(4), 40), UNDEFINED_LENGTH)],
    ['a fragment header', element(0x7fe00010, 'OB', item(Buffer.alloc(0)).subarray(0, 6), UNDEFINED_LENGTH)],
  ])('calls a file truncated that ends inside %s', (_, bytes) => {
    expect(kindOf(() => read(bytes))).toBe('truncated');
  });

  const behind = element(0x00420011, 'OB', Buffer.alloc(64));
  it.each([
    ['an element longer than its item', element(SEQUENCE, 'SQ', item(element(0x00081150, 'UI', '', 20)))],
    ['an item longer than its sequence', element(SEQUENCE, 'SQ', item(Buffer.alloc(0), 20))],
    ['a sequence that ends inside an item header', element(SEQUENCE, 'SQ', item(Buffer.alloc(0)).subarray(0, 4))],
    [
      'an item of undefined length that its sequence cuts',
      element(SEQUENCE, 'SQ', item(Buffer.alloc(0), UNDEFINED_LENGTH)),
    ],
    ['something else than items in a sequence', element(SEQUENCE, 'SQ', element(0x00080060, 'CS', 'MR'))],
    [
      'something else than fragments in pixel data',
      element(0x7fe00010, 'OB', element(0x00080060, 'CS', 'MR'), UNDEFINED_LENGTH),
    ],
    ['a delimiter outside a sequence', ITEM_END],
    ['a delimiter in an item of defined length', element(SEQUENCE, 'SQ', item(ITEM_END))],
    ['a VR that is no two capital letters', element(0x00080060, '??', 'MR')],
    ['undefined length on text', element(0x00080060, 'UT', '', UNDEFINED_LENGTH)],
    ['undefined length on bytes other than pixel data', element(0x00420011, 'OB', SEQUENCE_END, UNDEFINED_LENGTH)],
  ])('calls malformed: %s', (_, bytes) => {
    expect(kindOf(() => read(Buffer.concat([bytes, behind])))).toBe('malformed-dicom');
  });

  it('reads 64 sequences inside each other and refuses one more, or 20 000', () => {
    expect(kindOf(() => read(nestedSequences(64)))).toBeUndefined();
    expect(kindOf(() => read(nestedSequences(65)))).toBe('limit-exceeded');
    expect(kindOf(() => read(nestedSequences(20_000)))).toBe('limit-exceeded');
  });

  it('counts elements, items and fragments against one limit', () => {
    const limits = { depth: 4, elements: 3 };
    const elements = [0x00080050, 0x00080060, 0x00080070, 0x00080080].map((tag) => element(tag, 'LO', ''));
    const items = element(SEQUENCE, 'SQ', Buffer.concat(new Array(3).fill(item(Buffer.alloc(0)))));
    const fragments = element(
      0x7fe00010,
      'OB',
      Buffer.concat([...new Array(3).fill(item(Buffer.alloc(0))), SEQUENCE_END]),
      UNDEFINED_LENGTH,
    );
    for (const bytes of [Buffer.concat(elements), items, fragments]) {
      expect(kindOf(() => read(bytes, EXPLICIT, limits))).toBe('limit-exceeded');
    }
    expect(kindOf(() => read(Buffer.concat(elements.slice(1)), EXPLICIT, limits))).toBeUndefined();
  });

  it('answers any bytes with elements or a named error, never with a span outside them', () => {
    const anyEncoding = fc.record({ explicit: fc.boolean(), littleEndian: fc.boolean() });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), anyEncoding, fc.boolean(), (bytes, encoding, stop) => {
        const check = ({ elements }: RawItem): void => {
          for (const { start, length, items, fragments } of elements) {
            if (length !== UNDEFINED_LENGTH) expect(start + length).toBeLessThanOrEqual(bytes.length);
            items?.forEach(check);
            for (const fragment of fragments ?? [])
              expect(fragment.start + fragment.length).toBeLessThanOrEqual(bytes.length);
          }
        };
        expect(kindOf(() => check(tokenize(bytes, 0, encoding, stop))) ?? 'read').not.toMatch(/defect/);
      }),
      { numRuns: 500 },
    );
  });
});
