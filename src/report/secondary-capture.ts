import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { CODES } from '../domain/codes.ts';
import type { Vec3 } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import type { AnalysisResult, SourceImage } from '../domain/result.ts';
import { applyAffine, invertAffine } from '../imaging/affine.ts';
import {
  bodyPartOf,
  codeItem,
  commonInstanceReferenceModule,
  equipmentModule,
  instanceReference,
  modelLabelOf,
  momentOf,
  patientModule,
  RESEARCH_USE_ONLY,
  SOP_CLASSES,
  seriesModule,
  sopCommonModule,
  studyModule,
} from './object-modules.ts';
import type { Picture } from './picture.ts';

/**
 * The overlay pictures as one series of DICOM files: Secondary Capture Image Storage (PS3.3 A.8.1), RGB, one file a
 * picture. The single-frame class and not the multi-frame one, because every PACS and viewer shows it.
 * Explicit little endian, in the order of `pictures`.
 */
export function buildSecondaryCaptures(result: AnalysisResult, pictures: readonly Picture[]): Uint8Array[] {
  return pictures.map((picture, index) => encodeDicom(secondaryCaptureDataset(result, picture, index + 1)));
}

/** SOP Instance UID of the n-th picture, 1-based. */
export function secondaryCaptureUid(result: AnalysisResult, instanceNumber: number): string {
  return deriveUid(result.runKey, `sc-${instanceNumber}`);
}

/** The dataset of one picture, before it is written. */
export function secondaryCaptureDataset(
  result: AnalysisResult,
  picture: Picture,
  instanceNumber: number,
): NaturalDataset {
  const { identifiers } = result;
  return {
    ...sopCommonModule(result, SOP_CLASSES.secondaryCapture, secondaryCaptureUid(result, instanceNumber)),
    ...patientModule(result),
    ...studyModule(result),
    ...seriesModule(result, {
      modality: 'OT',
      seriesInstanceUid: identifiers.scSeriesUid,
      description: 'Hippocampus overlays',
    }),
    ...equipmentModule(result),
    ConversionType: 'WSD',
    ...imageModule(result, picture, instanceNumber),
    ...pixelModule(picture),
    ...commonInstanceReferenceModule(result, { withSegmentation: true }),
  };
}

/** General Image, PS3.3 C.7.6.1. */
function imageModule(result: AnalysisResult, picture: Picture, instanceNumber: number): NaturalDataset {
  const { date, time } = momentOf(result);
  const { identifiers } = result;
  const { imageOrientation } = picture;
  return {
    BodyPartExamined: bodyPartOf(result),
    ImageType: ['DERIVED', 'SECONDARY'],
    InstanceNumber: instanceNumber,
    ContentDate: date,
    ContentTime: time,
    PatientOrientation: [directionOf(imageOrientation.slice(0, 3)), directionOf(imageOrientation.slice(3))],
    ImageLaterality: picture.laterality ? { left: 'L', right: 'R' }[picture.laterality] : undefined,
    ImageComments: `${picture.caption}. ${RESEARCH_USE_ONLY}`,
    DerivationDescription: `Contours of the hippocampi drawn on a resampled slice; segmented by ${modelLabelOf(result)}`,
    DerivationCodeSequence: [codeItem(CODES.segmentation)],
    SourceImageSequence: sourcesOf(result, picture).map((image) => ({
      ...instanceReference(image.sopClassUid, image.sopInstanceUid),
      ReferencedFrameNumber: image.frameNumber,
      SpatialLocationsPreserved: 'NO',
      PurposeOfReferenceCodeSequence: [codeItem(CODES.sourceImageForProcessing)],
    })),
    ReferencedImageSequence: [instanceReference(SOP_CLASSES.segmentation, identifiers.segUid)],
    // What is drawn are contours, letters for the directions and a scale: nothing that tells who it is.
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
  };
}

/** Image Pixel, PS3.3 C.7.6.3, with the pixel size of a picture that was computed, not scanned (10.7.1). */
function pixelModule({ width, height, rgb, pixelSizeMm }: Picture): NaturalDataset {
  return {
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: height,
    Columns: width,
    PixelSpacing: [pixelSizeMm, pixelSizeMm],
    PixelSpacingCalibrationType: 'GEOMETRY',
    PixelSpacingCalibrationDescription: 'Computed from the geometry of the source images',
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: rgb,
  };
}

const LETTERS = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
] as const;
/** Components below this tell of a slight tilt, not of a direction. */
const NEGLIGIBLE = 1e-4;

/** Patient Orientation of a direction in LPS, strongest component first: "L", "AF". PS3.3 C.7.6.1.1.1. */
function directionOf(direction: readonly number[]): string {
  return direction
    .map((component, axis) => ({ size: Math.abs(component), letter: LETTERS[axis]![component < 0 ? 1 : 0] }))
    .filter(({ size }) => size > NEGLIGIBLE)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter)
    .join('');
}

/** The source images that the picture was interpolated from: those between which its four corners lie. */
function sourcesOf({ geometry, sourceImages }: AnalysisResult, picture: Picture): SourceImage[] {
  const toIndex = invertAffine(geometry.affine);
  const { imagePosition, imageOrientation, pixelSizeMm, width, height } = picture;
  const slices = [0, width - 1].flatMap((column) =>
    [0, height - 1].map((row) => {
      const corner = imagePosition.map(
        (start, axis) => start + pixelSizeMm * (column * imageOrientation[axis]! + row * imageOrientation[axis + 3]!),
      ) as unknown as Vec3;
      return applyAffine(toIndex, corner)[2];
    }),
  );
  const first = Math.floor(Math.min(...slices) + NEGLIGIBLE);
  const last = Math.ceil(Math.max(...slices) - NEGLIGIBLE);
  return uniqueImages(sourceImages.slice(Math.max(0, first), last + 1));
}

/** Two slices of one enhanced instance stay two references: each names its frame. */
function uniqueImages(images: readonly SourceImage[]): SourceImage[] {
  const seen = new Map(images.map((image) => [`${image.sopInstanceUid} ${image.frameNumber ?? ''}`, image]));
  return [...seen.values()];
}
