import { describe, expect, it } from '@jest/globals';
import { refuseUnsafeOnnx } from './onnx-inspection.ts';

/** A varint field or a length-delimited field of a protobuf message. */
function field(number: number, content: number | string | Uint8Array | Uint8Array[]): Uint8Array {
  if (typeof content === 'number') return Buffer.from([...varint(number << 3), ...varint(content)]);
  const bytes = Array.isArray(content) ? Buffer.concat(content) : Buffer.from(content as Uint8Array);
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
}

const ordinaryTensor = [field(1, 3), field(2, 1), field(9, new Uint8Array(12)), field(14, 0)];
const externalTensor = [field(2, 1), field(14, 1)];
const externalEntryOnly = [field(2, 1), field(13, [field(1, 'location'), field(2, '../weights.bin')])];
const model = (graph: Uint8Array[], extra: Uint8Array[] = []) =>
  Buffer.concat([field(1, 8), field(7, graph), ...extra]);

describe('refuseUnsafeOnnx', () => {
  it('accepts a graph whose tensors are inside the file', () => {
    const graph = [field(5, ordinaryTensor), field(1, [field(4, 'Conv'), field(5, [field(5, ordinaryTensor)])])];
    expect(() => refuseUnsafeOnnx(model(graph, [field(8, [field(2, 17)])]), 'm.onnx')).not.toThrow();
  });

  const graphHolding = (tensor: Uint8Array[]) => field(5, tensor);
  const hidingPlaces: [string, Uint8Array][] = [
    ['an initializer', model([graphHolding(externalTensor)])],
    ['an initializer that only lists entries', model([graphHolding(externalEntryOnly)])],
    ['a second initializer behind a good one', model([field(5, ordinaryTensor), field(5, externalTensor)])],
    ['an attribute of a node', model([field(1, [field(5, [field(5, externalTensor)])])])],
    ['a list of tensors in an attribute', model([field(1, [field(5, [field(10, externalTensor)])])])],
    ['a nested graph', model([field(1, [field(5, [field(6, [graphHolding(externalTensor)])])])])],
    ['a list of nested graphs', model([field(1, [field(5, [field(11, [graphHolding(externalTensor)])])])])],
    ['the values of a sparse initializer', model([field(15, [field(1, externalTensor)])])],
    ['the indices of a sparse attribute', model([field(1, [field(5, [field(22, [field(2, externalTensor)])])])])],
    ['a function', model([], [field(25, [field(7, [field(5, [field(5, externalTensor)])])])])],
    ['the training part', model([], [field(20, [field(2, [graphHolding(externalTensor)])])])],
    ['a graph given twice', model([], [field(7, [graphHolding(externalTensor)])])],
  ];
  it.each(hidingPlaces)('finds external data in %s', (_, bytes) => {
    expect(() => refuseUnsafeOnnx(bytes, 'm.onnx')).toThrow('model file m.onnx keeps tensors in another file');
  });

  it('refuses operators of a foreign domain, by operator set or by node', () => {
    const bySet = model([], [field(8, [field(1, 'com.microsoft'), field(2, 1)])]);
    const byNode = model([field(1, [field(7, 'com.example')])]);
    for (const bytes of [bySet, byNode]) {
      expect(() => refuseUnsafeOnnx(bytes, 'm.onnx')).toThrow('uses operators outside the ONNX standard');
    }
  });

  it('refuses graphs nested deeper than any network', () => {
    let graph: Uint8Array[] = [];
    for (let level = 0; level < 20; level += 1) graph = [field(1, [field(5, [field(6, graph)])])];
    expect(() => refuseUnsafeOnnx(model(graph), 'm.onnx')).toThrow('nests graphs too deeply');
  });

  it.each([
    ['a length beyond the end', Buffer.from([0x3a, 0x7f, 0x01])],
    ['an unfinished number', Buffer.from([0x08, 0xff])],
    ['a number of more than ten bytes', Buffer.from([0x08, ...Array.from({ length: 12 }, () => 0xff)])],
    ['a group', Buffer.from([0x3b])],
    ['a graph that is a number', Buffer.from([0x38, 0x01])],
  ])('refuses %s as malformed', (_, bytes) => {
    expect(() => refuseUnsafeOnnx(bytes, 'm.onnx')).toThrow('is not a well-formed ONNX file');
  });

  it('skips fixed-width fields and refuses a file without a graph', () => {
    const fixed = Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4]);
    expect(() => refuseUnsafeOnnx(fixed, 'm.onnx')).toThrow('holds no graph');
    expect(() => refuseUnsafeOnnx(new Uint8Array(0), 'm.onnx')).toThrow('holds no graph');
  });
});
