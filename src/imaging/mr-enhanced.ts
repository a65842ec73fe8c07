import { encodeDicom, type NaturalDataset } from '../dicom/encode.ts';
import { CODES } from '../domain/codes.ts';
import { deriveUid } from '../domain/identity.ts';
import { applyAffine } from './affine.ts';
import { headerOf, imagePixelOf, type MrSeriesOptions, type PlaneStack } from './mr-header.ts';
import { storedBytes } from './stored-pixels.ts';

export const ENHANCED_MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4.1';

type Acquisition = MrSeriesOptions['acquisition'];

/**
 * One Enhanced MR Image (PS3.3 A.36) with a frame a slice: stack and position in it as dimensions, geometry and
 * acquisition in functional groups. What the options do not say is written as the neutral value of the attribute.
 */
export function encodeEnhancedMr(stack: PlaneStack, options: MrSeriesOptions): Uint8Array {
  const { volume, order, pixels } = stack;
  const size = volume.shape[0] * volume.shape[1];
  const pixelData = new Uint8Array(size * 2 * order.length);
  for (const [frame, slice] of order.entries()) {
    pixelData.set(storedBytes(volume.data, slice * size, size, pixels), frame * size * 2);
  }
  const imageType = frameTypeOf(options.acquisition);
  const organization = deriveUid(options.identifiersFrom, 'dimension-organization');
  const frameTime = timeOf(options);
  return encodeDicom({
    ...headerOf(options),
    ...enhancedEquipment(options),
    ...enhancedImage(options, imageType, frameTime),
    ...(imageType[0] === 'ORIGINAL' && pulseSequence(options.acquisition)),
    ...imagePixelOf(volume, pixels),
    SOPClassUID: ENHANCED_MR_IMAGE_STORAGE,
    SOPInstanceUID: deriveUid(options.identifiersFrom, 'enhanced-instance'),
    InstanceNumber: 1,
    NumberOfFrames: order.length,
    DimensionOrganizationType: '3D',
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organization }],
    DimensionIndexSequence: ['StackID', 'InStackPositionNumber'].map((pointer) => ({
      DimensionOrganizationUID: organization,
      DimensionIndexPointer: pointer,
      FunctionalGroupPointer: 'FrameContentSequence',
      DimensionDescriptionLabel: pointer,
    })),
    SharedFunctionalGroupsSequence: [sharedGroups(stack, options, imageType)],
    PerFrameFunctionalGroupsSequence: order.map((slice) => ({
      FrameContentSequence: [frameContent(slice, imageType, frameTime)],
      PlanePositionSequence: [{ ImagePositionPatient: [...applyAffine(volume.affine, [0, 0, slice])] }],
    })),
    PixelData: pixelData,
  });
}

/** Four values, the third a frame type of its own (PS3.3 C.8.13.3.1.1): classic values do not fit. */
function frameTypeOf({ imageType = ['ORIGINAL'] }: Acquisition): readonly string[] {
  return [imageType[0] === 'DERIVED' ? 'DERIVED' : 'ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'];
}

interface AcquisitionTime {
  /** DA, TM and both as DT. */
  readonly date: string;
  readonly time: string;
  readonly dateTime: string;
  readonly seconds: number;
}

/** Study date and time; an object without them gets the first moment of 1900, since the attributes must be there. */
function timeOf({ study, acquisition }: MrSeriesOptions): AcquisitionTime {
  const date = study.studyDate ?? '19000101';
  const time = study.studyTime ?? '000000';
  return { date, time, dateTime: `${date}${time}`, seconds: acquisition.durationSeconds ?? 0 };
}

/** Enhanced General Equipment, PS3.3 C.7.5.2: all type 1. */
function enhancedEquipment({ series }: MrSeriesOptions): NaturalDataset {
  return {
    Manufacturer: series.manufacturer ?? 'unknown',
    ManufacturerModelName: series.manufacturerModelName ?? 'unknown',
    DeviceSerialNumber: series.deviceSerialNumber ?? 'unknown',
    SoftwareVersions: series.softwareVersions ?? 'unknown',
  };
}

/** Enhanced MR Image, PS3.3 C.8.13.1, with its common image description, and the multi-frame module's dates. */
function enhancedImage(
  { acquisition }: MrSeriesOptions,
  imageType: readonly string[],
  { date, time, dateTime, seconds }: AcquisitionTime,
): NaturalDataset {
  return {
    ImageType: imageType,
    ...imageDescription(acquisition),
    ContentDate: date,
    ContentTime: time,
    AcquisitionDateTime: dateTime,
    AcquisitionDuration: seconds,
    ContentQualification: 'RESEARCH',
    ResonantNucleus: '1H',
    KSpaceFiltering: 'NONE',
    MagneticFieldStrength: acquisition.magneticFieldStrength ?? 0,
    ApplicableSafetyStandardAgency: 'IEC',
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
    PresentationLUTShape: 'IDENTITY',
    AcquisitionContextSequence: [],
  };
}

/** MR Image Description macro, PS3.3 C.8.13.3.1, the same for the image and for each frame. */
function imageDescription(acquisition: Acquisition): NaturalDataset {
  return {
    PixelPresentation: 'MONOCHROME',
    VolumetricProperties: 'VOLUME',
    VolumeBasedCalculationTechnique: 'NONE',
    ComplexImageComponent: 'MAGNITUDE',
    AcquisitionContrast: acquisition.acquisitionContrast ?? 'UNKNOWN',
  };
}

/** MR Pulse Sequence, PS3.3 C.8.13.4, told from the classic Scanning Sequence and Sequence Variant. */
function pulseSequence(acquisition: Acquisition): NaturalDataset {
  const sequence = new Set(acquisition.scanningSequence ?? []);
  const variant = new Set(acquisition.sequenceVariant ?? []);
  const volumetric = acquisition.mrAcquisitionType !== '2D';
  const gradient = sequence.has('GR') || !sequence.has('SE');
  return {
    PulseSequenceName: acquisition.pulseSequenceName ?? acquisition.sequenceName ?? 'unknown',
    MRAcquisitionType: acquisition.mrAcquisitionType ?? '3D',
    EchoPulseSequence: gradient ? (sequence.has('SE') ? 'BOTH' : 'GRADIENT') : 'SPIN',
    ...(!gradient && { MultipleSpinEcho: 'NO' }),
    MultiPlanarExcitation: 'NO',
    PhaseContrast: 'NO',
    TimeOfFlightContrast: 'NO',
    ...(gradient && { SteadyStatePulseSequence: 'NONE' }),
    EchoPlanarPulseSequence: sequence.has('EP') ? 'YES' : 'NO',
    SaturationRecovery: 'NO',
    SpectrallySelectedSuppression: 'NONE',
    OversamplingPhase: 'NONE',
    GeometryOfKSpaceTraversal: 'RECTILINEAR',
    SegmentedKSpaceTraversal: variant.has('SK') ? 'PARTIAL' : 'SINGLE',
    RectilinearPhaseEncodeReordering: 'LINEAR',
    ...(volumetric && { CoverageOfKSpace: 'FULL' }),
    NumberOfKSpaceTrajectories: 1,
  };
}

/** What all frames share: geometry that does not move, rescale, window, anatomy and the acquisition. */
function sharedGroups(stack: PlaneStack, options: MrSeriesOptions, imageType: readonly string[]): NaturalDataset {
  const { pixels } = stack;
  const { center, width } = pixels.window;
  return {
    PixelMeasuresSequence: [
      {
        PixelSpacing: stack.pixelSpacing,
        SliceThickness: stack.sliceSpacing,
        SpacingBetweenSlices: stack.sliceSpacing,
      },
    ],
    PlaneOrientationSequence: [{ ImageOrientationPatient: stack.orientation }],
    PixelValueTransformationSequence: [
      { RescaleIntercept: pixels.intercept, RescaleSlope: pixels.slope, RescaleType: 'US' },
    ],
    FrameVOILUTSequence: [{ WindowCenter: center, WindowWidth: width }],
    FrameAnatomySequence: [
      {
        FrameLaterality: 'U',
        AnatomicRegionSequence: [
          {
            CodeValue: CODES.brain.value,
            CodingSchemeDesignator: CODES.brain.scheme,
            CodeMeaning: CODES.brain.meaning,
          },
        ],
      },
    ],
    MRImageFrameTypeSequence: [{ FrameType: imageType, ...imageDescription(options.acquisition) }],
    ...(imageType[0] === 'ORIGINAL' && acquisitionGroups(stack, options.acquisition)),
  };
}

/** Functional group macros of PS3.3 C.8.13.5 that an original frame must have. */
function acquisitionGroups(stack: PlaneStack, acquisition: Acquisition): NaturalDataset {
  const [columns, rows] = stack.volume.shape;
  const inverted = acquisition.scanningSequence?.includes('IR') === true;
  return {
    MRTimingAndRelatedParametersSequence: [
      {
        RepetitionTime: acquisition.repetitionTime ?? 0,
        FlipAngle: acquisition.flipAngle ?? 0,
        EchoTrainLength: acquisition.echoTrainLength ?? 1,
        RFEchoTrainLength: acquisition.scanningSequence?.includes('SE') ? (acquisition.echoTrainLength ?? 1) : 0,
        GradientEchoTrainLength: acquisition.scanningSequence?.includes('SE') ? 0 : (acquisition.echoTrainLength ?? 1),
        SpecificAbsorptionRateSequence: [
          { SpecificAbsorptionRateDefinition: 'IEC_WHOLE_BODY', SpecificAbsorptionRateValue: 0 },
        ],
        OperatingModeSequence: OPERATING_MODES,
      },
    ],
    MRFOVGeometrySequence: [
      {
        InPlanePhaseEncodingDirection: 'ROW',
        MRAcquisitionFrequencyEncodingSteps: rows,
        MRAcquisitionPhaseEncodingStepsInPlane: columns,
        ...(acquisition.mrAcquisitionType !== '2D' && {
          MRAcquisitionPhaseEncodingStepsOutOfPlane: stack.volume.shape[2],
        }),
        PercentSampling: 100,
        PercentPhaseFieldOfView: acquisition.percentPhaseFieldOfView ?? 100,
      },
    ],
    MREchoSequence: [{ EffectiveEchoTime: acquisition.echoTime ?? 0 }],
    MRModifierSequence: [
      {
        InversionRecovery: inverted ? 'YES' : 'NO',
        ...(inverted && { InversionTimes: acquisition.inversionTime ?? 0 }),
        FlowCompensation: 'NONE',
        Spoiling: acquisition.sequenceVariant?.includes('SP') ? 'RF' : 'NONE',
        T2Preparation: 'NO',
        SpectrallySelectedExcitation: 'NONE',
        SpatialPresaturation: 'NONE',
        PartialFourier: 'NO',
        ParallelAcquisition: 'NO',
      },
    ],
    MRImagingModifierSequence: [
      {
        MagnetizationTransfer: 'NONE',
        BloodSignalNulling: 'NO',
        Tagging: 'NONE',
        TransmitterFrequency: 42.577 * (acquisition.magneticFieldStrength ?? 0),
        PixelBandwidth: acquisition.pixelBandwidth ?? 0,
      },
    ],
    MRReceiveCoilSequence: [
      {
        ReceiveCoilName: 'unknown',
        ReceiveCoilManufacturerName: '',
        ReceiveCoilType: 'VOLUME',
        QuadratureReceiveCoil: 'NO',
      },
    ],
    MRTransmitCoilSequence: [
      { TransmitCoilName: 'unknown', TransmitCoilManufacturerName: '', TransmitCoilType: 'BODY' },
    ],
    MRAveragesSequence: [{ NumberOfAverages: acquisition.numberOfAverages ?? 1 }],
  };
}

const OPERATING_MODES: readonly NaturalDataset[] = [
  { OperatingModeType: 'STATIC FIELD', OperatingMode: 'IEC_NORMAL' },
  { OperatingModeType: 'RF', OperatingMode: 'IEC_NORMAL' },
  { OperatingModeType: 'GRADIENT', OperatingMode: 'IEC_NORMAL' },
];

/** Frame Content, PS3.3 C.7.6.16.2.2; the times are required of original frames. */
function frameContent(
  slice: number,
  [origin]: readonly string[],
  { dateTime, seconds }: AcquisitionTime,
): NaturalDataset {
  return {
    StackID: '1',
    InStackPositionNumber: slice + 1,
    DimensionIndexValues: [1, slice + 1],
    ...(origin === 'ORIGINAL' && {
      FrameAcquisitionNumber: 1,
      FrameReferenceDateTime: dateTime,
      FrameAcquisitionDateTime: dateTime,
      FrameAcquisitionDuration: seconds * 1000,
    }),
  };
}
