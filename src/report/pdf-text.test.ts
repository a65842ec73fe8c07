import { describe, expect, it } from '@jest/globals';
import {
  isoDate,
  orWithheld,
  percentileText,
  personName,
  printable,
  quantityText,
  signed,
  volumeText,
} from './pdf-text.ts';

const latinOnly = (codePoint: number): boolean => codePoint < 0x250;

describe('printable', () => {
  it('leaves text alone that the font can show', () => {
    expect(printable('Müller, Änne', latinOnly)).toEqual({ shown: 'Müller, Änne' });
  });

  it('writes what the font lacks as code points and keeps the true text beside it', () => {
    expect(printable('山田 Taro 𠮷', latinOnly)).toEqual({
      shown: '[U+5C71][U+7530] Taro [U+20BB7]',
      actual: '山田 Taro 𠮷',
    });
  });

  it('composes letters and their marks, and takes out controls and direction marks', () => {
    expect(printable('Mu\u0308ller\u202e\u0007\u200b  \n Anne ', latinOnly)).toEqual({ shown: 'Müller Anne' });
  });
});

describe('personName', () => {
  it.each([
    ['Müller^Änne^^Dr', 'Müller, Dr Änne'],
    ['Adams^John Robert Quincy^^Rev.^B.A. M.Div.', 'Adams, Rev. John Robert Quincy, B.A. M.Div.'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada, Tarou'],
    ['=山田^太郎=やまだ^たろう', '山田, 太郎'],
    ['^^^^=', ''],
    ['Anonymous', 'Anonymous'],
    [undefined, ''],
  ])('reads %s as %s', (pn, text) => {
    expect(personName(pn)).toBe(text);
  });
});

describe('numbers and dates', () => {
  it('never print a percentile of 0 or 100', () => {
    expect([0.04, 0.99, 1, 62.4, 99, 99.6].map(percentileText)).toEqual([
      'below 1',
      'below 1',
      '1',
      '62',
      '99',
      'above 99',
    ]);
  });

  it('carry their sign, but zero has none', () => {
    expect([0.316, -0.782, -0.001, 0].map((value) => signed(value, 2))).toEqual(['+0.32', '-0.78', '0.00', '0.00']);
  });

  it('name their units, except the unit one', () => {
    expect([quantityText(1.75, 'mm'), quantityText(0.99, '1'), quantityText(0.0404, '')]).toEqual([
      '1.75 mm',
      '0.99',
      '0.04',
    ]);
    expect([quantityText(3726.424, 'mm3'), quantityText(57.399, 'mm'), quantityText(12, 'cm2')]).toEqual([
      '3726 mm³',
      '57.4 mm',
      '12 cm²',
    ]);
    expect(volumeText(3412.4)).toBe('3412 mm³ (3.41 cm³)');
  });

  it('are ISO dates where the header has a date', () => {
    expect([isoDate('19520317'), isoDate('1952'), isoDate(undefined)]).toEqual(['1952-03-17', '1952', '']);
  });

  it('are replaced by the reason where they are withheld', () => {
    expect(orWithheld({ withheld: 'the head is cut' }, String)).toBe('withheld: the head is cut');
    expect(orWithheld({ value: 3 }, String)).toBe('3');
  });
});
