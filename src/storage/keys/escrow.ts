import { createHash } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import { type Kek, kekIdOf } from './key-ring.ts';
import { joinShares, type Share, splitSecret } from './shamir.ts';

/** How many holders there are, and how many of them are needed. */
export interface EscrowSplit {
  readonly threshold: number;
  readonly count: number;
}

const VERSION = 1;
const ID_BYTES = 8;
const SET_BYTES = 2;
const KEY_BYTES = 32;
/** Version, threshold, index, split, KEK id, key. */
const HEAD_BYTES = 3 + SET_BYTES + ID_BYTES;
const LINE_CHARACTERS = 16;
const CHECK_CHARACTERS = 4;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const MOST_HOLDERS = 16;

/**
 * A KEK as text that can be printed, locked away and typed in again: whole, or split among holders. Every line carries
 * four characters that tell a slip of the pen, and in which line.
 *
 * @returns one text, or one for each holder. @throws invalid-request for a split that is none.
 */
export function writeEscrow(
  kek: Kek,
  split: EscrowSplit | undefined,
  random: (bytes: number) => Uint8Array,
): readonly string[] {
  if (split === undefined) return [textOf(kek, { threshold: 1, set: new Uint8Array(SET_BYTES) }, wholeOf(kek.key))];
  const { threshold, count } = split;
  const whole = [threshold, count].every(Number.isInteger);
  if (!whole || threshold < 2 || threshold > count || count > MOST_HOLDERS) {
    throw new NeuroInsightError(
      'invalid-request',
      `a key is split among 2 to ${MOST_HOLDERS} holders, 2 or more of whom are needed`,
    );
  }
  const set = random(SET_BYTES);
  return splitSecret(kek.key, split, random).map((share) => textOf(kek, { threshold, set }, share));
}

/**
 * The KEK of a whole copy, or of shares of one split, in any order, more than needed or just as many.
 * @throws invalid-request: a slip in a line, which is named; too few shares, or shares that do not belong together.
 */
export function readEscrow(texts: readonly string[]): Kek {
  const copies = texts.map(copyOf);
  const [first] = copies;
  if (!first) throw refused('there is no escrow copy');
  const together = (copy: Copy): boolean =>
    copy.threshold === first.threshold && copy.set === first.set && copy.id === first.id;
  if (!copies.every(together)) throw refused('these escrow copies do not belong together');
  const shares = [...new Map(copies.map(({ share }) => [share.index, share])).values()];
  if (shares.length < first.threshold) {
    throw refused(`${first.threshold} different shares are needed, and there are ${shares.length}`);
  }
  const key = first.threshold === 1 ? shares[0]!.bytes : joinShares(shares);
  if (kekIdOf(key) !== first.id) throw refused('these escrow copies do not give the key that they name');
  return { id: first.id, key };
}

interface Copy {
  readonly threshold: number;
  readonly set: string;
  readonly id: string;
  readonly share: Share;
}

const wholeOf = (key: Uint8Array): Share => ({ index: 0, bytes: key });

function textOf(kek: Kek, { threshold, set }: { threshold: number; set: Uint8Array }, { index, bytes }: Share): string {
  const head = [VERSION, threshold, index];
  const data = base32Of(Buffer.concat([Buffer.from(head), set, Buffer.from(kek.id, 'hex'), bytes]));
  const lines = data.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g'))!;
  const what = threshold === 1 ? 'whole copy' : `share ${index}, any ${threshold} shares give the key`;
  return [
    `NeuroInsight key-encryption key ${kek.id}: ${what}`,
    ...lines.map((line, number) => `${number + 1}: ${groupsOf(line)}  ${checkOf(line, number)}`),
    '',
  ].join('\n');
}

const groupsOf = (line: string): string => line.match(/.{1,4}/g)!.join('-');

const LINE = /^\s*\d+\s*[:.]/;

function copyOf(text: string): Copy {
  const lines = text.split(/\r?\n/).filter((line) => LINE.test(line));
  const data = lines.map((line, number) => {
    const letters = lettersOf(line.replace(LINE, ''));
    const content = letters.slice(0, -CHECK_CHARACTERS);
    const good = checkOf(content, number) === letters.slice(-CHECK_CHARACTERS);
    if (!good) throw refused(`line ${number + 1} of an escrow copy is not as it was printed`);
    return content;
  });
  const bytes = bytesOf(data.join(''));
  const isWhole = bytes.length === HEAD_BYTES + KEY_BYTES && bytes[0] === VERSION;
  if (!isWhole) throw refused('an escrow copy is not complete, or of another version');
  return {
    threshold: bytes[1]!,
    set: bytes.toString('hex', 3, 3 + SET_BYTES),
    id: bytes.toString('hex', 3 + SET_BYTES, HEAD_BYTES),
    share: { index: bytes[2]!, bytes: bytes.subarray(HEAD_BYTES) },
  };
}

/** As printed, whatever was typed: capitals, no separators, and letters for the digits that look like them. */
function lettersOf(line: string): string {
  const alike: Readonly<Record<string, string>> = { 0: 'O', 1: 'I', 8: 'B' };
  return line
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/[018]/g, (digit) => alike[digit]!);
}

function checkOf(line: string, number: number): string {
  return base32Of(createHash('sha256').update(`${number}:${line}`).digest()).slice(0, CHECK_CHARACTERS);
}

/** RFC 4648 6, without padding. */
function base32Of(bytes: Uint8Array): string {
  let text = '';
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const pair = ((bytes[bit >> 3]! << 8) | (bytes[(bit >> 3) + 1] ?? 0)) >> (11 - (bit & 7));
    text += ALPHABET[pair & 31];
  }
  return text;
}

/** Letters that stand in no alphabet count as nothing: the checks of the lines have passed. */
function bytesOf(text: string): Buffer {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const letter of text) {
    held = ((held << 5) | Math.max(0, ALPHABET.indexOf(letter))) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}

const refused = (message: string): NeuroInsightError => new NeuroInsightError('invalid-request', message);
