import { describe, expect, it } from '@jest/globals';
import { parseJson } from './json-body.ts';

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const failing = (kind: string) => expect.objectContaining({ kind });

describe('parseJson', () => {
  it.each(['{"a":[1,{"b":"]}\\"["}]}', '"\\\\"', '[]', 'null', '{"é":"\\u0041"}', '\ufeff{}'])('reads %s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text.replace('\ufeff', '')));
  });

  it('reads a view into larger memory as that view alone', () => {
    expect(parseJson(Buffer.from('xx{"a":1}yy').subarray(2, 9))).toEqual({ a: 1 });
  });

  it.each(['', '{', '{"a":1', '"\\"', '}', '[1,]', 'undefined'])('answers malformed-json to %j', (text) => {
    expect(() => parse(text)).toThrow(failing('malformed-json'));
  });

  it('answers malformed-json to bytes that are no UTF-8, without repeating them', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('The body is not JSON in UTF-8');
  });

  it('refuses deep and endless bodies before they are parsed', () => {
    expect(() => parse('['.repeat(3_000_000))).toThrow(failing('limit-exceeded'));
    expect(() => parse('{"a":'.repeat(200))).toThrow(failing('limit-exceeded'));
    expect(() => parse(`[${'0,'.repeat(1_000_000)}0]`)).toThrow(failing('limit-exceeded'));
  });

  it('refuses an object of more elements than any resource has, and no array for its length', () => {
    const object = (count: number): string =>
      `{"a":[${'0,'.repeat(5000)}0],${Array.from({ length: count - 1 }, (_, n) => `"e${n}":{}`).join()}}`;
    expect(Object.keys(parse(object(1000)) as object)).toHaveLength(1000);
    expect(() => parse(`[${object(1001)}]`)).toThrow(failing('limit-exceeded'));
  });

  it('counts no bracket or comma inside a string, however it is escaped', () => {
    const text = `${'[,'.repeat(2_000_000)}\\"${'['.repeat(200)}${'\\\\'.repeat(1000)}`;
    expect(parse(`["${text}"]`)).toHaveLength(1);
  });
});
