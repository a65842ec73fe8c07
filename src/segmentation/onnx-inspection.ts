import { NeuroInsightError } from '../domain/errors.ts';

/** What a protobuf message of an ONNX file may hold for us; everything else is skipped unread. */
type MessageName =
  | 'model'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'tensor'
  | 'sparseTensor'
  | 'function'
  | 'trainingInfo'
  | 'operatorSet';

/** Embedded messages by field number (onnx.proto3, IR version 10): the walk goes wherever a tensor can hide. */
const CHILDREN: Record<MessageName, Readonly<Record<number, MessageName>>> = {
  model: { 7: 'graph', 8: 'operatorSet', 20: 'trainingInfo', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  tensor: {},
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 9: 'operatorSet', 11: 'attribute' },
  trainingInfo: { 1: 'graph', 2: 'graph' },
  operatorSet: {},
};

/** Deeper than any network nests its If and Loop bodies; a bomb of nested graphs ends here. */
const MAXIMUM_DEPTH = 32;
const TENSOR_EXTERNAL_DATA = 13;
const TENSOR_DATA_LOCATION = 14;
const OPERATOR_SET_DOMAIN = 1;
const NODE_DOMAIN = 7;
const STANDARD_DOMAINS: readonly string[] = ['', 'ai.onnx'];

interface Field {
  readonly number: number;
  /** Set for varints (wire type 0). */
  readonly value?: bigint;
  /** Set for length-delimited fields (wire type 2). */
  readonly bytes?: Uint8Array;
}

/**
 * Refuses an ONNX model that would make the runtime open another file or load foreign code: any tensor with external
 * data (TensorProto.data_location EXTERNAL or external_data entries), in the main graph, in nested graphs, attributes,
 * functions or training parts; and any operator outside the standard ONNX domain.
 *
 * @throws NeuroInsightError model-integrity
 */
export function refuseUnsafeOnnx(bytes: Uint8Array, fileName: string): void {
  const pending: { name: MessageName; bytes: Uint8Array; depth: number }[] = [{ name: 'model', bytes, depth: 0 }];
  let graphs = 0;
  for (let message = pending.pop(); message; message = pending.pop()) {
    if (message.depth > MAXIMUM_DEPTH) throw refusal(fileName, 'nests graphs too deeply');
    if (message.name === 'graph') graphs += 1;
    for (const field of fieldsOf(message.bytes, fileName)) {
      refuseField(message.name, field, fileName);
      const child = CHILDREN[message.name][field.number];
      if (child === undefined) continue;
      if (field.bytes === undefined) throw refusal(fileName, 'is not a well-formed ONNX file');
      pending.push({ name: child, bytes: field.bytes, depth: message.depth + 1 });
    }
  }
  if (graphs === 0) throw refusal(fileName, 'holds no graph');
}

function refuseField(message: MessageName, field: Field, fileName: string): void {
  if (message === 'tensor') {
    const isExternal = field.number === TENSOR_DATA_LOCATION && field.value !== 0n;
    if (isExternal || field.number === TENSOR_EXTERNAL_DATA) throw refusal(fileName, 'keeps tensors in another file');
  }
  const namesDomain =
    (message === 'operatorSet' && field.number === OPERATOR_SET_DOMAIN) ||
    (message === 'node' && field.number === NODE_DOMAIN);
  if (namesDomain && !STANDARD_DOMAINS.includes(Buffer.from(field.bytes ?? []).toString('latin1'))) {
    throw refusal(fileName, 'uses operators outside the ONNX standard');
  }
}

/** The fields of one protobuf message in file order; repeated and duplicate fields each appear. */
function* fieldsOf(bytes: Uint8Array, fileName: string): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw refusal(fileName, 'is not a well-formed ONNX file');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw refusal(fileName, 'is not a well-formed ONNX file');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    const wireType = Number(key & 7n);
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 1) yield { number, bytes: take(8) };
    else if (wireType === 2) yield { number, bytes: take(Number(varint())) };
    else if (wireType === 5) yield { number, bytes: take(4) };
    // Wire types 3 and 4 are groups, which ONNX never had.
    else throw refusal(fileName, 'is not a well-formed ONNX file');
  }
}

function refusal(fileName: string, what: string): NeuroInsightError {
  return new NeuroInsightError('model-integrity', `model file ${fileName} ${what}`);
}
