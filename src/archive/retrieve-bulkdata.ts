import type { Dataset } from '../dicom/dataset.ts';
import { openDicom } from '../dicom/file.ts';
import type { RawElement } from '../dicom/tokenizer.ts';
import { NeuroInsightError } from '../domain/errors.ts';

const WORD_BYTES: Readonly<Record<string, number>> = {
  US: 2,
  SS: 2,
  OW: 2,
  AT: 2,
  UL: 4,
  SL: 4,
  FL: 4,
  OF: 4,
  OL: 4,
  FD: 8,
  OD: 8,
  OV: 8,
  SV: 8,
  UV: 8,
};
const DEEPEST = 64;

/**
 * The value at a place of an instance, as the metadata's BulkDataURI names it: "7FE00010", or in a sequence
 * "54000100/1/54001010" with items counted from 1. Little endian, fragments joined in order without the offset table.
 *
 * @throws invalid-request for a path that names no place, not-found when nothing with a value lies there.
 */
export async function bulkDataAt(bytes: Uint8Array, tagPath: string): Promise<Uint8Array> {
  const steps = tagPath.split('/');
  const wellFormed = steps.every((step, i) => (i % 2 === 0 ? /^[0-9A-Fa-f]{8}$/ : /^[1-9]\d{0,6}$/).test(step));
  if (!wellFormed || steps.length % 2 === 0 || steps.length > 2 * DEEPEST) {
    throw new NeuroInsightError('invalid-request', 'the path of bulk data is tags and item numbers in turn');
  }
  const file = await openDicom(bytes).read();
  const [dataset, element] = elementAt(file.dataset, steps);
  if (element.fragments) {
    const fragments = element.fragments.slice(1);
    return Buffer.concat(fragments.map(({ start, length }) => file.bytes.subarray(start, start + length)));
  }
  return littleEndian(dataset.rawBytes(element), element.vr.name, dataset.littleEndian);
}

function elementAt(root: Dataset, steps: readonly string[]): readonly [Dataset, RawElement] {
  let dataset: Dataset | undefined = root;
  for (let i = 0; dataset && i < steps.length; i += 2) {
    const tag = Number.parseInt(steps[i]!, 16);
    const element: RawElement | undefined = dataset.element(tag);
    if (i === steps.length - 1 && element && !element.items && element.length > 0) return [dataset, element];
    dataset = dataset.sequence(tag)[Number(steps[i + 1]) - 1];
  }
  throw new NeuroInsightError('not-found', 'the instance has no such bulk data');
}

function littleEndian(bytes: Uint8Array, vr: string, isLittle: boolean): Uint8Array {
  const size = WORD_BYTES[vr];
  if (isLittle || size === undefined || bytes.length % size !== 0) return bytes;
  const words = Buffer.from(bytes);
  if (size === 2) return words.swap16();
  return size === 4 ? words.swap32() : words.swap64();
}
