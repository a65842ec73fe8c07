import type {
  AcquisitionHeader,
  FrameHeader,
  InstanceHeader,
  PatientHeader,
  SeriesHeader,
  SeriesOfInstances,
} from '../../src/domain/instance.ts';

const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4';
export const ENHANCED_MR = '1.2.840.10008.5.1.4.1.1.4.1';
export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const AXIAL = [1, 0, 0, 0, 1, 0] as const;
export const CORONAL = [1, 0, 0, 0, 0, -1] as const;

/** What a made-up series should be like; the rest is a good MPRAGE. */
export interface WantedSeries {
  readonly number?: number;
  readonly description?: string;
  readonly modality?: string;
  readonly sopClassUid?: string;
  readonly slices?: number;
  readonly step?: number;
  readonly pixel?: number;
  readonly acquisition?: Partial<AcquisitionHeader>;
  readonly series?: Partial<SeriesHeader>;
  readonly patient?: PatientHeader;
  readonly studyUid?: string;
  readonly pixels?: false;
  readonly alter?: (instance: InstanceHeader, index: number) => InstanceHeader;
}

export const MPRAGE: Partial<AcquisitionHeader> = {
  imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND', 'NORM'],
  mrAcquisitionType: '3D',
  scanningSequence: ['GR', 'IR'],
  sequenceVariant: ['SK', 'SP', 'MP'],
  sequenceName: '*tfl3d1_16ns',
  repetitionTime: 2300,
  echoTime: 2.98,
  inversionTime: 900,
  flipAngle: 9,
};

export const frameAt = (z: number, pixel: number): FrameHeader => ({
  frameNumber: 1,
  imagePositionPatient: [-100, -100, z],
  imageOrientationPatient: [...AXIAL],
  pixelSpacing: [pixel, pixel],
  rescaleSlope: 1,
  rescaleIntercept: 0,
});

/** Headers of one series, without pixels; without wishes a 176-slice MPRAGE of 1 mm. */
export function makeSeries(wanted: WantedSeries = {}): SeriesOfInstances {
  const { number = 2, description = 't1_mprage_sag_p2_iso', slices = 176, step = 1, pixel = 1 } = wanted;
  const seriesInstanceUid = `1.2.3.${number}`;
  const { pixels, alter = (instance: InstanceHeader) => instance } = wanted;
  const instances = Array.from({ length: slices }, (_, index): InstanceHeader => {
    const instance: InstanceHeader = {
      sopClassUid: wanted.sopClassUid ?? MR_IMAGE,
      sopInstanceUid: `${seriesInstanceUid}.${index + 1}`,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      patient: wanted.patient ?? { patientId: 'P1', patientName: 'Doe^Jane' },
      study: { studyInstanceUid: wanted.studyUid ?? '1.2.3' },
      series: {
        seriesInstanceUid,
        seriesNumber: number,
        seriesDescription: description,
        modality: wanted.modality ?? 'MR',
        frameOfReferenceUid: '1.2.3.99',
        ...wanted.series,
      },
      acquisition: { imageType: [], scanningSequence: [], sequenceVariant: [], ...(wanted.acquisition ?? MPRAGE) },
      frames: [frameAt(index * step, pixel)],
      ...(pixels !== false && {
        pixels: {
          rows: 256,
          columns: 256,
          bitsAllocated: 16,
          bitsStored: 12,
          highBit: 11,
          pixelRepresentation: 0,
          samplesPerPixel: 1,
          photometricInterpretation: 'MONOCHROME2',
        },
      }),
    };
    return alter(instance, index);
  });
  return { seriesInstanceUid, instances };
}

/** A T2-weighted series as every study has one. */
export const T2_SERIES = makeSeries({
  number: 3,
  description: 't2_tse_tra',
  slices: 30,
  step: 5,
  acquisition: { scanningSequence: ['SE'], repetitionTime: 5000, echoTime: 90 },
});
