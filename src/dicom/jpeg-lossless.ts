import { NeuroInsightError } from '../domain/errors.ts';

/** What the markers before the scan say. ITU-T T.81 annex B. */
interface Scan {
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  /** 1 to 7, T.81 table H.1. */
  readonly predictor: number;
  readonly pointTransform: number;
  /** Samples between restart markers, 0 for none. */
  readonly restartInterval: number;
  readonly table: HuffmanTable;
  /** First byte of entropy-coded data. */
  readonly start: number;
}

/** Codes of up to 16 bits; `lookup` answers the first nine bits: length << 8 | value, 0 for longer codes. */
interface HuffmanTable {
  readonly lookup: Uint16Array;
  readonly values: Uint8Array;
  readonly maxCode: Int32Array;
  readonly valueOffset: Int32Array;
}

const LOOKUP_BITS = 9;
const malformed = (message: string) => new NeuroInsightError('malformed-pixels', message);

/**
 * Decodes one grey JPEG image of process 14, lossless Huffman, all predictors (ITU-T T.81 annex H; transfer syntaxes
 * 1.2.840.10008.1.2.4.57 and .70). Samples come as unsigned 16-bit numbers of the image's precision.
 *
 * @throws malformed-pixels: not such an image, another size than rows * columns, or one that ends early.
 */
export function decodeJpegLossless(jpeg: Uint8Array, rows: number, columns: number): Uint16Array {
  const scan = readMarkers(jpeg);
  if (scan.rows !== rows || scan.columns !== columns)
    throw malformed('a JPEG image of another size than its header says');
  const samples = new Uint16Array(rows * columns);
  const bits = new BitReader(jpeg, scan.start);
  const perRestart = scan.restartInterval === 0 ? rows : scan.restartInterval / columns;
  if (!Number.isInteger(perRestart)) throw malformed('a JPEG restart inside a line');
  for (let row = 0; row < rows; row += perRestart) {
    if (row > 0) bits.restart();
    decodeLines(samples, bits, scan, row, Math.min(rows, row + perRestart));
  }
  return samples;
}

/** Lines of one restart interval; its first line predicts from the left only. T.81 H.1.2.1. */
function decodeLines(samples: Uint16Array, bits: BitReader, scan: Scan, firstRow: number, endRow: number): void {
  const { columns, predictor, pointTransform, table } = scan;
  const initial = 1 << (scan.precision - pointTransform - 1);
  for (let row = firstRow; row < endRow; row++) {
    const line = row * columns;
    for (let column = 0; column < columns; column++) {
      const at = line + column;
      const left = column > 0 ? samples[at - 1]! >> pointTransform : 0;
      let predicted: number;
      if (row === firstRow) predicted = column === 0 ? initial : left;
      else if (column === 0) predicted = samples[at - columns]! >> pointTransform;
      else
        predicted = predict(
          predictor,
          left,
          samples[at - columns]! >> pointTransform,
          samples[at - columns - 1]! >> pointTransform,
        );
      samples[at] = ((predicted + bits.difference(table)) & 0xffff) << pointTransform;
    }
  }
}

/** T.81 table H.1: a is left, b above, c above left. */
function predict(selection: number, a: number, b: number, c: number): number {
  switch (selection) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return c;
    case 4:
      return a + b - c;
    case 5:
      return a + ((b - c) >> 1);
    case 6:
      return b + ((a - c) >> 1);
    default:
      return (a + b) >> 1;
  }
}

function readMarkers(jpeg: Uint8Array): Scan {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  const tables = new Map<number, HuffmanTable>();
  let frame: { precision: number; rows: number; columns: number } | undefined;
  let restartInterval = 0;
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw malformed('not a JPEG image');
  let at = 2;
  while (at + 4 <= jpeg.length) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    const start = at + 4;
    at += 2 + length;
    if (marker < 0xffc0 || length < 2 || at > jpeg.length) throw malformed('a JPEG marker is cut');
    const segment = jpeg.subarray(start, at);
    if (marker === 0xffc4) readTables(segment, tables);
    else if (marker === 0xffc3) frame = readFrame(segment);
    else if (marker === 0xffdd && segment.length >= 2) restartInterval = view.getUint16(start);
    else if (marker === 0xffda) {
      if (!frame) throw malformed('a JPEG scan before its frame');
      return { ...frame, ...readScan(segment, tables, frame.precision), restartInterval, start: at };
    } else if (marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc8 && marker !== 0xffcc) {
      throw malformed('a JPEG image of another process than 14');
    }
  }
  throw malformed('a JPEG image without a scan');
}

/** SOF3. T.81 B.2.2. */
function readFrame(segment: Uint8Array): { precision: number; rows: number; columns: number } {
  const [precision = 0, rowsHigh = 0, rowsLow = 0, columnsHigh = 0, columnsLow = 0, components] = segment;
  if (components !== 1 || precision < 2 || precision > 16) throw malformed('a JPEG image that is not grey');
  return { precision, rows: (rowsHigh << 8) | rowsLow, columns: (columnsHigh << 8) | columnsLow };
}

/** SOS. T.81 B.2.3. */
function readScan(segment: Uint8Array, tables: ReadonlyMap<number, HuffmanTable>, precision: number) {
  const [components, , selector = 0, predictor = 0, , low = 0] = segment;
  const table = tables.get(selector >> 4);
  const pointTransform = low & 0x0f;
  const valid = components === 1 && predictor >= 1 && predictor <= 7 && pointTransform < precision;
  if (!valid || !table) throw malformed('a JPEG scan that cannot be decoded');
  return { predictor, pointTransform, table };
}

/** DHT. T.81 B.2.4.2. */
function readTables(segment: Uint8Array, tables: Map<number, HuffmanTable>): void {
  let at = 0;
  while (at + 17 <= segment.length) {
    const identifier = segment[at]! & 0x0f;
    const counts = segment.subarray(at + 1, at + 17);
    const size = counts.reduce((sum, count) => sum + count, 0);
    at += 17 + size;
    if (at > segment.length) throw malformed('a JPEG Huffman table is cut');
    tables.set(identifier, buildTable(counts, segment.subarray(at - size, at)));
  }
}

/** T.81 annex C and F.2.2.3. */
function buildTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const lookup = new Uint16Array(1 << LOOKUP_BITS);
  const maxCode = new Int32Array(17).fill(-1);
  const valueOffset = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++, code <<= 1) {
    valueOffset[length] = index - code;
    for (let n = counts[length - 1]!; n > 0; n--, code++, index++) {
      if (values[index]! > 16 || code >= 1 << length) throw malformed('a JPEG Huffman table that cannot be');
      maxCode[length] = code;
      const spare = LOOKUP_BITS - length;
      if (spare >= 0) lookup.fill((length << 8) | values[index]!, code << spare, (code + 1) << spare);
    }
  }
  return { lookup, values, maxCode, valueOffset };
}

/** Bits of entropy-coded data, byte stuffing removed. T.81 F.2.2.5. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #buffer = 0;
  #available = 0;
  /** Bits invented behind the last byte; a few are looked at ahead, more mean that the image is cut. */
  #invented = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** One Huffman-coded difference. T.81 H.1.2.2 and F.1.2.1. */
  difference(table: HuffmanTable): number {
    const category = this.#category(table);
    if (category === 0) return 0;
    if (category === 16) return 32768;
    this.#need(category);
    const bits = this.#take(category);
    return bits < 1 << (category - 1) ? bits - (1 << category) + 1 : bits;
  }

  /** Skips to behind the next restart marker. T.81 F.2.2.5, B.2.1. */
  restart(): void {
    this.#buffer = 0;
    this.#available = 0;
    this.#invented = 0;
    const at = this.#at;
    const marker = this.#bytes[at + 1] ?? 0;
    if (this.#bytes[at] !== 0xff || marker < 0xd0 || marker > 0xd7) throw malformed('a JPEG restart marker is missing');
    this.#at = at + 2;
  }

  #category(table: HuffmanTable): number {
    this.#need(16);
    const entry = table.lookup[(this.#buffer >>> (this.#available - LOOKUP_BITS)) & ((1 << LOOKUP_BITS) - 1)]!;
    if (entry !== 0) {
      this.#drop(entry >> 8);
      return entry & 0xff;
    }
    for (let length = LOOKUP_BITS + 1; length <= 16; length++) {
      const code = (this.#buffer >>> (this.#available - length)) & ((1 << length) - 1);
      if (code <= table.maxCode[length]!) {
        this.#drop(length);
        return table.values[table.valueOffset[length]! + code]!;
      }
    }
    throw malformed('a JPEG code that no table has');
  }

  #need(count: number): void {
    while (this.#available < count) {
      const byte = this.#bytes[this.#at];
      const marker = byte === 0xff && this.#bytes[this.#at + 1] !== 0;
      if (byte === undefined || marker) {
        this.#invented += 8;
        this.#buffer <<= 8;
      } else {
        this.#buffer = (this.#buffer << 8) | byte;
        this.#at += byte === 0xff ? 2 : 1;
      }
      this.#available += 8;
    }
  }

  #take(count: number): number {
    const bits = (this.#buffer >>> (this.#available - count)) & ((1 << count) - 1);
    this.#drop(count);
    return bits;
  }

  #drop(count: number): void {
    this.#available -= count;
    if (this.#available < this.#invented) throw malformed('a JPEG image ends before its last line');
  }
}
