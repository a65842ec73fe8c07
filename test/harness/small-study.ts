import { deriveUid, digestOf } from '../../src/domain/identity.ts';
import { encodeMrSeries } from '../../src/imaging/mr-series.ts';

export interface SmallStudy {
  readonly studyInstanceUid: string;
  /** Part 10 files of one T1 series. */
  readonly files: readonly Uint8Array[];
}

const SIZE = 32;
const SLICES = 12;

/** An MR study of a few slices that differs from every other seed's: for what is about studies, not about heads. */
export function smallStudy(seed: string, slices = SLICES, size = SIZE): SmallStudy {
  const identifiersFrom = digestOf(['small-study', seed]);
  const data = new Float32Array(size * size * slices);
  for (let n = 0; n < data.length; n++) data[n] = (n * 7 + identifiersFrom.charCodeAt(n % 64)) % 1000;
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
  const files = encodeMrSeries(
    { shape: [size, size, slices], affine, data },
    {
      identifiersFrom,
      kind: 'classic',
      sliceOrder: 'ascending',
      patient: {
        patientId: `P-${seed}`,
        patientName: `Phantom^${seed}`,
        patientBirthDate: '19550102',
        patientSex: 'F',
      },
      study: { studyDate: '20261101', studyTime: '101500', studyDescription: 'Small study' },
      series: { seriesDescription: 'T1 MPRAGE', seriesNumber: 1, modality: 'MR' },
      acquisition: {
        imageType: ['ORIGINAL', 'PRIMARY'],
        mrAcquisitionType: '3D',
        scanningSequence: ['GR', 'IR'],
        sequenceVariant: ['MP'],
      },
    },
  );
  return { studyInstanceUid: deriveUid(identifiersFrom, 'study'), files };
}
