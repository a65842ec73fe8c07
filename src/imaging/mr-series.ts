import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3, Volume } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import { applyAffine, columnOf, lengthOf, shearOf } from './affine.ts';
import { encodeEnhancedMr } from './mr-enhanced.ts';
import { headerOf, imagePixelOf, type MrSeriesOptions, type PlaneStack } from './mr-header.ts';
import { storedBytes, storedPixelsOf } from './stored-pixels.ts';

export type { MrSeriesOptions };

export const MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4';

/** Cosine of the largest angle by which two voxel axes may miss the right angle: image planes cannot say a shear. */
const LARGEST_SHEAR = 1e-3;

/**
 * Writes a volume as an MR series: MR Image Storage (PS3.3 A.4), one file a slice, or Enhanced MR Image Storage
 * (A.36), one file. Slices lie along the third axis; no voxel is mirrored or resampled, also where the axes are
 * left-handed: each slice says where it lies.
 *
 * @param volume LPS; any affine with axes at right angles.
 * @returns DICOM files, explicit little endian, in slice order; the same input gives the same bytes.
 * @throws poor-geometry when the voxel axes are not at right angles, non-finite-pixels.
 */
export function encodeMrSeries(volume: Volume, options: MrSeriesOptions): Uint8Array[] {
  const stack = planesOf(volume, options.sliceOrder);
  if (options.kind === 'enhanced') return [encodeEnhancedMr(stack, options)];
  const common = { ...headerOf(options), ...classicSequence(options), ...planeOf(stack), ...pixelFormatOf(stack) };
  const size = volume.shape[0] * volume.shape[1];
  return stack.order.map((slice, index) =>
    encodeDicom({
      ...common,
      SOPClassUID: MR_IMAGE_STORAGE,
      SOPInstanceUID: deriveUid(options.identifiersFrom, `instance-${slice}`),
      InstanceNumber: index + 1,
      ImagePositionPatient: [...applyAffine(volume.affine, [0, 0, slice])],
      PixelData: storedBytes(volume.data, slice * size, size, stack.pixels),
    }),
  );
}

function planesOf(volume: Volume, sliceOrder: MrSeriesOptions['sliceOrder']): PlaneStack {
  const { affine, shape } = volume;
  // Written so that an axis of no length (NaN) is refused too.
  if (!(shearOf(affine) <= LARGEST_SHEAR)) {
    throw new NeuroInsightError('poor-geometry', 'the voxel axes are not at right angles');
  }
  const [i, j, k] = [columnOf(affine, 0), columnOf(affine, 1), columnOf(affine, 2)];
  const unit = (axis: Vec3): number[] => axis.map((value) => value / lengthOf(axis));
  return {
    volume,
    pixels: storedPixelsOf(volume.data),
    order: orderOf(shape[2], sliceOrder),
    orientation: [...unit(i), ...unit(j)],
    pixelSpacing: [lengthOf(j), lengthOf(i)],
    sliceSpacing: lengthOf(k),
  };
}

function orderOf(slices: number, sliceOrder: MrSeriesOptions['sliceOrder']): readonly number[] {
  if (sliceOrder === 'ascending') return Array.from({ length: slices }, (_, slice) => slice);
  if (sliceOrder === 'descending') return Array.from({ length: slices }, (_, slice) => slices - 1 - slice);
  const complete = new Set(sliceOrder).size === slices && sliceOrder.every((slice) => slice >= 0 && slice < slices);
  if (!complete || sliceOrder.length !== slices) throw new Error('the slice order must name every slice once');
  return sliceOrder;
}

/** MR Image module, PS3.3 C.8.3.1: what the acquisition was; unknown type 2 attributes are empty. */
function classicSequence({ acquisition, study }: MrSeriesOptions): NaturalDataset {
  const [origin = 'ORIGINAL', examination = 'PRIMARY', ...kind] = acquisition.imageType ?? [];
  return {
    // MR images must say a third value (C.8.3.1.1.1).
    ImageType: [origin, examination, ...(kind.length > 0 ? kind : ['OTHER'])],
    AcquisitionDate: study.studyDate,
    AcquisitionTime: study.studyTime,
    ContentDate: study.studyDate,
    ContentTime: study.studyTime,
    ScanningSequence: acquisition.scanningSequence?.length ? acquisition.scanningSequence : ['RM'],
    SequenceVariant: acquisition.sequenceVariant?.length ? acquisition.sequenceVariant : ['NONE'],
    ScanOptions: '',
    MRAcquisitionType: acquisition.mrAcquisitionType ?? '',
    SequenceName: acquisition.sequenceName,
    RepetitionTime: acquisition.repetitionTime ?? '',
    EchoTime: acquisition.echoTime ?? '',
    InversionTime: acquisition.inversionTime,
    FlipAngle: acquisition.flipAngle,
    MagneticFieldStrength: acquisition.magneticFieldStrength,
    EchoTrainLength: acquisition.echoTrainLength ?? '',
    NumberOfAverages: acquisition.numberOfAverages,
    PixelBandwidth: acquisition.pixelBandwidth,
    PercentPhaseFieldOfView: acquisition.percentPhaseFieldOfView,
    ContrastBolusAgent: acquisition.contrastBolusAgent,
    DiffusionBValue: acquisition.diffusionBValue,
  };
}

/** Image Plane, PS3.3 C.7.6.2: rows run along the first axis, columns along the second. */
function planeOf({ orientation, pixelSpacing, sliceSpacing }: PlaneStack): NaturalDataset {
  return {
    ImageOrientationPatient: orientation,
    PixelSpacing: pixelSpacing,
    SliceThickness: sliceSpacing,
    SpacingBetweenSlices: sliceSpacing,
  };
}

function pixelFormatOf({ volume, pixels }: PlaneStack): NaturalDataset {
  return {
    ...imagePixelOf(volume, pixels),
    WindowCenter: pixels.window.center,
    WindowWidth: pixels.window.width,
    // The identity stays unsaid: the MR Image IOD has no Modality LUT (PS3.3 A.4.3), and exact numbers need none.
    ...((pixels.slope !== 1 || pixels.intercept !== 0) && {
      RescaleIntercept: pixels.intercept,
      RescaleSlope: pixels.slope,
      RescaleType: 'US',
    }),
  };
}
