import { NeuroInsightError } from '../domain/errors.ts';
import { GrowingBytes, type MemoryBudget } from './growing-bytes.ts';

export interface MultipartLimits {
  /** Bytes of one part's body; a longer one is refused, the others are read. */
  readonly partBytes: number;
  /** Parts of one request; more end the request. */
  readonly parts: number;
  /** Bytes of the whole request body; more end the request. */
  readonly bytes: number;
  /** What the parts of all requests may hold; a part that finds none left is refused. */
  readonly budget?: MemoryBudget;
}

/** Names in lower case, values without the white space around them. */
export type PartHeaders = ReadonlyMap<string, string>;

/** One part as it came, or why it was not taken. */
export type MultipartPart =
  | { readonly headers: PartHeaders; readonly body: Uint8Array }
  | { readonly refused: NeuroInsightError };

/** Decides by its headers whether a part is wanted; the body of one that is not is passed over unread. */
export type AcceptPart = (headers: PartHeaders) => NeuroInsightError | undefined;

const HEADER_BYTES = 16 * 1024;
const PREAMBLE_BYTES = 64 * 1024;
/** White space that a gateway may add behind a boundary, RFC 2046 5.1.1. */
const PADDING_BYTES = 128;
const CRLF = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const [TAB, LF, CR, SPACE, HYPHEN] = [0x09, 0x0a, 0x0d, 0x20, 0x2d];

const invalid = (message: string) => new NeuroInsightError('invalid-request', message);
const cut = () => new NeuroInsightError('truncated', 'the last part is not closed by a boundary');

/**
 * Reads a multipart body (RFC 2046 5.1) part by part as it arrives; only the part being read is in memory, and what is
 * allocated grows with the bytes that came, never with a declared length. A part that breaks a rule is refused by
 * itself. The body is searched once, however it is cut into chunks.
 *
 * @param boundary without the hyphens before it.
 * @throws invalid-request where no boundary can be found; limit-exceeded past `limits.parts` or `limits.bytes`;
 *   whatever the source throws.
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits,
  accept: AcceptPart = () => undefined,
): AsyncGenerator<MultipartPart, void, undefined> {
  const reader = new BodyReader(source, boundary, limits.bytes);
  try {
    await reader.passPreamble();
    let lastLength = 0;
    for (let parts = 0; !reader.closed; parts++) {
      if (parts === limits.parts) throw new NeuroInsightError('limit-exceeded', `more than ${limits.parts} parts`);
      const headers = await reader.readHeaders();
      const refused = headers instanceof NeuroInsightError ? headers : (encodingFault(headers) ?? accept(headers));
      // The window stands at the line end before the body, which is no part of it.
      const expected = lastLength + HEADER_BYTES;
      const limit = refused ? 0 : limits.partBytes;
      const body = new GrowingBytes({ limit, expected, skip: CRLF.length, budget: limits.budget });
      let complete: boolean;
      try {
        complete = await reader.readUntilBoundary(body);
        lastLength = body.length;
        yield refused ? { refused } : partOf(headers as PartHeaders, body, complete, limits.partBytes);
      } finally {
        // Whoever asks for the next part is done with this one, or answers for its memory.
        body.release();
      }
      if (!complete) return;
    }
    await reader.passEpilogue();
  } finally {
    await reader.release();
  }
}

function partOf(headers: PartHeaders, body: GrowingBytes, complete: boolean, limit: number): MultipartPart {
  if (body.dropped === 'too-long')
    return { refused: new NeuroInsightError('limit-exceeded', `a part of more than ${limit} bytes`) };
  if (body.dropped)
    return { refused: new NeuroInsightError('overloaded', 'no memory is left for a part of this size') };
  return complete ? { headers, body: body.view() } : { refused: cut() };
}

/** DICOM is binary; a part in base64 or quoted-printable would be stored as something else. */
function encodingFault(headers: PartHeaders): NeuroInsightError | undefined {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  return /^(binary|8bit|7bit)$/.test(encoding)
    ? undefined
    : new NeuroInsightError('unsupported-media-type', 'a part is not sent as binary');
}

interface Sink {
  append(bytes: Uint8Array): void;
}

type AfterBoundary = 'part' | 'close' | 'content' | 'unknown';

/** The request body as a window of bytes that moves forward over the chunks. */
class BodyReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  readonly #limit: number;
  /** What was received and not used yet. It begins with a line end: the first boundary may be the first line. */
  #window: Buffer = CRLF;
  #received = 0;
  #closed = false;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string, limit: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#limit = limit;
  }

  /** True behind the closing boundary. */
  get closed(): boolean {
    return this.#closed;
  }

  async passPreamble(): Promise<void> {
    let passed = 0;
    const count = (bytes: Uint8Array) => {
      passed += bytes.length;
      if (passed > PREAMBLE_BYTES) throw invalid('no boundary at the beginning of the body');
    };
    if (!(await this.readUntilBoundary({ append: count }))) throw invalid('no boundary in the body');
  }

  /** Lets go of the source, which may have more to give. */
  async release(): Promise<void> {
    await this.#source.return?.();
  }

  /** Reads what follows the closing boundary, so that the connection can be used again. */
  async passEpilogue(): Promise<void> {
    do this.#window = CRLF.subarray(0, 0);
    while (await this.#receive());
  }

  /**
   * Headers of a part, or what is wrong with them. The window begins with the line end of the boundary, so that no
   * header at all is an empty line too; it is left at the last line end of the headers.
   */
  async readHeaders(): Promise<PartHeaders | NeuroInsightError> {
    let searched = 0;
    for (;;) {
      const end = this.#window.indexOf(HEADERS_END, searched);
      const block = end < 0 ? this.#window : this.#window.subarray(0, end + HEADERS_END.length);
      if (block.includes(this.#delimiter)) return invalid('a part ends within its headers');
      if (block.length > HEADER_BYTES) return invalid(`part headers of more than ${HEADER_BYTES} bytes`);
      if (end >= 0) {
        this.#window = this.#window.subarray(end + CRLF.length);
        return parseHeaders(block.toString('latin1'));
      }
      searched = Math.max(0, this.#window.length - HEADERS_END.length + 1);
      if (!(await this.#receive())) return cut();
    }
  }

  /** Hands everything before the next boundary to the sink; false where the body ends first. */
  async readUntilBoundary(sink: Sink): Promise<boolean> {
    let searched = 0;
    for (;;) {
      const at = this.#window.indexOf(this.#delimiter, searched);
      if (at < 0) {
        // The last bytes may be the beginning of a boundary that the next chunk completes.
        this.#hand(sink, Math.max(0, this.#window.length - this.#delimiter.length + 1));
        searched = 0;
        if (!(await this.#receive(sink))) return false;
        continue;
      }
      const end = at + this.#delimiter.length;
      const after = this.#after(end);
      if (after === 'part' || after === 'close') {
        sink.append(this.#window.subarray(0, at));
        this.#closed = after === 'close';
        this.#window = this.#window.subarray(this.#lineEnd(end));
        return true;
      }
      if (after === 'content') {
        this.#hand(sink, end);
        searched = 0;
      } else {
        searched = at;
        if (!(await this.#receive())) return false;
      }
    }
  }

  #hand(sink: Sink, length: number): void {
    if (length === 0) return;
    sink.append(this.#window.subarray(0, length));
    this.#window = this.#window.subarray(length);
  }

  /** What the bytes behind a boundary make of it; `unknown` until enough of them are there. */
  #after(end: number): AfterBoundary {
    const window = this.#window;
    if (window[end] === HYPHEN)
      return window.length === end + 1 ? 'unknown' : window[end + 1] === HYPHEN ? 'close' : 'content';
    const at = this.#lineEnd(end);
    if (at - end > PADDING_BYTES) return 'content';
    if (window.length > at && window[at] !== CR) return 'content';
    if (window.length > at + 1) return window[at + 1] === LF ? 'part' : 'content';
    return 'unknown';
  }

  /** Where the white space behind a boundary stops. */
  #lineEnd(start: number): number {
    let at = start;
    while (this.#window[at] === SPACE || this.#window[at] === TAB) at++;
    return at;
  }

  /**
   * Adds the next chunk to the window; false at the end of the body. With a sink the window is the tail of a body: it
   * is handed over instead of being copied in front of the chunk, unless a boundary may lie across both.
   */
  async #receive(sink?: Sink): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    this.#received += value.length;
    if (this.#received > this.#limit)
      throw new NeuroInsightError('limit-exceeded', `a request of more than ${this.#limit} bytes`);
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const longest = this.#delimiter.length - 1;
    if (sink && chunk.length > longest) {
      const across = Buffer.concat([this.#window, chunk.subarray(0, longest)]);
      if (!across.includes(this.#delimiter)) this.#hand(sink, this.#window.length);
    }
    this.#window = this.#window.length === 0 ? chunk : Buffer.concat([this.#window, chunk]);
    return true;
  }
}

/** RFC 822 headers between two line ends; a line that begins with white space continues the one before it. */
function parseHeaders(block: string): PartHeaders | NeuroInsightError {
  const headers = new Map<string, string>();
  for (const line of block.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon < 1 || !/^[!-9;-~]+$/.test(name)) return invalid('a part header that is none');
    headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}
