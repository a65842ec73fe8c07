import { createHash } from 'node:crypto';
import { foldText } from '../../src/domain/fold-text.ts';
import type { IndexEntry, InstanceRow, JsonDataset, ResourceVersion } from '../../src/ports/index.ts';

/** Rows for the bench of a large store: the same for the same number, with index rows as the server makes them. */

const SURNAMES = [
  'Mueller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Schroeder',
  'Neumann Schwarz Zimmermann Braun Krueger Hofmann Hartmann Lange Werner Krause Lehmann Koehler Maier Walter Herrmann',
  'Kaiser Fuchs Peters Lang Scholz Jung Hahn Keller Vogel Roth Beck Lorenz Baumann Franke Albrecht Winter Ludwig Simon',
  'Yilmaz Nowak Kowalski Ivanova Rossi Ferrari Garcia Martinez Dubois Jansen Nielsen Andersson Kovacs Novak Horvat Popa',
].flatMap((line) => line.split(' '));
const GIVEN =
  'Eva Anna Maria Lena Lea Paula Greta Ida Clara Ella Ben Paul Jonas Leon Finn Noah Elias Emil Anton Karl Otto Hans'.split(
    ' ',
  );
const DAY = 86_400_000;
const EPOCH = Date.UTC(2016, 0, 1);
const DAYS = 3_900;

/** A number below `below` that depends on all of the parts and on nothing else. */
export function pick(below: number, ...parts: readonly (string | number)[]): number {
  return createHash('md5').update(parts.join('/')).digest().readUInt32LE(0) % below;
}

export const familyOf = (n: number): string => {
  const family = SURNAMES[pick(SURNAMES.length, 'family', n)]!;
  const second = pick(12, 'double', n) === 0 ? `-${SURNAMES[pick(SURNAMES.length, 'second', n)]}` : '';
  return `${family}${second}`;
};
export const givenOf = (n: number): string => GIVEN[pick(GIVEN.length, 'given', n)]!;
export const mrnOf = (n: number): string => `MRN${String(n).padStart(8, '0')}`;
const dayOf = (...parts: readonly (string | number)[]): number => EPOCH + pick(DAYS, ...parts) * DAY;
const dateOf = (day: number): string => new Date(day).toISOString().slice(0, 10);

export const CODES: readonly string[] = Array.from(
  { length: 40 },
  (_, index) => `${10_000 + index * 37}-${index % 10}`,
);
export const LOINC = 'http://loinc.org';

const token = (param: string, system: string, code: string): IndexEntry => ({ kind: 'token', param, system, code });
const text = (param: string, value: string): IndexEntry => ({ kind: 'string', param, value, folded: foldText(value) });
const span = (param: string, low: number, length = DAY - 1): IndexEntry => ({
  kind: 'date',
  param,
  low,
  high: low + length,
});
const refersTo = (param: string, id: string): IndexEntry => ({ kind: 'reference', param, type: 'Patient', id });

function version(
  resourceType: string,
  id: string,
  n: number,
  body: Readonly<Record<string, unknown>>,
  index: readonly IndexEntry[],
): ResourceVersion {
  const lastUpdated = new Date(EPOCH + n * 977).toISOString();
  const resource = { resourceType, id, meta: { versionId: '1', lastUpdated }, ...body };
  return { resourceType, id, versionId: 1, lastUpdated, method: 'POST', resource: resource as never, index };
}

export function patientOf(n: number): ResourceVersion {
  const [family, given, born] = [familyOf(n), givenOf(n), dayOf('born', n)];
  const gender = n % 2 === 0 ? 'female' : 'male';
  const body = {
    identifier: [{ use: 'usual', system: 'urn:oid:1.2.276.0.76.3.1', value: mrnOf(n) }],
    active: true,
    name: [{ use: 'official', family, given: [given] }],
    gender,
    birthDate: dateOf(born),
    address: [{ line: [`Hauptstrasse ${n % 200}`], city: 'Musterstadt', postalCode: String(10_000 + (n % 80_000)) }],
  };
  return version('Patient', `p${n}`, n, body, [
    token('identifier', 'urn:oid:1.2.276.0.76.3.1', mrnOf(n)),
    token('gender', 'http://hl7.org/fhir/administrative-gender', gender),
    token('active', 'http://terminology.hl7.org/CodeSystem/special-values', 'true'),
    text('family', family),
    text('given', given),
    text('name', family),
    text('name', given),
    span('birthdate', born),
  ]);
}

export function observationOf(n: number, patients: number): ResourceVersion {
  const subject = `p${pick(patients, 'subject', n)}`;
  const [code, at] = [CODES[n % CODES.length]!, dayOf('observed', n) + pick(DAY, 'time', n)];
  const value = 1 + pick(5_000, 'value', n) / 1_000;
  const body = {
    status: 'final',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'imaging' }] }],
    code: { coding: [{ system: LOINC, code, display: `Measurement ${code}` }] },
    subject: { reference: `Patient/${subject}` },
    effectiveDateTime: new Date(at).toISOString(),
    valueQuantity: { value, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' },
  };
  return version('Observation', `o${n}`, n, body, [
    token('code', LOINC, code),
    token('status', 'http://hl7.org/fhir/observation-status', 'final'),
    token('category', 'http://terminology.hl7.org/CodeSystem/observation-category', 'imaging'),
    refersTo('subject', subject),
    refersTo('patient', subject),
    span('date', at, 999),
    {
      kind: 'quantity',
      param: 'value-quantity',
      low: value,
      high: value,
      system: 'http://unitsofmeasure.org',
      code: 'mL',
    },
  ]);
}

export function reportOf(n: number, patients: number): ResourceVersion {
  const subject = `p${pick(patients, 'reported', n)}`;
  const at = dayOf('reported at', n);
  const body = {
    status: 'preliminary',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }],
    code: { coding: [{ system: LOINC, code: '24590-2', display: 'MR Brain' }] },
    subject: { reference: `Patient/${subject}` },
    effectiveDateTime: dateOf(at),
    result: [1, 2, 3].map((which) => ({ reference: `Observation/o${n * 3 + which}` })),
  };
  return version('DiagnosticReport', `d${n}`, n, body, [
    token('code', LOINC, '24590-2'),
    token('status', 'http://hl7.org/fhir/diagnostic-report-status', 'preliminary'),
    token('category', 'http://terminology.hl7.org/CodeSystem/v2-0074', 'RAD'),
    refersTo('subject', subject),
    refersTo('patient', subject),
    span('date', at),
    ...[1, 2, 3].map(
      (which): IndexEntry => ({ kind: 'reference', param: 'result', type: 'Observation', id: `o${n * 3 + which}` }),
    ),
  ]);
}

export function imagingStudyOf(n: number, patients: number): ResourceVersion {
  const subject = `p${pick(patients, 'imaged', n)}`;
  const started = dayOf('started', n);
  const body = {
    identifier: [{ system: 'urn:dicom:uid', value: `urn:oid:1.2.276.0.${n}` }],
    status: 'available',
    modality: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: modalityOf(n) }],
    subject: { reference: `Patient/${subject}` },
    started: new Date(started).toISOString(),
    numberOfSeries: 4,
    numberOfInstances: 100,
    series: [1, 2, 3, 4].map((which) => ({ uid: `1.2.276.0.${n}.${which}`, number: which, numberOfInstances: 25 })),
  };
  return version('ImagingStudy', `i${n}`, n, body, [
    token('identifier', 'urn:dicom:uid', `urn:oid:1.2.276.0.${n}`),
    token('status', 'http://hl7.org/fhir/imagingstudy-status', 'available'),
    token('modality', 'http://dicom.nema.org/resources/ontology/DCM', modalityOf(n)),
    refersTo('subject', subject),
    refersTo('patient', subject),
    span('started', started, 999),
  ]);
}

export const modalityOf = (n: number): string => (n % 50 === 0 ? 'PT' : n % 4 === 0 ? 'CT' : 'MR');
export const studyUidOf = (study: number): string => `1.2.276.0.7230010.3.1.2.${study}`;
export const studyDateOf = (study: number): string => dateOf(dayOf('study', study)).replaceAll('-', '');

/** The instances of a study in series of 25. */
export function* instancesOf(study: number, count: number): Generator<InstanceRow> {
  const attributes = studyAttributes(study);
  for (let number = 0; number < count; number++) yield instanceOf(study, number, attributes);
}

function studyAttributes(study: number): JsonDataset {
  return {
    '00080020': { vr: 'DA', Value: [studyDateOf(study)] },
    '00080030': { vr: 'TM', Value: [`${String(pick(24, 'hour', study)).padStart(2, '0')}3000`] },
    '00080050': { vr: 'SH', Value: [`A${study}`] },
    '00080090': { vr: 'PN', Value: [{ Alphabetic: `${familyOf(study * 7)}^${givenOf(study * 7)}` }] },
    '00100010': { vr: 'PN', Value: [{ Alphabetic: `${familyOf(study)}^${givenOf(study)}` }] },
    '00100020': { vr: 'LO', Value: [mrnOf(study)] },
    '00100030': { vr: 'DA', Value: ['19500101'] },
    '00100040': { vr: 'CS', Value: [study % 2 === 0 ? 'F' : 'M'] },
    '0020000D': { vr: 'UI', Value: [studyUidOf(study)] },
    '00081030': { vr: 'LO', Value: ['MR Brain without contrast'] },
  };
}

function instanceOf(study: number, number: number, attributes: JsonDataset): InstanceRow {
  const series = `${studyUidOf(study)}.${1 + Math.floor(number / 25)}`;
  const uid = `${series}.${number}`;
  const digest = createHash('sha256').update(uid).digest('hex');
  const pack = `pack-${study}`;
  return {
    studyInstanceUid: studyUidOf(study),
    seriesInstanceUid: series,
    sopInstanceUid: uid,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    instanceNumber: number + 1,
    attributes: {
      study: attributes,
      series: {
        '0020000E': { vr: 'UI', Value: [series] },
        '00080060': { vr: 'CS', Value: [modalityOf(study)] },
        '00200011': { vr: 'IS', Value: [1 + Math.floor(number / 25)] },
        '0008103E': { vr: 'LO', Value: ['t1_mprage_sag_p2_iso'] },
      },
      instance: {
        '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.4'] },
        '00080018': { vr: 'UI', Value: [uid] },
        '00200013': { vr: 'IS', Value: [number + 1] },
        '00280010': { vr: 'US', Value: [256] },
        '00280011': { vr: 'US', Value: [256] },
        '00280100': { vr: 'US', Value: [16] },
      },
    },
    blob: { pack, offset: number * 132_000, length: 131_500 },
    metadata: { pack, offset: number * 132_000 + 131_500, length: 500 },
    frames: [[{ offset: 400, length: 131_072 }]],
    receivedSha256: digest,
    storedSha256: digest,
    receivedAt: '2026-11-24T10:00:00.000Z',
    receivedFrom: 'key-1',
    isSource: true,
  };
}
