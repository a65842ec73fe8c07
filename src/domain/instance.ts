import type { Vec3 } from './geometry.ts';

/** Patient attributes as received, text already decoded to Unicode. Absent and empty are both `undefined`. */
export interface PatientHeader {
  /** PN with carets, as in (0010,0010). */
  readonly patientName?: string;
  readonly patientId?: string;
  readonly issuerOfPatientId?: string;
  /** DA, YYYYMMDD. */
  readonly patientBirthDate?: string;
  readonly patientSex?: 'M' | 'F' | 'O';
  /** AS as received, for example 042Y. */
  readonly patientAge?: string;
}

/** Study attributes that every derived object repeats. */
export interface StudyHeader {
  readonly studyInstanceUid: string;
  readonly studyDate?: string;
  readonly studyTime?: string;
  readonly timezoneOffsetFromUtc?: string;
  readonly studyId?: string;
  readonly studyDescription?: string;
  readonly accessionNumber?: string;
  readonly referringPhysicianName?: string;
}

export interface SeriesHeader {
  readonly seriesInstanceUid: string;
  readonly seriesNumber?: number;
  readonly seriesDescription?: string;
  readonly modality?: string;
  readonly bodyPartExamined?: string;
  readonly protocolName?: string;
  readonly frameOfReferenceUid?: string;
  readonly positionReferenceIndicator?: string;
  readonly manufacturer?: string;
  readonly manufacturerModelName?: string;
  readonly institutionName?: string;
}

/** What says "T1" about an acquisition. Times in ms, angles in degrees, field in tesla. */
export interface AcquisitionHeader {
  readonly imageType: readonly string[];
  readonly mrAcquisitionType?: string;
  readonly scanningSequence: readonly string[];
  readonly sequenceVariant: readonly string[];
  readonly sequenceName?: string;
  readonly pulseSequenceName?: string;
  readonly acquisitionContrast?: string;
  readonly repetitionTime?: number;
  readonly echoTime?: number;
  readonly inversionTime?: number;
  readonly flipAngle?: number;
  readonly magneticFieldStrength?: number;
  readonly contrastBolusAgent?: string;
  readonly diffusionBValue?: number;
}

/** One two-dimensional image; a classic instance has one, an enhanced one has many. */
export interface FrameHeader {
  /** 1-based, as in Referenced Frame Number. */
  readonly frameNumber: number;
  /** mm, LPS, centre of the first voxel. */
  readonly imagePositionPatient?: Vec3;
  /** Direction of a row (columns grow), then of a column (rows grow). */
  readonly imageOrientationPatient?: readonly [number, number, number, number, number, number];
  /** [between rows, between columns] in mm: rows first, as in the attribute. */
  readonly pixelSpacing?: readonly [number, number];
  readonly sliceThickness?: number;
  readonly spacingBetweenSlices?: number;
  readonly rescaleSlope: number;
  readonly rescaleIntercept: number;
  readonly temporalPositionIndex?: number;
}

export interface PixelHeader {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  /** 0 unsigned, 1 two's complement. */
  readonly pixelRepresentation: number;
  readonly samplesPerPixel: number;
  readonly photometricInterpretation: string;
}

/** The header of one DICOM instance, typed and decoded; pixels are read on demand. */
export interface InstanceHeader {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly instanceNumber?: number;
  readonly acquisitionNumber?: number;
  readonly patient: PatientHeader;
  readonly study: StudyHeader;
  readonly series: SeriesHeader;
  readonly acquisition: AcquisitionHeader;
  readonly frames: readonly FrameHeader[];
  /** Absent when the instance has no pixel data. */
  readonly pixels?: PixelHeader;
}

/** All instances of one series, in no promised order. */
export interface SeriesOfInstances {
  readonly seriesInstanceUid: string;
  readonly instances: readonly InstanceHeader[];
}

/** Points at one frame of one instance. */
export interface SliceRef {
  readonly instance: InstanceHeader;
  readonly frame: FrameHeader;
}
