import { describe, expect, it } from '@jest/globals';
import { mrSlice } from '../../test/harness/mr-slice.ts';
import { encodeDicom, type NaturalDataset } from './encode.ts';
import { readInstanceHeader } from './instance.ts';

const classic = mrSlice({ rows: 4, columns: 3, slice: 7 });
const read = (dataset: NaturalDataset, syntax?: string) => readInstanceHeader(encodeDicom(dataset, syntax));
const refuses = (dataset: NaturalDataset, kind: string, message?: RegExp) => {
  const expected = message ? { kind, message: expect.stringMatching(message) } : { kind };
  expect(() => read(dataset)).toThrow(expect.objectContaining(expected));
};

const without = (dataset: NaturalDataset, ...keywords: string[]): NaturalDataset =>
  Object.fromEntries(Object.entries(dataset).filter(([keyword]) => !keywords.includes(keyword)));

const frame = (position: number[], extra: NaturalDataset = {}): NaturalDataset => ({
  PlanePositionSequence: [{ ImagePositionPatient: position }],
  FrameContentSequence: [{ TemporalPositionIndex: 1 }],
  ...extra,
});

const enhanced: NaturalDataset = {
  ...without(classic, 'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness', 'EchoTime'),
  ScanningSequence: '',
  SequenceVariant: '',
  RepetitionTime: '',
  FlipAngle: '',
  InversionTime: '',
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.4.1',
  PulseSequenceName: 'MPRAGE',
  EchoPulseSequence: 'GRADIENT',
  SegmentedKSpaceTraversal: 'PARTIAL',
  NumberOfFrames: 2,
  PixelData: new Uint8Array(48),
  SharedFunctionalGroupsSequence: [
    {
      PlaneOrientationSequence: [{ ImageOrientationPatient: [0, 1, 0, 0, 0, -1] }],
      PixelMeasuresSequence: [{ PixelSpacing: [0.5, 0.75], SliceThickness: 1.2, SpacingBetweenSlices: 1.1 }],
      PixelValueTransformationSequence: [{ RescaleSlope: 2, RescaleIntercept: -1 }],
      MRTimingAndRelatedParametersSequence: [{ RepetitionTime: 2300, FlipAngle: 9 }],
      MREchoSequence: [{ EffectiveEchoTime: 2.5 }],
      MRModifierSequence: [{ InversionRecovery: 'YES', InversionTimes: [900], Spoiling: 'RF' }],
      MRImageFrameTypeSequence: [{ FrameType: ['ORIGINAL', 'PRIMARY', 'T1', 'NONE'], AcquisitionContrast: 'T1' }],
      MRDiffusionSequence: [{ DiffusionBValue: 0 }],
    },
  ],
  PerFrameFunctionalGroupsSequence: [
    frame([1, 2, 3]),
    frame([1, 2, 4.1], {
      PlaneOrientationSequence: [{ ImageOrientationPatient: [1, 0, 0, 0, 1, 0] }],
      PixelValueTransformationSequence: [{ RescaleSlope: 3, RescaleIntercept: 5 }],
      FrameContentSequence: [{ TemporalPositionIndex: 2 }],
    }),
  ],
};

describe('readInstanceHeader', () => {
  it('reads a classic MR instance', () => {
    const header = read(classic);
    expect(header).toMatchObject({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      sopInstanceUid: '2.25.10020037',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      instanceNumber: 8,
      patient: {
        patientName: 'Phantom^One',
        patientId: 'PH-1',
        patientBirthDate: '19800101',
        patientSex: 'F',
        patientAge: '044Y',
      },
      study: {
        studyInstanceUid: '2.25.1002001',
        studyDate: '20240501',
        studyTime: '100000',
        referringPhysicianName: 'Weiß^Anna',
      },
      series: {
        seriesInstanceUid: '2.25.1002002',
        seriesNumber: 4,
        modality: 'MR',
        frameOfReferenceUid: '2.25.1002004',
      },
      acquisition: {
        imageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND', 'NORM'],
        scanningSequence: ['GR', 'IR'],
        sequenceVariant: ['SK', 'SP', 'MP'],
        repetitionTime: 2300,
        echoTime: 2.98,
        inversionTime: 900,
        flipAngle: 9,
        magneticFieldStrength: 3,
      },
      pixels: {
        rows: 4,
        columns: 3,
        bitsAllocated: 16,
        bitsStored: 12,
        highBit: 11,
        pixelRepresentation: 0,
        samplesPerPixel: 1,
      },
    });
    expect(header.frames).toEqual([
      {
        frameNumber: 1,
        imagePositionPatient: [-128, -128, 7],
        imageOrientationPatient: [1, 0, 0, 0, 1, 0],
        pixelSpacing: [1, 1],
        sliceThickness: 1,
        rescaleSlope: 1,
        rescaleIntercept: 0,
      },
    ]);
    expect(header.series).not.toHaveProperty('positionReferenceIndicator');
  });

  it('reads an enhanced MR instance: shared groups, and what a frame says itself before them', () => {
    const header = read(enhanced);
    expect(header.frames).toEqual([
      {
        frameNumber: 1,
        imagePositionPatient: [1, 2, 3],
        imageOrientationPatient: [0, 1, 0, 0, 0, -1],
        pixelSpacing: [0.5, 0.75],
        sliceThickness: 1.2,
        spacingBetweenSlices: 1.1,
        rescaleSlope: 2,
        rescaleIntercept: -1,
        temporalPositionIndex: 1,
      },
      {
        frameNumber: 2,
        imagePositionPatient: [1, 2, 4.1],
        imageOrientationPatient: [1, 0, 0, 0, 1, 0],
        pixelSpacing: [0.5, 0.75],
        sliceThickness: 1.2,
        spacingBetweenSlices: 1.1,
        rescaleSlope: 3,
        rescaleIntercept: 5,
        temporalPositionIndex: 2,
      },
    ]);
    expect(header.acquisition).toEqual({
      imageType: ['ORIGINAL', 'PRIMARY', 'T1', 'NONE'],
      mrAcquisitionType: '3D',
      scanningSequence: ['GR', 'IR'],
      sequenceVariant: ['SK', 'SP', 'MP'],
      sequenceName: '*tfl3d1',
      pulseSequenceName: 'MPRAGE',
      acquisitionContrast: 'T1',
      repetitionTime: 2300,
      echoTime: 2.5,
      inversionTime: 900,
      flipAngle: 9,
      magneticFieldStrength: 3,
      diffusionBValue: 0,
    });
  });

  it('reads a legacy converted enhanced MR instance from its unassigned attributes', () => {
    const { acquisition } = read({
      ...enhanced,
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.4.4',
      SharedFunctionalGroupsSequence: [
        {
          PixelMeasuresSequence: [{ PixelSpacing: [1, 1] }],
          UnassignedSharedConvertedAttributesSequence: [
            { ScanningSequence: ['SE'], SequenceVariant: 'NONE', RepetitionTime: 500, EchoTime: 15, FlipAngle: 90 },
          ],
        },
      ],
    });
    expect(acquisition).toMatchObject({
      scanningSequence: ['SE'],
      sequenceVariant: ['NONE'],
      repetitionTime: 500,
      echoTime: 15,
      flipAngle: 90,
    });
  });

  it.each(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1.99'])(
    'reads the same header from transfer syntax %s',
    (syntax) => {
      expect(read(enhanced, syntax)).toEqual({ ...read(enhanced), transferSyntaxUid: syntax });
    },
  );

  it('has no frames and no pixels without pixel data', () => {
    const header = read(without(classic, 'PixelData'));
    expect(header.frames).toEqual([]);
    expect(header).not.toHaveProperty('pixels');
  });

  it('leaves out what is no date, time, age, sex or position', () => {
    const header = read({
      ...without(classic, 'PatientAge'),
      StudyDate: '20241399',
      StudyTime: '99',
      PatientBirthDate: '00000000',
      PatientSex: 'X',
      ImagePositionPatient: [1, 2],
      TimezoneOffsetFromUTC: '0100',
    });
    expect(header.study).not.toHaveProperty('studyDate');
    expect(header.study).not.toHaveProperty('studyTime');
    expect(header.study).not.toHaveProperty('timezoneOffsetFromUtc');
    for (const key of ['patientBirthDate', 'patientAge', 'patientSex']) expect(header.patient).not.toHaveProperty(key);
    expect(header.frames[0]).not.toHaveProperty('imagePositionPatient');
    expect(read({ ...classic, TimezoneOffsetFromUTC: '+0100' }).study.timezoneOffsetFromUtc).toBe('+0100');
  });

  it.each(['StudyInstanceUID', 'SeriesInstanceUID'])('refuses an instance without %s by name', (keyword) => {
    refuses(without(classic, keyword), 'malformed-dicom', new RegExp(keyword));
  });

  it('refuses an instance whose SOP Instance UID is missing or is not that of the file meta information', () => {
    const bytes = encodeDicom(classic);
    const uid = Buffer.from('2.25.10020037');
    const other = Buffer.from(bytes);
    other.write('9', other.lastIndexOf(uid) + uid.length - 1);
    expect(() => readInstanceHeader(other)).toThrow(
      expect.objectContaining({ kind: 'malformed-dicom', message: expect.stringMatching(/another/) }),
    );
    const missing = Buffer.from(bytes);
    missing.writeUInt16LE(0x0017, missing.lastIndexOf(uid) - 6);
    expect(() => readInstanceHeader(missing)).toThrow(
      expect.objectContaining({ kind: 'malformed-dicom', message: expect.stringMatching(/SOPInstanceUID/) }),
    );
  });

  it('refuses a DICOM directory', () => {
    refuses({ SOPClassUID: '1.2.840.10008.1.3.10', SOPInstanceUID: '1.2' }, 'not-dicom', /directory/);
  });

  it('refuses frame counts that are none, do not match, or are hostile', () => {
    refuses({ ...classic, NumberOfFrames: 0 }, 'malformed-dicom');
    refuses({ ...enhanced, NumberOfFrames: 3 }, 'malformed-dicom');
    refuses({ ...classic, NumberOfFrames: 2 ** 31 - 1 }, 'limit-exceeded');
  });

  it('refuses a rescale that cannot be read instead of dropping it', () => {
    const bytes = Buffer.from(encodeDicom({ ...classic, RescaleSlope: 12345 }));
    bytes.write('12x45', bytes.indexOf('12345'));
    expect(() => readInstanceHeader(bytes)).toThrow(
      expect.objectContaining({ kind: 'malformed-dicom', message: 'RescaleSlope is not a number' }),
    );
  });

  it.each(['Rows', 'Columns', 'BitsAllocated'])('refuses pixel data without %s', (keyword) => {
    refuses(without(classic, keyword, 'BitsStored'), 'malformed-pixels', new RegExp(keyword));
  });
});
