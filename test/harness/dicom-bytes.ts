/** Builds DICOM files byte by byte, for what no encoder would write. Explicit little endian unless said otherwise. */

export const UNDEFINED_LENGTH = 0xffffffff;
const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

export function text(value: string): Buffer {
  return Buffer.from(value.length % 2 === 0 ? value : `${value} `, 'latin1');
}

export function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16LE(value, 2 * i);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function tagBytes(tag: number): Buffer {
  return uint16(tag >>> 16, tag & 0xffff);
}

/** An explicit VR element; `length` may lie. */
export function element(tag: number, vr: string, value: Uint8Array | string, length?: number): Buffer {
  const bytes = typeof value === 'string' ? text(value) : value;
  const declared = length ?? bytes.length;
  const size = LONG.has(vr) ? Buffer.concat([uint16(0), uint32(declared)]) : uint16(declared);
  return Buffer.concat([tagBytes(tag), Buffer.from(vr, 'latin1'), size, bytes]);
}

/** An implicit VR element. */
export function implicitElement(tag: number, value: Uint8Array | string, length?: number): Buffer {
  const bytes = typeof value === 'string' ? text(value) : value;
  return Buffer.concat([tagBytes(tag), uint32(length ?? bytes.length), bytes]);
}

export function item(content: Uint8Array, length = content.length): Buffer {
  return Buffer.concat([tagBytes(0xfffee000), uint32(length), content]);
}

export const ITEM_END = Buffer.concat([tagBytes(0xfffee00d), uint32(0)]);
export const SEQUENCE_END = Buffer.concat([tagBytes(0xfffee0dd), uint32(0)]);

/** A sequence with undefined lengths throughout, items closed by delimiters. */
export function openSequence(tag: number, ...items: Uint8Array[]): Buffer {
  const content = items.map((one) => Buffer.concat([item(one, UNDEFINED_LENGTH), ITEM_END]));
  return element(tag, 'SQ', Buffer.concat([...content, SEQUENCE_END]), UNDEFINED_LENGTH);
}

export const UIDS: Buffer = Buffer.concat([
  element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.4\0'),
  element(0x00080018, 'UI', '1.2.3\0'),
]);
export const STUDY_AND_SERIES: Buffer = Buffer.concat([
  element(0x0020000d, 'UI', '1.2.4\0'),
  element(0x0020000e, 'UI', '1.2.5\0'),
]);

/** Preamble, prefix, file meta information of the instance 1.2.3, then the dataset as it is. */
export function file(dataset: Uint8Array, transferSyntaxUid = '1.2.840.10008.1.2.1'): Buffer {
  const padded = transferSyntaxUid.length % 2 === 0 ? transferSyntaxUid : `${transferSyntaxUid}\0`;
  const meta = Buffer.concat([
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', '1.2.840.10008.5.1.4.1.1.4\0'),
    element(0x00020003, 'UI', '1.2.3\0'),
    element(0x00020010, 'UI', padded),
  ]);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element(0x00020000, 'UL', uint32(meta.length)),
    meta,
    dataset,
  ]);
}

/** `depth` sequences one inside the other: the attack on recursive readers. */
export function nestedSequences(depth: number): Buffer {
  const open = element(0x00401012, 'SQ', item(Buffer.alloc(0), UNDEFINED_LENGTH), UNDEFINED_LENGTH);
  const close = Buffer.concat([ITEM_END, SEQUENCE_END]);
  return Buffer.concat([...new Array<Buffer>(depth).fill(open), ...new Array<Buffer>(depth).fill(close)]);
}
