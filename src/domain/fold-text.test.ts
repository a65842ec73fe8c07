import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldText } from './fold-text.ts';

describe('foldText', () => {
  it.each([
    ['MULLER', 'muller'],
    ['Müller', 'muller'],
    ['Mu\u0308ller', 'muller'],
    ['Straße', 'strasse'],
    ['STRASSE', 'strasse'],
    ['Łukasz Ørsted', 'lukasz orsted'],
    ['Ægir Œuvre', 'aegir oeuvre'],
    ['İstanbul', 'istanbul'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδος', 'οδοσ'],
    ['Ｗｉｄｅ', 'wide'],
    ['山田^太郎', '山田^太郎'],
    ['', ''],
  ])('folds %j to %j', (text, folded) => {
    expect(foldText(text)).toBe(folded);
  });

  it('folds what it has folded to itself, and upper case like lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aÄßσςΣłŁİıæ e\u0301ΟÉñ') }), (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text));
        expect(foldText(text.toUpperCase())).toBe(foldText(text));
      }),
    );
  });

  it('folds the beginning of a text to the beginning of what the text folds to', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (beginning, rest) => {
        expect(foldText(beginning + rest).startsWith(foldText(beginning))).toBe(true);
      }),
    );
  });
});
