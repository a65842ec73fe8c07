import { decodeExtended } from './charset-2022.ts';
import { decodeSingle } from './charset-single.ts';

/** Decoders of one Specific Character Set (0008,0005); PS3.3 C.12.1.1.2, PS3.5 chapter 6. */
export interface CharacterSet {
  /** The defined terms as received, in order; empty for the default repertoire. */
  readonly terms: readonly string[];
  /** Turns the bytes of a whole element, all its values, into text; `personName` also ends code extensions at ^ and =. */
  decode(bytes: Uint8Array, personName: boolean): string;
}

/** ISO_IR 6: seven bits. Anything above is shown as U+FFFD, never guessed. */
export const DEFAULT_CHARACTER_SET: CharacterSet = { terms: [], decode: (bytes) => decodeSingle(bytes, '6') };

/**
 * The decoder for the values of Specific Character Set. Unknown terms decode ASCII and show the rest as U+FFFD.
 *
 * @param terms values of (0008,0005), trimmed; an empty first value with others after it means ISO 2022 IR 6.
 */
export function characterSetOf(terms: readonly string[]): CharacterSet {
  const first = terms[0] ?? '';
  if (terms.length > 1 || first.startsWith('ISO 2022')) {
    return { terms, decode: (bytes, personName) => decodeExtended(bytes, setNumber(first), personName) };
  }
  if (first === '' || setNumber(first) === '6') return DEFAULT_CHARACTER_SET;
  const set = setNumber(first);
  return { terms, decode: (bytes) => decodeSingle(bytes, set) };
}

/** "ISO_IR 100" and "ISO 2022 IR 100" -> "100"; some devices write other punctuation. */
function setNumber(term: string): string {
  if (term === '') return '6';
  return /^ISO[ _-](?:2022[ _-])?IR[ _-](\d+)$/.exec(term)?.[1] ?? term;
}
