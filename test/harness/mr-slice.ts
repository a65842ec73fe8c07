import type { NaturalDataset } from '../../src/dicom/encode.ts';

export interface MrSliceOptions {
  readonly rows: number;
  readonly columns: number;
  /** Position along the patient's head, mm. */
  readonly slice: number;
}

/** A plain classic T1-weighted MR slice, axial, with the attributes a scanner writes and a ramp for pixels. */
export function mrSlice({ rows, columns, slice }: MrSliceOptions): NaturalDataset {
  const pixels = Uint16Array.from({ length: rows * columns }, (_, i) => (i * 7 + slice * 13) & 0x0fff);
  return {
    ...PATIENT_AND_STUDY,
    ...SERIES_AND_SCAN,
    SOPInstanceUID: `2.25.1002003${slice}`,
    ImageType: ['ORIGINAL', 'PRIMARY', 'M', 'ND', 'NORM'],
    InstanceNumber: slice + 1,
    SliceLocation: slice,
    ImagePositionPatient: [-128, -128, slice],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1, 1],
    SliceThickness: 1,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: rows,
    Columns: columns,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    SmallestImagePixelValue: 0,
    LargestImagePixelValue: 4095,
    WindowCenter: 600,
    WindowWidth: 1200,
    PixelData: new Uint8Array(pixels.buffer),
  };
}

const PATIENT_AND_STUDY: NaturalDataset = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
  InstanceCreationDate: '20240501',
  InstanceCreationTime: '101500.5',
  StudyDate: '20240501',
  SeriesDate: '20240501',
  AcquisitionDate: '20240501',
  ContentDate: '20240501',
  StudyTime: '100000',
  SeriesTime: '101000',
  AcquisitionTime: '101010.25',
  ContentTime: '101500',
  AccessionNumber: 'A-1',
  ReferringPhysicianName: 'Weiß^Anna',
  StudyDescription: 'Brain',
  PatientName: 'Phantom^One',
  PatientID: 'PH-1',
  PatientBirthDate: '19800101',
  PatientSex: 'F',
  PatientAge: '044Y',
  PatientWeight: 70,
  StudyInstanceUID: '2.25.1002001',
  StudyID: '1',
  ReferencedStudySequence: [{ ReferencedSOPClassUID: '1.2.840.10008.3.1.2.3.1', ReferencedSOPInstanceUID: '2.25.1' }],
};

const SERIES_AND_SCAN: NaturalDataset = {
  Modality: 'MR',
  Manufacturer: 'NeuroInsight',
  InstitutionName: 'Test bench',
  StationName: 'BENCH',
  SeriesDescription: 'T1 MPRAGE',
  ManufacturerModelName: 'Phantom',
  BodyPartExamined: 'BRAIN',
  ScanningSequence: ['GR', 'IR'],
  SequenceVariant: ['SK', 'SP', 'MP'],
  ScanOptions: 'IR',
  MRAcquisitionType: '3D',
  SequenceName: '*tfl3d1',
  AngioFlag: 'N',
  RepetitionTime: 2300,
  EchoTime: 2.98,
  InversionTime: 900,
  NumberOfAverages: 1,
  ImagingFrequency: 123.25,
  ImagedNucleus: '1H',
  EchoNumbers: 1,
  MagneticFieldStrength: 3,
  NumberOfPhaseEncodingSteps: 255,
  EchoTrainLength: 1,
  PercentSampling: 100,
  PercentPhaseFieldOfView: 100,
  PixelBandwidth: 240,
  DeviceSerialNumber: '1',
  SoftwareVersions: ['1.0'],
  ProtocolName: 'T1 MPRAGE',
  FlipAngle: 9,
  PatientPosition: 'HFS',
  SeriesInstanceUID: '2.25.1002002',
  SeriesNumber: 4,
  AcquisitionNumber: 1,
  FrameOfReferenceUID: '2.25.1002004',
  PositionReferenceIndicator: '',
  RequestAttributesSequence: [{ ScheduledProcedureStepID: '1', RequestedProcedureID: '1' }],
};
