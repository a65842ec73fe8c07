import { NeuroInsightError } from '../../domain/errors.ts';

/** A bundle puts a few levels around resources, whose own bound is the records room's. */
const MAX_DEPTH = 128;
/** Values of one body; a transaction of 5000 resources has half as many. */
const MAX_VALUES = 1_000_000;
/** Elements of one object; the parser takes seconds for hundreds of thousands of names, and no resource has as many. */
const MAX_NAMES = 1000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING_OBJECT = 0x7b;
const OPENING: ReadonlySet<number> = new Set([0x5b, OPENING_OBJECT]);
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

function tooCostly(message: string): never {
  throw new NeuroInsightError('limit-exceeded', message);
}

function checkShape(bytes: Buffer): void {
  let depth = 0;
  let values = 1;
  /** By depth: commas of the object that is open there; of an array they are not counted. */
  const names = new Float64Array(MAX_DEPTH + 1);
  for (let place = 0; place < bytes.length; place += 1) {
    const byte = bytes[place]!;
    if (byte === QUOTE) place = endOfString(bytes, place + 1);
    else if (byte === COMMA) {
      values += 1;
      if (depth > 0 && ++names[depth]! >= MAX_NAMES) tooCostly('The JSON has an object of too many elements');
    } else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > MAX_DEPTH) tooCostly('The JSON is nested too deeply');
      names[depth] = byte === OPENING_OBJECT ? 0 : Number.NEGATIVE_INFINITY;
    } else if (CLOSING.has(byte)) depth -= 1;
  }
  if (values > MAX_VALUES) tooCostly('The JSON has too many values');
}

/**
 * JSON in UTF-8. Depth, number of values and elements of one object are bounded before the parser sees it: some megabytes of brackets would
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
