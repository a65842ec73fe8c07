import type { Measured } from '../domain/result.ts';

/** Text as it can be printed, and the text as it was, where the two differ. */
export interface PrintableText {
  readonly shown: string;
  /** For ActualText (PDF 32000-1 14.9.4): what a reader or a search should find. */
  readonly actual?: string;
}

/**
 * Makes any text safe to print: composed (NFC), controls and direction marks taken out, and every character that the
 * font lacks written as its code point, `[U+5C71]`, so that nothing turns into an empty box unseen.
 */
export function printable(text: string, hasGlyph: (codePoint: number) => boolean): PrintableText {
  const clean = text.normalize('NFC').replace(/\s+/gu, ' ').replace(/\p{C}/gu, '').trim();
  const shown = [...clean].map((character) => {
    const codePoint = character.codePointAt(0)!;
    return hasGlyph(codePoint) ? character : `[U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}]`;
  });
  const joined = shown.join('');
  return joined === clean ? { shown: clean } : { shown: joined, actual: clean };
}

/**
 * A DICOM person name for people: "Family, Prefix Given Middle, Suffix". The alphabetic group is taken; where it is
 * empty the ideographic one, then the phonetic one. PS3.5 6.2.1.
 */
export function personName(pn: string | undefined): string {
  const group = (pn ?? '').split('=').find((candidate) => candidate.replaceAll('^', '').trim() !== '');
  if (group === undefined) return '';
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((part) => part.trim());
  const first = [prefix, given, middle].filter((part) => part !== '').join(' ');
  return [family, first, suffix].filter((part) => part !== '').join(', ');
}

/** DA, YYYYMMDD, as an ISO 8601 date; anything else as it came. */
export function isoDate(da: string | undefined): string {
  return (da ?? '').replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
}

/** The text of a value, or "withheld: reason". */
export function orWithheld<T>(measured: Measured<T>, format: (value: T) => string): string {
  return 'value' in measured ? format(measured.value) : `withheld: ${measured.withheld}`;
}

/** "3412 mm³ (3.41 cm³)". */
export function volumeText(mm3: number): string {
  return `${mm3.toFixed(0)} mm³ (${(mm3 / 1000).toFixed(2)} cm³)`;
}

/** A whole percentile, but never 0 or 100: no sample is large enough to say that. */
export function percentileText(percentile: number): string {
  if (percentile < 1) return 'below 1';
  return percentile > 99 ? 'above 99' : percentile.toFixed(0);
}

/** With its sign, also a plus. A value that rounds to zero has none. */
export function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  if (Number(text) === 0) return (0).toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

/** Four digits at most, no trailing zeros; the UCUM unit "1" is left out. */
export function quantityText(value: number, unit: string): string {
  const decimals = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  const number = String(Number(value.toFixed(decimals)));
  return unit === '1' || unit === '' ? number : `${number} ${raisedUnits(unit)}`;
}

/** UCUM "mm3" as people write it: "mm³". */
export function raisedUnits(text: string): string {
  return text.replace(/\b([cm]?m)([23])\b/g, (_, unit: string, power: string) => unit + (power === '2' ? '²' : '³'));
}
