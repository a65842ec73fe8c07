import { decodeSingle } from './charset-single.ts';

/** What is designated to one half of the code table, and how its bytes become text. */
interface Designation {
  /** Bytes a character takes. */
  readonly width: 1 | 2;
  decode(bytes: Uint8Array): string;
}

const decoders = {
  eucJp: new TextDecoder('euc-jp'),
  eucKr: new TextDecoder('euc-kr'),
  gb2312: new TextDecoder('gbk'),
  shiftJis: new TextDecoder('shift_jis'),
} as const;

const raised = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte | 0x80);

/** JIS X 0212 in EUC-JP: each pair behind the single shift 0x8F. */
function jisX0212(bytes: Uint8Array): string {
  const shifted = new Uint8Array((bytes.length >> 1) * 3);
  for (let i = 0; i + 1 < bytes.length; i += 2)
    shifted.set([0x8f, bytes[i]! | 0x80, bytes[i + 1]! | 0x80], (i >> 1) * 3);
  return decoders.eucJp.decode(shifted);
}

const single = (set: string): Designation => ({ width: 1, decode: (bytes) => decodeSingle(bytes, set) });
const ASCII = single('6');
const ROMAJI = ASCII;
const KATAKANA: Designation = { width: 1, decode: (bytes) => decoders.shiftJis.decode(bytes) };
const JIS_X_0208: Designation = { width: 2, decode: (bytes) => decoders.eucJp.decode(raised(bytes)) };
const JIS_X_0212: Designation = { width: 2, decode: jisX0212 };
const KS_X_1001: Designation = { width: 2, decode: (bytes) => decoders.eucKr.decode(bytes) };
const GB_2312: Designation = { width: 2, decode: (bytes) => decoders.gb2312.decode(bytes) };

/** Escape sequence after ESC -> half of the code table and what goes there. PS3.3 tables C.12-3 and C.12-4. */
const ESCAPES: Readonly<Record<string, readonly ['g0' | 'g1', Designation]>> = {
  '(B': ['g0', ASCII],
  '(J': ['g0', ROMAJI],
  ')I': ['g1', KATAKANA],
  $B: ['g0', JIS_X_0208],
  '$(B': ['g0', JIS_X_0208],
  '$(D': ['g0', JIS_X_0212],
  '$)C': ['g1', KS_X_1001],
  '$)A': ['g1', GB_2312],
  '-A': ['g1', single('100')],
  '-B': ['g1', single('101')],
  '-C': ['g1', single('109')],
  '-D': ['g1', single('110')],
  '-L': ['g1', single('144')],
  '-G': ['g1', single('127')],
  '-F': ['g1', single('126')],
  '-H': ['g1', single('138')],
  '-M': ['g1', single('148')],
  '-b': ['g1', single('203')],
  '-T': ['g1', single('166')],
};

const ESCAPE = 0x1b;
const ENDS_EXTENSIONS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c]);
const CARET = 0x5e;
const EQUALS = 0x3d;

/**
 * Text with ISO 2022 code extensions (PS3.5 6.1.2.5): walks the bytes, follows the escape sequences, returns to the
 * first character set at line ends, value delimiters and, in person names, at ^ and =.
 *
 * @param firstSet number of the first value of Specific Character Set: 6, 100, 13, ...
 */
export function decodeExtended(bytes: Uint8Array, firstSet: string, personName: boolean): string {
  const initial = { g0: ASCII, g1: firstSet === '13' ? KATAKANA : single(firstSet) };
  let state = { ...initial };
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === ESCAPE) {
      const key = escapeAt(bytes, at + 1);
      const designation = key === undefined ? undefined : ESCAPES[key];
      if (designation) state = { ...state, [designation[0]]: designation[1] };
      else text += '\ufffd';
      at += 1 + (key?.length ?? 0);
      continue;
    }
    const end = endOfRun(bytes, at, state.g0, personName);
    if (end > at) {
      const designation = byte < 0x80 ? state.g0 : state.g1;
      text += designation.decode(bytes.subarray(at, end));
      at = end;
      continue;
    }
    text += String.fromCharCode(byte);
    state = { ...initial };
    at++;
  }
  return text;
}

/** The escape sequence at an offset, without ESC: intermediate bytes 0x20-0x2F, then a final one. ISO/IEC 2022 13.2. */
function escapeAt(bytes: Uint8Array, start: number): string | undefined {
  let end = start;
  while (end < bytes.length && end - start < 3 && bytes[end]! >= 0x20 && bytes[end]! <= 0x2f) end++;
  return end < bytes.length && bytes[end]! >= 0x30 ? String.fromCharCode(...bytes.subarray(start, end + 1)) : undefined;
}

/** End of the bytes in the same half of the table; equals `start` at a byte that ends the code extensions. */
function endOfRun(bytes: Uint8Array, start: number, g0: Designation, personName: boolean): number {
  const upper = bytes[start]! >= 0x80;
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === ESCAPE || byte >= 0x80 !== upper) break;
    if (!upper && endsExtensions(byte, g0, personName)) break;
    // A double-byte character of G0 may hold a byte that looks like a delimiter.
    at += !upper && g0.width === 2 && byte > 0x20 ? 2 : 1;
  }
  return Math.min(at, bytes.length);
}

function endsExtensions(byte: number, g0: Designation, personName: boolean): boolean {
  if (g0.width === 2) return byte < 0x20;
  return ENDS_EXTENSIONS.has(byte) || (personName && (byte === CARET || byte === EQUALS));
}
