/** Labels of the WHATWG encoding standard; ISO 8859-1 is done by hand, its label means windows-1252 there. */
const LABELS: Readonly<Record<string, string>> = {
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '144': 'iso-8859-5',
  '127': 'iso-8859-6',
  '126': 'iso-8859-7',
  '138': 'iso-8859-8',
  '148': 'windows-1254',
  '203': 'iso-8859-15',
  '166': 'windows-874',
  '13': 'shift_jis',
  '192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

const DECODERS: ReadonlyMap<string, { decode(bytes: Uint8Array): string }> = new Map(
  Object.entries(LABELS).map(([set, label]) => [set, new TextDecoder(label, { ignoreBOM: true })]),
);

const REPLACEMENT = '\ufffd';

/** Decodes bytes of one set without code extensions: 100, 101, ..., 192, GB18030, GBK; an unknown one as ASCII. */
export function decodeSingle(bytes: Uint8Array, set: string): string {
  if (isAscii(bytes) || set === '100') return latin1(bytes);
  const decoder = DECODERS.get(set);
  return decoder ? decoder.decode(bytes) : decodeAscii(bytes);
}

function decodeAscii(bytes: Uint8Array): string {
  const text = latin1(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: everything that is not seven bits is replaced
  return isAscii(bytes) ? text : text.replace(/[^\x00-\x7f]/g, REPLACEMENT);
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 0x7f) return false;
  return true;
}

/** One byte, one character: ISO 8859-1 and its lower half, ASCII. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
