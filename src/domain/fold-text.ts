const COMBINING = /\p{M}/gu;
// Printable ASCII has nothing to decompose; nearly every name and code is.
const ASCII = /^[\x20-\x7e]*$/;

/** Text as it is compared when case and diacritics do not matter: "Müller" and "MULLER" fold to "muller". */
export const foldText = (text: string): string =>
  ASCII.test(text) ? text.toLowerCase() : text.normalize('NFKD').replace(COMBINING, '').toLowerCase();
