import type { NaturalDataset } from '../dicom/encode.ts';
import type { Volume } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import type { AcquisitionHeader, PatientHeader, SeriesHeader, StudyHeader } from '../domain/instance.ts';
import type { StoredPixels } from './stored-pixels.ts';

/** What a series says about itself besides its geometry; UIDs that are not given derive from `identifiersFrom`. */
export interface MrSeriesOptions {
  readonly identifiersFrom: string;
  /** One file a slice, or one multi-frame file. */
  readonly kind: 'classic' | 'enhanced';
  /** Order of files or frames by their place along the third axis, or that order itself; geometry does not depend on it. */
  readonly sliceOrder: 'ascending' | 'descending' | readonly number[];
  readonly patient: PatientHeader;
  readonly study: Omit<StudyHeader, 'studyInstanceUid'> & { readonly studyInstanceUid?: string };
  readonly series: Omit<SeriesHeader, 'seriesInstanceUid'> & {
    readonly seriesInstanceUid?: string;
    readonly deviceSerialNumber?: string;
    readonly softwareVersions?: string;
  };
  readonly acquisition: Partial<AcquisitionHeader> & {
    readonly percentPhaseFieldOfView?: number;
    readonly echoTrainLength?: number;
    readonly pixelBandwidth?: number;
    readonly numberOfAverages?: number;
    readonly durationSeconds?: number;
  };
}

/** A volume cut into image planes: what both kinds of MR object are written from. */
export interface PlaneStack {
  readonly volume: Volume;
  readonly pixels: StoredPixels;
  /** Place along the third axis of each file or frame in turn. */
  readonly order: readonly number[];
  readonly orientation: readonly number[];
  /** [between rows, between columns], mm. */
  readonly pixelSpacing: readonly number[];
  /** Between slice centres, mm. */
  readonly sliceSpacing: number;
}

/** Patient, study, series, equipment and frame of reference: what classic and enhanced objects share. */
export function headerOf({ identifiersFrom, patient, study, series }: MrSeriesOptions): NaturalDataset {
  return {
    StudyDate: study.studyDate ?? '',
    StudyTime: study.studyTime ?? '',
    SeriesDate: study.studyDate,
    SeriesTime: study.studyTime,
    TimezoneOffsetFromUTC: study.timezoneOffsetFromUtc,
    AccessionNumber: study.accessionNumber ?? '',
    Modality: 'MR',
    Manufacturer: series.manufacturer ?? '',
    ManufacturerModelName: series.manufacturerModelName,
    DeviceSerialNumber: series.deviceSerialNumber,
    SoftwareVersions: series.softwareVersions,
    InstitutionName: series.institutionName,
    ReferringPhysicianName: study.referringPhysicianName ?? '',
    StudyDescription: study.studyDescription,
    SeriesDescription: series.seriesDescription,
    ProtocolName: series.protocolName,
    PatientName: patient.patientName ?? '',
    PatientID: patient.patientId ?? '',
    IssuerOfPatientID: patient.issuerOfPatientId,
    PatientBirthDate: patient.patientBirthDate ?? '',
    PatientSex: patient.patientSex ?? '',
    PatientAge: patient.patientAge,
    PatientPosition: 'HFS',
    BodyPartExamined: series.bodyPartExamined ?? 'BRAIN',
    StudyInstanceUID: study.studyInstanceUid ?? deriveUid(identifiersFrom, 'study'),
    SeriesInstanceUID: series.seriesInstanceUid ?? deriveUid(identifiersFrom, 'series'),
    StudyID: study.studyId ?? '',
    SeriesNumber: series.seriesNumber ?? '',
    AcquisitionNumber: 1,
    FrameOfReferenceUID: series.frameOfReferenceUid ?? deriveUid(identifiersFrom, 'frame-of-reference'),
    PositionReferenceIndicator: series.positionReferenceIndicator ?? '',
  };
}

/** Image Pixel, PS3.3 C.7.6.3. */
export function imagePixelOf({ shape }: Volume, { signed }: StoredPixels): NaturalDataset {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: shape[1],
    Columns: shape[0],
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: signed ? 1 : 0,
  };
}
