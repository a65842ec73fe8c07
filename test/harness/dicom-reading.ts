import dicomParser, { type DataSet } from 'dicom-parser';

export type { DataSet } from 'dicom-parser';

/** Reads a DICOM file with a parser that shares nothing with the writer under test. */
export function readDicom(bytes: Uint8Array): DataSet {
  return dicomParser.parseDicom(bytes);
}

/** The items of a sequence; a missing sequence has none. Tags as in dicom-parser: "x00620002". */
export function itemsOf(dataset: DataSet, tag: string): DataSet[] {
  return (dataset.elements[tag]?.items ?? []).map((item) => item.dataSet!);
}

/** The one item of a sequence. */
export function itemOf(dataset: DataSet, tag: string): DataSet {
  const items = itemsOf(dataset, tag);
  if (items.length !== 1) throw new Error(`${tag} has ${items.length} items`);
  return items[0]!;
}

/** "scheme value" of the first item of a code sequence. */
export function codeAt(dataset: DataSet, tag: string): string {
  const item = itemOf(dataset, tag);
  return `${item.string('x00080102')} ${item.string('x00080100')}`;
}

/** All values of a Decimal String. */
export function decimalsOf(dataset: DataSet, tag: string): number[] {
  return (dataset.string(tag) ?? '').split('\\').map(Number);
}

/** The bytes of an element. */
export function bytesOf(dataset: DataSet, tag: string): Uint8Array {
  const { dataOffset, length } = dataset.elements[tag]!;
  return dataset.byteArray.subarray(dataOffset, dataOffset + length) as Uint8Array;
}
