import { deriveUid, digestOf } from '../../src/domain/identity.ts';
import { encodeMrSeries } from '../../src/imaging/mr-series.ts';
import type { Canary } from './canaries.ts';
import type { SmallStudy } from './small-study.ts';

/** Texts that occur nowhere else, each in the place in which such a thing stands. */
export const PHI = {
  family: 'Zzyzxworth',
  given: 'Quillabelle',
  patientId: 'PATCANARY7731',
  issuer: 'ISSCANARY4402',
  accession: 'ACCCANARY90210',
  studyDescription: 'DescriptionCanaryStudy',
  seriesDescription: 'DescriptionCanarySeries',
  birthDate: '18830719',
  fhirBirthDate: '1883-07-19',
  studyDate: '20010203',
  fhirFamily: 'Fhirfamilycanary',
  fhirGiven: 'Fhirgivencanary',
  fhirIdentifier: 'FHIRIDCANARY553',
  fhirNarrative: 'narrativecanarytext',
  fhirAddress: 'Canaryaddress Lane',
  note: 'observationnotecanary',
  searched: 'Searchtermcanary',
  badPath: 'Pathcanaryvalue',
  badBody: 'Bodycanaryvalue',
  token: 'ni_tokencanary_0123456789abcdef',
} as const;

const SIZE = 32;
const SLICES = 12;

/** Sixteen values of twelve bits that no image has beside each other by chance. */
export const PIXELS: Uint8Array = Uint8Array.from(
  Buffer.from('a70b5c03e90d1f0842067d0e31056b0a9402e801570cbe0f23044d09f00670d0'.slice(0, 64), 'hex'),
).map((byte, index) => (index % 2 === 1 ? byte & 0x0f : byte));

export const phiCanaries = (): Canary[] => [
  ...Object.entries(PHI).map(([name, value]) => ({ name, value })),
  { name: 'pixels', value: PIXELS },
];

/** What a study is full of; for one that goes to a server and for one that is only planted. */
export function canaryStudy(seed: string): SmallStudy {
  const identifiersFrom = digestOf(['canary-study', seed]);
  const data = new Float32Array(SIZE * SIZE * SLICES).map((_, n) => n % 1000);
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
  const files = encodeMrSeries(
    { shape: [SIZE, SIZE, SLICES], affine, data },
    {
      identifiersFrom,
      kind: 'classic',
      sliceOrder: 'ascending',
      patient: {
        patientId: PHI.patientId,
        issuerOfPatientId: PHI.issuer,
        patientName: `${PHI.family}^${PHI.given}`,
        patientBirthDate: PHI.birthDate,
        patientSex: 'F',
      },
      study: {
        studyDate: PHI.studyDate,
        studyTime: '101500',
        studyDescription: PHI.studyDescription,
        accessionNumber: PHI.accession,
      },
      series: { seriesDescription: PHI.seriesDescription, seriesNumber: 1, modality: 'MR' },
      acquisition: {
        imageType: ['ORIGINAL', 'PRIMARY'],
        mrAcquisitionType: '3D',
        scanningSequence: ['GR', 'IR'],
        sequenceVariant: ['MP'],
      },
    },
  );
  return { studyInstanceUid: deriveUid(identifiersFrom, 'study'), files: files.map(withPixels) };
}

/** Pixel Data is the last element of what the encoder writes. */
function withPixels(file: Uint8Array): Uint8Array {
  const marked = Uint8Array.from(file);
  for (let at = marked.length - SIZE * SIZE * 2; at < marked.length; at += PIXELS.length) marked.set(PIXELS, at);
  return marked;
}

export const canaryPatient = () => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:oid:1.2.3.4', value: PHI.fhirIdentifier }],
  name: [{ family: PHI.fhirFamily, given: [PHI.fhirGiven] }],
  birthDate: PHI.fhirBirthDate,
  address: [{ line: [PHI.fhirAddress], city: 'Town' }],
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${PHI.fhirNarrative}</div>` },
});

export const canaryObservation = (patient: string) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'Something seen' },
  subject: { reference: patient, display: `${PHI.fhirGiven} ${PHI.fhirFamily}` },
  note: [{ text: PHI.note }],
  valueString: PHI.note,
});
