import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3, Volume } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import type { AcquisitionHeader, PatientHeader, SeriesHeader, StudyHeader } from '../domain/instance.ts';
import { applyAffine, columnOf } from './affine.ts';

export const MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4';

/** What a series says about itself besides its geometry; UIDs are derived from `identifiersFrom`. */
export interface MrSeriesOptions {
  readonly identifiersFrom: string;
  /** One file a slice. */
  readonly kind: 'classic';
  /** Order of the files; the geometry does not depend on it. */
  readonly sliceOrder: 'ascending' | 'descending';
  readonly patient: PatientHeader;
  readonly study: Omit<StudyHeader, 'studyInstanceUid'> & { readonly studyInstanceUid?: string };
  readonly series: Omit<SeriesHeader, 'seriesInstanceUid'> & { readonly seriesInstanceUid?: string };
  readonly acquisition: Partial<AcquisitionHeader>;
}

/** How intensities become 16-bit numbers: value = stored * slope + intercept. */
interface Quantisation {
  readonly slope: number;
  readonly intercept: number;
  readonly signed: boolean;
}

/** cos of the largest angle by which two voxel axes may miss the right angle: image planes cannot say a shear. */
const LARGEST_SHEAR = 1e-3;

/**
 * Writes a volume as an MR series (PS3.3 A.4), slices along the third axis, no voxel mirrored or resampled.
 *
 * @param volume LPS; any orthogonal affine, either handedness.
 * @returns one DICOM file a slice, explicit little endian; the same input gives the same bytes.
 * @throws poor-geometry when the voxel axes are not at right angles, non-finite-pixels.
 */
export function encodeMrSeries(volume: Volume, options: MrSeriesOptions): Uint8Array[] {
  const { shape, affine } = volume;
  const axes = [columnOf(affine, 0), columnOf(affine, 1), columnOf(affine, 2)] as const;
  refuseShear(axes);
  const quantisation = quantisationOf(volume.data);
  const common = { ...headerOf(options), ...geometryOf(axes), ...pixelFormatOf(volume, quantisation) };
  const order = Array.from({ length: shape[2] }, (_, index) => index);
  if (options.sliceOrder === 'descending') order.reverse();
  return order.map((slice, index) => {
    const position = applyAffine(affine, [0, 0, slice]);
    return encodeDicom({
      ...common,
      SOPInstanceUID: deriveUid(options.identifiersFrom, `instance-${slice}`),
      InstanceNumber: index + 1,
      ImagePositionPatient: [...position],
      PixelData: storedSlice(volume, slice, quantisation),
    });
  });
}

const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const lengthOf = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);

function refuseShear([i, j, k]: readonly [Vec3, Vec3, Vec3]): void {
  for (const [a, b] of [
    [i, j],
    [i, k],
    [j, k],
  ] as const) {
    // Written so that a zero-length axis (NaN) is refused too.
    if (!(Math.abs(dot(a, b)) <= LARGEST_SHEAR * lengthOf(a) * lengthOf(b))) {
      throw new NeuroInsightError('poor-geometry', 'the voxel axes are not at right angles');
    }
  }
}

/** Whole numbers that fit 16 bits stay exact; anything else is spread over the full signed range. */
function quantisationOf(data: Float32Array): Quantisation {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (const value of data) {
    if (!Number.isFinite(value))
      throw new NeuroInsightError('non-finite-pixels', 'the image holds values that are no numbers');
    if (value < low) low = value;
    if (value > high) high = value;
    whole &&= Number.isInteger(value);
  }
  if (whole && low >= 0 && high <= 65_535) return { slope: 1, intercept: 0, signed: false };
  if (whole && low >= -32_768 && high <= 32_767) return { slope: 1, intercept: 0, signed: true };
  // DS holds 16 characters: the slope is rounded up to 9 digits first, so that writer and reader use the same number.
  const slope = Number((((high - low || 1) / 65_000) * (1 + 1e-8)).toPrecision(9));
  return { slope, intercept: Number(low.toPrecision(8)), signed: false };
}

function storedSlice({ data, shape }: Volume, slice: number, { slope, intercept, signed }: Quantisation): Uint8Array {
  const size = shape[0] * shape[1];
  const stored = signed ? new Int16Array(size) : new Uint16Array(size);
  for (let at = 0; at < size; at++) {
    const value = Math.round((data[slice * size + at]! - intercept) / slope);
    stored[at] = signed ? value : Math.max(0, value);
  }
  return new Uint8Array(stored.buffer);
}

function headerOf({ identifiersFrom, patient, study, series, acquisition }: MrSeriesOptions): NaturalDataset {
  return {
    SOPClassUID: MR_IMAGE_STORAGE,
    ImageType: acquisition.imageType ?? ['ORIGINAL', 'PRIMARY', 'OTHER'],
    StudyDate: study.studyDate ?? '',
    StudyTime: study.studyTime ?? '',
    AccessionNumber: study.accessionNumber ?? '',
    Modality: 'MR',
    Manufacturer: series.manufacturer ?? '',
    ManufacturerModelName: series.manufacturerModelName,
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
    BodyPartExamined: series.bodyPartExamined ?? 'BRAIN',
    ScanningSequence: acquisition.scanningSequence ?? ['RM'],
    SequenceVariant: acquisition.sequenceVariant ?? ['NONE'],
    ScanOptions: '',
    MRAcquisitionType: acquisition.mrAcquisitionType ?? '',
    SequenceName: acquisition.sequenceName,
    RepetitionTime: acquisition.repetitionTime ?? '',
    EchoTime: acquisition.echoTime ?? '',
    InversionTime: acquisition.inversionTime,
    FlipAngle: acquisition.flipAngle,
    MagneticFieldStrength: acquisition.magneticFieldStrength,
    EchoTrainLength: '',
    ContrastBolusAgent: acquisition.contrastBolusAgent,
    StudyInstanceUID: study.studyInstanceUid ?? deriveUid(identifiersFrom, 'study'),
    SeriesInstanceUID: series.seriesInstanceUid ?? deriveUid(identifiersFrom, 'series'),
    StudyID: study.studyId ?? '',
    SeriesNumber: series.seriesNumber ?? '',
    AcquisitionNumber: 1,
    FrameOfReferenceUID: series.frameOfReferenceUid ?? deriveUid(identifiersFrom, 'frame-of-reference'),
    PositionReferenceIndicator: series.positionReferenceIndicator ?? '',
  };
}

/** Image Plane, PS3.3 C.7.6.2: rows run along i, columns along j. */
function geometryOf([i, j, k]: readonly [Vec3, Vec3, Vec3]): NaturalDataset {
  const unit = (axis: Vec3): number[] => axis.map((value) => value / lengthOf(axis));
  return {
    ImageOrientationPatient: [...unit(i), ...unit(j)],
    PixelSpacing: [lengthOf(j), lengthOf(i)],
    SliceThickness: lengthOf(k),
    SpacingBetweenSlices: lengthOf(k),
  };
}

function pixelFormatOf({ shape, data }: Volume, { slope, intercept, signed }: Quantisation): NaturalDataset {
  const high = data.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: shape[1],
    Columns: shape[0],
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: signed ? 1 : 0,
    WindowCenter: high / 2 || 1,
    WindowWidth: Math.max(high, 1),
    RescaleIntercept: intercept,
    RescaleSlope: slope,
    RescaleType: 'US',
  };
}
