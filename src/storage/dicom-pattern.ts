import { entryOf } from '../dicom/dictionary.ts';
import { foldText } from '../domain/fold-text.ts';

/** VRs whose values are compared as they are; names and text are compared folded. */
const EXACT_VRS: readonly string[] = ['UI', 'DA', 'TM', 'CS', 'IS'];

export const foldFor = (keyword: string): ((text: string) => string) =>
  EXACT_VRS.includes(entryOf(keyword).vr) ? (text) => text : foldText;

/** One piece of a pattern: literal text, `?` one character, `*` any run of characters. */
export type Piece = { readonly literal: string } | '?' | '*';

/**
 * A pattern of QIDO-RS in pieces, its literals folded as the attribute's values are. Folded piece by piece: a wide
 * asterisk folds to an asterisk, and is none.
 */
export function piecesOf(keyword: string, pattern: string): Piece[] {
  const fold = foldFor(keyword);
  return pattern
    .split(/([*?])/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece === '*' || piece === '?' ? piece : { literal: fold(piece) }));
}

export const isUniversal = (pieces: readonly Piece[]): boolean => pieces.every((piece) => piece === '*');

/** The text of a pattern without wildcards; undefined where it has one. */
export function literalOf(pieces: readonly Piece[]): string | undefined {
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') return undefined;
    text += piece.literal;
  }
  return text;
}

/** What every match begins with. */
export const prefixOf = (pieces: readonly Piece[]): string => {
  const [first] = pieces;
  return typeof first === 'object' ? first.literal : '';
};

/** As a pattern of SQLite's GLOB, whose special characters are * ? and [ (in brackets they are literal). */
export const globOf = (pieces: readonly Piece[]): string =>
  pieces
    .map((piece) =>
      typeof piece === 'string' ? piece : piece.literal.replaceAll(/[*?[]/g, (special) => `[${special}]`),
    )
    .join('');

/** Whether the whole text is as the pieces say. Takes time linear in both for each run of anything. */
export function matchesPieces(text: string, pieces: readonly Piece[]): boolean {
  const characters = [...text];
  const wanted = pieces.flatMap((piece): string[] =>
    typeof piece === 'string' ? [piece] : [...piece.literal].map((character) => `=${character}`),
  );
  const fits = (one: string | undefined, character: string): boolean => one === '?' || one === `=${character}`;
  let at = 0;
  let next = 0;
  // Where the last * stood and what it has taken so far: the only place worth going back to.
  let star = -1;
  let taken = 0;
  while (at < characters.length) {
    if (wanted[next] === '*') {
      star = next++;
      taken = at;
    } else if (fits(wanted[next], characters[at]!)) {
      at++;
      next++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++taken;
    } else return false;
  }
  while (wanted[next] === '*') next++;
  return next === wanted.length;
}

/** Alternatives of a value for ModalitiesInStudy, which asks whether some series has one of them (PS3.4 C.2.2.2.1). */
export const modalityPatterns = (pattern: string): Piece[][] =>
  pattern.split('\\').map((one) => piecesOf('Modality', one));

/** Characters between the parts of a name: components, groups, values, and the words of one component. */
export const NAME_SEPARATORS: readonly string[] = ['^', '=', '\\'];

/** The words of a fuzzy search as the names are folded. */
export const foldedWords = (words: readonly string[]): string[] =>
  words.map((word) => foldText(word).trim()).filter((word) => word !== '');
