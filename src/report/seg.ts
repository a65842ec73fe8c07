import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { CODES, LATERALITY_CODES } from '../domain/codes.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { LabelVolume, Laterality } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { cieLabOf } from './cie-lab.ts';
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
  wellFormed,
} from './object-modules.ts';
import { SIDE_COLOURS } from './picture.ts';
import {
  type FrameGeometry,
  frameGeometryOf,
  framesOf,
  packFrames,
  SEGMENTS,
  type SegmentFrame,
  slicePositionOf,
} from './seg-frames.ts';

/** Segment Number of each side; the structured report points at them. */
export const SEGMENT_NUMBERS: Readonly<Record<Laterality, number>> = { left: 1, right: 2 };

/** What a person calls a side's finding, in the SEG and in the SR. */
export const TRACKING_IDENTIFIERS: Readonly<Record<Laterality, string>> = {
  left: 'Left hippocampus',
  right: 'Right hippocampus',
};

/**
 * The segmentation as a DICOM file: Segmentation Storage (PS3.3 A.51), BINARY, segment 1 the left and segment 2 the
 * right hippocampus, one frame for each slice a segment is in, on the grid of the source. Explicit little endian.
 *
 * @param labels on `result.geometry`, LPS; the anterior and posterior part of a side become one segment.
 * @throws no-hippocampus when no voxel is labelled.
 */
export function buildSegmentation(result: AnalysisResult, labels: LabelVolume): Uint8Array {
  return encodeDicom(segmentationDataset(result, labels));
}

/** The dataset of `buildSegmentation`, before it is written. */
export function segmentationDataset(result: AnalysisResult, labels: LabelVolume): NaturalDataset {
  const geometry = frameGeometryOf(labels);
  const frames = framesOf(labels, geometry.handedness);
  if (frames.length === 0) throw new NeuroInsightError('no-hippocampus', 'The segmentation has no voxel.');
  const { identifiers } = result;
  return {
    ...sopCommonModule(result, SOP_CLASSES.segmentation, identifiers.segUid),
    ...patientModule(result),
    ...studyModule(result),
    ...seriesModule(result, {
      modality: 'SEG',
      seriesInstanceUid: identifiers.segSeriesUid,
      description: 'Hippocampus segmentation',
    }),
    ...equipmentModule(result),
    ...frameOfReferenceModule(result),
    ...segmentationImageModule(result),
    ...pixelModule(labels, frames),
    ...dimensionModule(result),
    SharedFunctionalGroupsSequence: [sharedFunctionalGroups(geometry)],
    PerFrameFunctionalGroupsSequence: frames.map((frame) => frameFunctionalGroups(result, labels, frame)),
    ...commonInstanceReferenceModule(result),
  };
}

/** PS3.3 C.7.4.1. A source without a frame of reference gets one of ours: its slices share one space, named or not. */
function frameOfReferenceModule({ series, runKey }: AnalysisResult): NaturalDataset {
  return {
    FrameOfReferenceUID: wellFormed('UI', series.frameOfReferenceUid) ?? deriveUid(runKey, 'frame-of-reference'),
    PositionReferenceIndicator: series.positionReferenceIndicator ?? '',
  };
}

/** General Image and Segmentation Image, PS3.3 C.7.6.1 and C.8.20.2. */
function segmentationImageModule(result: AnalysisResult): NaturalDataset {
  const { date, time } = momentOf(result);
  return {
    BodyPartExamined: bodyPartOf(result),
    ImageType: ['DERIVED', 'PRIMARY'],
    InstanceNumber: 1,
    ContentDate: date,
    ContentTime: time,
    ContentLabel: 'HIPPOCAMPUS',
    ContentDescription: 'Left and right hippocampus, research use only',
    ContentCreatorName: `${result.software.name}^Automatic`,
    // Not in the table of the IOD: a Standard Extended SOP Class may carry it (PS3.2 3.11.4), and it is the one
    // attribute that says RESEARCH to a machine.
    ContentQualification: 'RESEARCH',
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
    SegmentationType: 'BINARY',
    SegmentSequence: SEGMENTS.map(({ laterality }) => segmentItem(result, laterality)),
  };
}

/** One item of the Segment Sequence, PS3.3 table C.8.20-2 and C.8.20-4. */
function segmentItem(result: AnalysisResult, laterality: Laterality): NaturalDataset {
  const { model, software, identifiers } = result;
  return {
    SegmentNumber: SEGMENT_NUMBERS[laterality],
    SegmentLabel: TRACKING_IDENTIFIERS[laterality],
    SegmentDescription: `${RESEARCH_USE_ONLY} Model ${model.sha256}.`,
    SegmentAlgorithmType: 'AUTOMATIC',
    SegmentAlgorithmName: `${software.name} ${modelLabelOf(result)}`,
    SegmentationAlgorithmIdentificationSequence: [
      {
        AlgorithmFamilyCodeSequence: [codeItem(CODES.artificialIntelligence)],
        AlgorithmName: model.name,
        AlgorithmVersion: model.version,
        AlgorithmParameters: `sha256 ${model.sha256}`,
        AlgorithmSource: `${software.name} ${software.version}`,
      },
    ],
    SegmentedPropertyCategoryCodeSequence: [codeItem(CODES.anatomicalStructure)],
    SegmentedPropertyTypeCodeSequence: [
      {
        ...codeItem(CODES.hippocampus),
        SegmentedPropertyTypeModifierCodeSequence: [codeItem(LATERALITY_CODES[laterality])],
      },
    ],
    RecommendedDisplayCIELabValue: cieLabOf(SIDE_COLOURS[laterality].onDark),
    TrackingID: TRACKING_IDENTIFIERS[laterality],
    TrackingUID: identifiers.trackingUid[laterality],
  };
}

/** Image Pixel, PS3.3 C.7.6.3, with the values that C.8.20.2 fixes for BINARY. */
function pixelModule(labels: LabelVolume, frames: readonly SegmentFrame[]): NaturalDataset {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    NumberOfFrames: frames.length,
    Rows: labels.shape[1],
    Columns: labels.shape[0],
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    PixelData: packFrames(labels, frames),
  };
}

/** Multi-frame Dimension, PS3.3 C.7.6.17: by segment, then by position. */
function dimensionModule({ identifiers }: AnalysisResult): NaturalDataset {
  const DimensionOrganizationUID = identifiers.dimensionOrganizationUid;
  return {
    DimensionOrganizationSequence: [{ DimensionOrganizationUID }],
    DimensionIndexSequence: [
      {
        DimensionOrganizationUID,
        DimensionIndexPointer: 'ReferencedSegmentNumber',
        FunctionalGroupPointer: 'SegmentIdentificationSequence',
        DimensionDescriptionLabel: 'Segment Number',
      },
      {
        DimensionOrganizationUID,
        DimensionIndexPointer: 'ImagePositionPatient',
        FunctionalGroupPointer: 'PlanePositionSequence',
        DimensionDescriptionLabel: 'Image Position Patient',
      },
    ],
  };
}

/** Pixel Measures and Plane Orientation are the same for every frame: PS3.3 C.7.6.16.2.1 and .4. */
function sharedFunctionalGroups({ imageOrientation, pixelSpacing, sliceSpacing }: FrameGeometry): NaturalDataset {
  return {
    PixelMeasuresSequence: [
      { PixelSpacing: pixelSpacing, SliceThickness: sliceSpacing, SpacingBetweenSlices: sliceSpacing },
    ],
    PlaneOrientationSequence: [{ ImageOrientationPatient: imageOrientation }],
  };
}

/** Position, source image and segment of one frame: PS3.3 C.7.6.16.2 and C.8.20.3.1. */
function frameFunctionalGroups(result: AnalysisResult, labels: LabelVolume, frame: SegmentFrame): NaturalDataset {
  const source = result.sourceImages[frame.slice];
  if (source === undefined) throw new Error('a slice of the grid has no source image');
  return {
    FrameContentSequence: [{ DimensionIndexValues: [frame.segmentNumber, frame.positionIndex] }],
    PlanePositionSequence: [{ ImagePositionPatient: slicePositionOf(labels, frame.slice) }],
    SegmentIdentificationSequence: [{ ReferencedSegmentNumber: frame.segmentNumber }],
    DerivationImageSequence: [
      {
        DerivationCodeSequence: [codeItem(CODES.segmentation)],
        SourceImageSequence: [
          {
            ...instanceReference(source.sopClassUid, source.sopInstanceUid),
            ReferencedFrameNumber: source.frameNumber,
            SpatialLocationsPreserved: 'YES',
            PurposeOfReferenceCodeSequence: [codeItem(CODES.sourceImageForProcessing)],
          },
        ],
      },
    ],
  };
}
