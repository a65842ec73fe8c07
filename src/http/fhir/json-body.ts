import { NeuroInsightError } from '../../domain/errors.ts';

/** A bundle puts a few levels around resources, whose own bound is the records room's. */
const MAX_DEPTH = 128;
/** Values of one body; a transaction of 5000 resources has half as many. */
const MAX_VALUES = 1_000_000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Place of the quote that ends the string that begins before `from`; the length when none does. */
function endOfString(bytes: Buffer, from: number): number {
  for (let place = bytes.indexOf(QUOTE, from); place !== -1; place = bytes.indexOf(QUOTE, place + 1)) {
    let escapes = 0;
    while (bytes[place - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return place;
  }
  return bytes.length;
}

function checkShape(bytes: Buffer): void {
  let depth = 0;
  let values = 1;
  for (let place = 0; place < bytes.length; place += 1) {
    const byte = bytes[place]!;
    if (byte === QUOTE) place = endOfString(bytes, place + 1);
    else if (byte === COMMA) values += 1;
    else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > MAX_DEPTH) throw new NeuroInsightError('limit-exceeded', 'The JSON is nested too deeply');
    } else if (CLOSING.has(byte)) depth -= 1;
  }
  if (values > MAX_VALUES) throw new NeuroInsightError('limit-exceeded', 'The JSON has too many values');
}

/**
 * JSON in UTF-8. Depth and number of values are bounded before the parser sees it: some megabytes of brackets would
 * hold the whole server up for seconds.
 * @throws malformed-json, limit-exceeded. Never with a piece of the content, as the parser's own messages are.
 */
export function parseJson(bytes: Uint8Array): unknown {
  checkShape(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new NeuroInsightError('malformed-json', 'The body is not JSON in UTF-8');
  }
}
