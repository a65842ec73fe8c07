import { entryOf, hexOfTag, tagOf } from '../../dicom/dictionary.ts';
import { foldText } from '../../domain/fold-text.ts';
import type { JsonDataset } from '../../ports/index.ts';
import type { Value } from './database.ts';

interface PersonName {
  readonly Alphabetic?: unknown;
  readonly Ideographic?: unknown;
  readonly Phonetic?: unknown;
}

/**
 * The value of an attribute as QIDO-RS compares it: UIDs, dates, times and codes as they are, IS as a number, names and
 * text folded; the three groups of a name are separated by "=" and several values by a backslash. Null: no value.
 */
export function columnOf(keyword: string, attributes: JsonDataset): Value {
  const values = attributes[hexOfTag(tagOf(keyword))]?.Value ?? [];
  const { vr } = entryOf(keyword);
  if (vr === 'IS') return Number.isInteger(Number(values[0] ?? Number.NaN)) ? Number(values[0]) : null;
  const texts = values.map((value) => textOf(value).replaceAll('\0', ''));
  const text = texts.filter((one) => one !== '').join('\\');
  if (text === '') return null;
  return ['UI', 'DA', 'TM', 'CS'].includes(vr) ? text : foldText(text);
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null || value === undefined ? '' : String(value);
  const { Alphabetic, Ideographic, Phonetic } = value as PersonName;
  const groups = [Alphabetic, Ideographic, Phonetic].map((group) => (typeof group === 'string' ? group : ''));
  return groups.join('=').replace(/=+$/, '');
}
