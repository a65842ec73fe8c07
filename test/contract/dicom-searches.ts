import type { DicomMatch, InstanceRow, JsonAttribute, QueryLevel } from '../../src/ports/index.ts';
import { instanceRow } from './store-rows.ts';

/** An instance by its UIDs and the values that its attributes have, by keyword. */
export interface Indexed {
  readonly study?: string;
  readonly series?: string;
  readonly uid: string;
  readonly values?: Readonly<Partial<Record<keyof typeof TAGS, string | number | undefined>>>;
}

/** Level, tag and VR of the attributes that the suite gives values to. */
export const TAGS = {
  StudyDate: ['study', '00080020', 'DA'],
  StudyTime: ['study', '00080030', 'TM'],
  AccessionNumber: ['study', '00080050', 'SH'],
  ReferringPhysicianName: ['study', '00080090', 'PN'],
  StudyDescription: ['study', '00081030', 'LO'],
  PatientName: ['study', '00100010', 'PN'],
  PatientID: ['study', '00100020', 'LO'],
  PatientSex: ['study', '00100040', 'CS'],
  Modality: ['series', '00080060', 'CS'],
  SeriesDescription: ['series', '0008103E', 'LO'],
  SeriesNumber: ['series', '00200011', 'IS'],
  InstanceNumber: ['instance', '00200013', 'IS'],
  NumberOfFrames: ['instance', '00280008', 'IS'],
  ContentDate: ['instance', '00080023', 'DA'],
} as const satisfies Record<string, readonly [QueryLevel, string, string]>;

/** Groups of a name are separated by "=", as in the file. */
function attributeOf(vr: string, value: string | number): JsonAttribute {
  if (vr !== 'PN') return { vr, Value: [value] };
  const [Alphabetic = '', Ideographic = '', Phonetic = ''] = String(value).split('=');
  const groups = { Alphabetic, Ideographic, Phonetic };
  return { vr, Value: [Object.fromEntries(Object.entries(groups).filter(([, group]) => group !== ''))] };
}

export function rowOf({ study = '1.2', series = `${study}.1`, uid, values = {} }: Indexed): InstanceRow {
  const attributes: Record<QueryLevel, Record<string, JsonAttribute>> = {
    study: { '0020000D': { vr: 'UI', Value: [study] } },
    series: { '0020000E': { vr: 'UI', Value: [series] } },
    instance: { '00080018': { vr: 'UI', Value: [uid] } },
  };
  for (const [keyword, value] of Object.entries(values)) {
    const [level, tag, vr] = TAGS[keyword as keyof typeof TAGS];
    if (value !== undefined) attributes[level][tag] = attributeOf(vr, value);
  }
  const instanceNumber = typeof values.InstanceNumber === 'number' ? values.InstanceNumber : undefined;
  return instanceRow({ study, series, uid }, { attributes, instanceNumber });
}

export const text = (keyword: string, pattern: string): DicomMatch => ({ kind: 'text', keyword, pattern });
export const fuzzy = (keyword: string, ...words: string[]): DicomMatch => ({ kind: 'fuzzy', keyword, words });
export const uids = (keyword: string, ...anyOf: string[]): DicomMatch => ({ kind: 'uid', keyword, anyOf });
export const range = (keyword: string, from?: string, to?: string): DicomMatch => ({
  kind: 'range',
  keyword,
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});
