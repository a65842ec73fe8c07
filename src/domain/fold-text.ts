const COMBINING = /\p{M}/gu;
// Printable ASCII has nothing to decompose; nearly every name and code is.
const ASCII = /^[\x20-\x7e]*$/;

/** Letters with a stroke and ligatures, which Unicode does not decompose, as they are typed without a special key. */
const SPELLED: Readonly<Record<string, string>> = { ł: 'l', ø: 'o', đ: 'd', ħ: 'h', ŧ: 't', ı: 'i', æ: 'ae', œ: 'oe' };
const SPECIAL = /[łøđħŧıæœ]/g;

/**
 * Text as it is compared when case and diacritics do not matter: "Müller" and "MULLER" fold to "muller", "Straße" and
 * "STRASSE" to "strasse". Each character folds alone, so that the beginning of a text folds to the beginning.
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // Upper case first: it has one form for ß and for the two small sigmas, and the last sigma of a word is no other.
  const lower = text.normalize('NFKD').replace(COMBINING, '').toUpperCase().toLowerCase().replaceAll('ς', 'σ');
  return lower.replace(SPECIAL, (letter) => SPELLED[letter]!);
}
