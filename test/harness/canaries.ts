import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync, inflateSync } from 'node:zlib';

/** Something that must not be found where nobody should be able to read it. */
export interface Canary {
  readonly name: string;
  /** A text is looked for as it is, in lower and in upper case; bytes as they are. */
  readonly value: string | Uint8Array;
}

export interface CanaryHit {
  readonly canary: string;
  readonly encoding: string;
  /** Where: the name of a file or a stream, and what it was wrapped in. */
  readonly place: string;
}

export interface Needle {
  readonly canary: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Fewer bytes would be found by chance. */
const FEWEST_BYTES = 8;
const DEEPEST_STREAM = 3;
const MOST_INFLATED_BYTES = 2 ** 26;

/** Every way of writing a canary that is looked for. @throws for a canary too short to be told from chance. */
export function needlesOf(canaries: readonly Canary[]): readonly Needle[] {
  return canaries.flatMap(({ name, value }) => {
    const found = typeof value === 'string' ? textNeedles(value) : byteNeedles(Buffer.from(value), 'bytes');
    if (found.some(({ bytes }) => bytes.length < FEWEST_BYTES)) throw new Error(`the canary ${name} is too short`);
    const known = new Map(found.map((needle) => [needle.bytes.toString('latin1'), needle]));
    return [...known.values()].map((needle) => ({ ...needle, canary: name }));
  });
}

type Written = Omit<Needle, 'canary'>;

function textNeedles(text: string): Written[] {
  return [text, text.toLowerCase(), text.toUpperCase()].flatMap((spelt) => {
    const little = Buffer.from(spelt, 'utf16le');
    return [
      ...byteNeedles(Buffer.from(spelt), 'UTF-8'),
      { encoding: 'UTF-16LE', bytes: little },
      { encoding: 'UTF-16BE', bytes: Buffer.from(little).swap16() },
    ];
  });
}

function byteNeedles(bytes: Buffer, encoding: string): Written[] {
  return [
    { encoding, bytes },
    { encoding: 'hex', bytes: Buffer.from(bytes.toString('hex')) },
    { encoding: 'HEX', bytes: Buffer.from(bytes.toString('hex').toUpperCase()) },
    ...[0, 1, 2].flatMap((before) => base64Needles(bytes, before)),
  ];
}

/** The characters of base64 that stand for these bytes alone when `before` bytes stand before them in a group of three. */
function base64Needles(bytes: Buffer, before: number): Written[] {
  const padded = Buffer.concat([Buffer.alloc(before), bytes]);
  const first = Math.ceil((before * 8) / 6);
  const beyond = Math.floor((padded.length * 8) / 6);
  return (['base64', 'base64url'] as const).map((alphabet) => ({
    encoding: `${alphabet} +${before}`,
    bytes: Buffer.from(padded.toString(alphabet).slice(first, beyond)),
  }));
}

/** Looks through bytes, and through the gzip, zlib and ZIP streams in them. */
export function searchBytes(place: string, bytes: Buffer, needles: readonly Needle[], depth = 0): CanaryHit[] {
  const hits = needles
    .filter((needle) => bytes.includes(needle.bytes))
    .map(({ canary, encoding }) => ({ canary, encoding, place }));
  if (depth === DEEPEST_STREAM) return hits;
  for (const { kind, at } of STREAMS.flatMap((stream) => startsOf(bytes, stream))) {
    const inflated = kind(bytes, at);
    if (inflated.length >= FEWEST_BYTES)
      hits.push(...searchBytes(`${place} (inflated at ${at})`, inflated, needles, depth + 1));
  }
  return hits;
}

interface Stream {
  readonly magic: Buffer;
  readonly kind: (bytes: Buffer, at: number) => Buffer;
}

/** A stream may be cut off: what comes out before is looked at. What is none gives an error at once. */
const FLUSH = { finishFlush: 2, maxOutputLength: MOST_INFLATED_BYTES } as const;

const inflated = (inflate: () => Buffer): Buffer => {
  try {
    return inflate();
  } catch {
    return Buffer.alloc(0);
  }
};
const raw = (bytes: Buffer, at: number): Buffer => inflated(() => inflateRawSync(bytes.subarray(at), FLUSH));
const ofZlib = (bytes: Buffer, at: number): Buffer => inflated(() => inflateSync(bytes.subarray(at), FLUSH));
/** Behind the header, RFC 1952 2.3: Node takes whatever follows a stream for another one, and then gives nothing. */
function ofGzip(bytes: Buffer, at: number): Buffer {
  const flags = bytes[at + 3] ?? 0;
  let start = at + 10;
  if (flags & 4) start += 2 + (bytes[start] ?? 0) + 256 * (bytes[start + 1] ?? 0);
  for (const bit of [8, 16]) if (flags & bit) start = bytes.indexOf(0, start) + 1;
  return raw(bytes, flags & 2 ? start + 2 : start);
}
/** Behind the local header of a ZIP entry, APPNOTE 4.3.7. */
function ofZip(bytes: Buffer, at: number): Buffer {
  if (at + 30 > bytes.length) return Buffer.alloc(0);
  return raw(bytes, at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28));
}

const STREAMS: readonly Stream[] = [
  { magic: Buffer.of(0x1f, 0x8b, 0x08), kind: ofGzip },
  ...[0x01, 0x5e, 0x9c, 0xda].map((flags) => ({ magic: Buffer.of(0x78, flags), kind: ofZlib })),
  { magic: Buffer.from('PK\x03\x04', 'latin1'), kind: ofZip },
];

function startsOf(bytes: Buffer, { magic, kind }: Stream): { kind: Stream['kind']; at: number }[] {
  const starts = [];
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) starts.push({ kind, at });
  return starts;
}

/** Looks through every file below a folder, and through their names. What goes meanwhile is passed over. */
export function searchFolder(folder: string, needles: readonly Needle[]): { hits: CanaryHit[]; bytes: number } {
  const hits: CanaryHit[] = [];
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    hits.push(...searchBytes('the name of a file', Buffer.from(name), needles));
    const content = contentOf(join(folder, name));
    bytes += content.length;
    hits.push(...searchBytes(name, content, needles));
  }
  return { hits, bytes };
}

function contentOf(path: string): Buffer {
  try {
    return lstatSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
