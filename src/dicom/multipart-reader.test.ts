import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NeuroInsightError } from '../domain/errors.ts';
import { createMemoryBudget } from './growing-bytes.ts';
import { type AcceptPart, type MultipartLimits, readMultipart } from './multipart-reader.ts';

const LIMITS: MultipartLimits = { partBytes: 100_000, parts: 20, bytes: 10_000_000 };
const TYPE = 'Content-Type: application/dicom\r\n';

async function* chunksOf(body: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...places, body.length]) {
    yield new Uint8Array(body.subarray(start, end));
    start = end;
  }
}

/** Bodies of the parts as latin1, refusals as their kind in angle brackets. */
async function partsOf(
  body: string | Buffer,
  options: { boundary?: string; limits?: Partial<MultipartLimits>; cuts?: readonly number[]; accept?: AcceptPart } = {},
): Promise<readonly string[]> {
  const { boundary = 'b', limits = {}, cuts = [], accept } = options;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const parts: string[] = [];
  const reading = readMultipart(chunksOf(bytes, cuts), boundary, { ...LIMITS, ...limits }, accept);
  for await (const part of reading) {
    parts.push('refused' in part ? `<${part.refused.kind}>` : Buffer.from(part.body).toString('latin1'));
  }
  return parts;
}

async function refusal(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof NeuroInsightError) return error.kind;
    throw error;
  }
  return 'nothing refused';
}

const part = (content: string, headers = TYPE) => `--b\r\n${headers}\r\n${content}\r\n`;

describe('a multipart body', () => {
  it('is read part by part, with and without a preamble, an epilogue and padding behind boundaries', async () => {
    expect(await partsOf(`${part('one')}${part('two')}--b--`)).toEqual(['one', 'two']);
    expect(await partsOf(`hello\r\n--b \t\r\n${TYPE}\r\none\r\n--b--\r\ngood bye`)).toEqual(['one']);
  });

  it('keeps line ends, hyphens and what only begins like a boundary in a part', async () => {
    const content = '\r\n\r\n--\r\n--bx\r\n--b-\r\n--b \t x\r\n--b\rx--b';
    expect(await partsOf(`${part(content)}--b--`)).toEqual([content]);
  });

  it('takes empty parts, parts without a header and parts without content', async () => {
    expect(await partsOf(`${part('')}${part('x', '')}--b\r\n${TYPE}\r\n--b--`)).toEqual(['', 'x', '']);
  });

  it('gives the headers by name in lower case, continued lines joined', async () => {
    const body = Buffer.from('--b\r\nContent-TYPE: application/dicom;\r\n\ttransfer-syntax=1.2\r\n\r\nx\r\n--b--');
    const seen: (readonly [string, string])[] = [];
    await partsOf(body, {
      accept: (headers) => {
        seen.push(...headers);
        return undefined;
      },
    });
    expect(seen).toEqual([['content-type', 'application/dicom; transfer-syntax=1.2']]);
  });

  it('is the same parts however it is cut into chunks', async () => {
    const piece = fc.oneof(
      fc.constantFrom('\r', '\n', '\r\n', '--', '\r\n--b', '\r\n--b-', '-', 'b', '\r\n\r\n', '\r\n--b \t'),
      fc.string({ maxLength: 5 }),
    );
    // A letter behind every piece, so that none of them becomes a boundary line by itself.
    const content = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.map((one) => `${one}z`).join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        async (contents, cuts) => {
          const body = Buffer.from(`pre\r\n${contents.map((one) => part(one)).join('')}--b--\r\nepilogue`, 'utf8');
          const expected = contents.map((one) => Buffer.from(one, 'utf8').toString('latin1'));
          expect(await partsOf(body, { cuts })).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('survives being sent one byte at a time', async () => {
    const body = Buffer.from(`${part('one')}${part('x'.repeat(300))}--b--`);
    const cuts = Array.from({ length: body.length }, (_, i) => i);
    expect(await partsOf(body, { cuts })).toEqual(['one', 'x'.repeat(300)]);
  });

  it.each([
    ['ends within a part', `${part('one')}--b\r\n${TYPE}\r\ntw`],
    ['ends behind a part without the closing boundary', `${part('one')}${part('two').slice(0, -2)}`],
    ['ends within the headers of a part', `${part('one')}--b\r\n${TYPE}`],
    ['ends right behind a boundary', `${part('one')}--b\r\n${TYPE}\r\ntwo\r\n--b`],
  ])('that %s gives the parts before it and refuses the last', async (_, body) => {
    expect(await partsOf(body)).toEqual(['one', '<truncated>']);
  });

  it('has its bad parts refused one by one', async () => {
    const body = [
      part('one'),
      part('x', 'no colon here\r\n'),
      part('x', `${TYPE}Content-Transfer-Encoding: base64\r\n`),
      part('x', `X-Long: ${'x'.repeat(17_000)}\r\n`),
      part('x'.repeat(200_000)),
      part('x', 'Content-Type: text/plain\r\n'),
      '--b\r\nContent-Type: x\r\n',
      part('two'),
      '--b--',
    ].join('');
    const accept: AcceptPart = (headers) =>
      headers.get('content-type') === 'text/plain' ? new NeuroInsightError('unsupported-media-type', 'no') : undefined;
    const refused = [
      'invalid-request',
      'unsupported-media-type',
      'invalid-request',
      'limit-exceeded',
      'unsupported-media-type',
      'invalid-request',
    ];
    const expected = ['one', ...refused.map((kind) => `<${kind}>`), 'two'];
    expect(await partsOf(body, { accept })).toEqual(expected);
    expect(await partsOf(body, { accept, cuts: Array.from({ length: 4000 }, (_, i) => i * 53) })).toEqual(expected);
  });

  it('without its boundary is refused, at once where it goes on and on', async () => {
    expect(await refusal(partsOf('no boundary at all'))).toBe('invalid-request');
    expect(await refusal(partsOf(''))).toBe('invalid-request');
    expect(await refusal(partsOf(`${'x'.repeat(100_000)}\r\n${part('one')}--b--`, { cuts: [70_000] }))).toBe(
      'invalid-request',
    );
  });

  it('with nothing but the closing boundary holds no part', async () => {
    expect(await partsOf('--b--\r\n')).toEqual([]);
  });

  it('with too many parts or too many bytes is refused as a whole', async () => {
    expect(await refusal(partsOf(`${part('x').repeat(21)}--b--`))).toBe('limit-exceeded');
    expect(await refusal(partsOf(`${part('x'.repeat(500))}--b--`, { limits: { bytes: 400 } }))).toBe('limit-exceeded');
  });

  it('refuses a part for which the shared memory has no room, and gives back what it took', async () => {
    const budget = createMemoryBudget(300_000);
    const body = `${part('one')}${part('x'.repeat(350_000))}${part('two')}--b--`;
    const limits = { partBytes: 1_000_000, budget };
    const expected = ['one', '<overloaded>', 'two'];
    expect(await partsOf(body, { limits, cuts: [100_000, 200_000] })).toEqual(expected);
    expect(budget.take(300_000)).toBe(true);
    expect(await partsOf(part('one'), { limits })).toEqual(['<overloaded>']);
  });

  it('lets go of its source when the reader stops early', async () => {
    let released = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from(part('x'));
      } finally {
        released = true;
      }
    }
    for await (const _ of readMultipart(source(), 'b', LIMITS)) break;
    expect(released).toBe(true);
  });
});
