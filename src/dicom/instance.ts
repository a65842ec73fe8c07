import { NeuroInsightError } from '../domain/errors.ts';
import type {
  AcquisitionHeader,
  InstanceHeader,
  PatientHeader,
  PixelHeader,
  SeriesHeader,
  StudyHeader,
} from '../domain/instance.ts';
import type { Dataset } from './dataset.ts';
import { age, date, time, timezone } from './dates.ts';
import { type DicomFile, readDicom } from './file.ts';
import { type FrameGroups, frameGroupsOf, framesOf } from './frames.ts';

const DICOM_DIRECTORY = '1.2.840.10008.1.3.10';

/**
 * Reads the header of one instance: classic MR, enhanced and legacy converted enhanced MR (shared and per-frame
 * functional groups, the frame's own first), and the common part of any other SOP class. Text is Unicode, dates and
 * times that are none are left out.
 *
 * @param bytes the whole file.
 * @throws not-dicom, truncated, malformed-dicom (also: a UID that is missing or no UID, file meta information of
 *   another instance), malformed-pixels (pixel data without a size), limit-exceeded, unsupported-transfer-syntax.
 */
export function readInstanceHeader(bytes: Uint8Array): InstanceHeader {
  return instanceHeaderOf(readDicom(bytes, { stopAfterPixelData: true }));
}

/** The header of a file that is tokenized already; see `readInstanceHeader`. */
export function instanceHeaderOf(file: DicomFile): InstanceHeader {
  const { dataset, transferSyntaxUid } = file;
  const { sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid } = identityOf(file);
  const pixels = pixelsOf(dataset);
  const groups = pixels ? frameGroupsOf(dataset) : [];
  return present({
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    instanceNumber: dataset.integer('InstanceNumber'),
    acquisitionNumber: dataset.integer('AcquisitionNumber'),
    patient: patientOf(dataset),
    study: studyOf(dataset, studyInstanceUid),
    series: seriesOf(dataset, seriesInstanceUid),
    acquisition: acquisitionOf(dataset, groups[0]),
    frames: framesOf(groups),
    pixels,
  });
}

/** The four UIDs without which an instance has no place. */
export interface InstanceIdentity {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/**
 * What names an instance, and that file meta information and dataset speak of the same one.
 * @throws not-dicom for a DICOM directory; malformed-dicom for a UID that is missing, no UID or another instance's.
 */
export function identityOf({ dataset, meta }: DicomFile): InstanceIdentity {
  if (meta.string('MediaStorageSOPClassUID') === DICOM_DIRECTORY) {
    throw new NeuroInsightError('not-dicom', 'a DICOM directory, not an instance');
  }
  const sopInstanceUid = requiredUid(dataset, 'SOPInstanceUID');
  const metaUid = meta.string('MediaStorageSOPInstanceUID');
  if (metaUid !== undefined && metaUid !== sopInstanceUid) {
    throw new NeuroInsightError('malformed-dicom', 'the file meta information names another SOP Instance UID');
  }
  return {
    sopClassUid: requiredUid(dataset, 'SOPClassUID'),
    sopInstanceUid,
    studyInstanceUid: requiredUid(dataset, 'StudyInstanceUID'),
    seriesInstanceUid: requiredUid(dataset, 'SeriesInstanceUID'),
  };
}

type Optional<T> = { [K in keyof T]: T[K] | undefined };

/** Absent stays absent: a key whose value is undefined would look like an attribute that is there. */
function present<T extends object>(fields: Optional<Required<T>>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function requiredUid(dataset: Dataset, keyword: string): string {
  const uid = dataset.uid(keyword);
  if (uid === undefined) throw new NeuroInsightError('malformed-dicom', `no ${keyword}`);
  return uid;
}

function patientOf(dataset: Dataset): PatientHeader {
  const sex = dataset.string('PatientSex');
  return present<PatientHeader>({
    patientName: dataset.personName('PatientName'),
    patientId: dataset.string('PatientID'),
    issuerOfPatientId: dataset.string('IssuerOfPatientID'),
    patientBirthDate: date(dataset, 'PatientBirthDate'),
    patientSex: sex === 'M' || sex === 'F' || sex === 'O' ? sex : undefined,
    patientAge: age(dataset, 'PatientAge'),
  });
}

function studyOf(dataset: Dataset, studyInstanceUid: string): StudyHeader {
  return present<StudyHeader>({
    studyInstanceUid,
    studyDate: date(dataset, 'StudyDate'),
    studyTime: time(dataset, 'StudyTime'),
    timezoneOffsetFromUtc: timezone(dataset),
    studyId: dataset.string('StudyID'),
    studyDescription: dataset.string('StudyDescription'),
    accessionNumber: dataset.string('AccessionNumber'),
    referringPhysicianName: dataset.personName('ReferringPhysicianName'),
  });
}

function seriesOf(dataset: Dataset, seriesInstanceUid: string): SeriesHeader {
  return present<SeriesHeader>({
    seriesInstanceUid,
    seriesNumber: dataset.integer('SeriesNumber'),
    seriesDescription: dataset.string('SeriesDescription'),
    modality: dataset.string('Modality'),
    bodyPartExamined: dataset.string('BodyPartExamined'),
    protocolName: dataset.string('ProtocolName'),
    frameOfReferenceUid: dataset.uid('FrameOfReferenceUID'),
    positionReferenceIndicator: dataset.string('PositionReferenceIndicator'),
    manufacturer: dataset.string('Manufacturer'),
    manufacturerModelName: dataset.string('ManufacturerModelName'),
    institutionName: dataset.string('InstitutionName'),
  });
}

/** What the first frame says; milliseconds, degrees, tesla. PS3.3 C.8.3.1 and, enhanced, C.8.13. */
function acquisitionOf(dataset: Dataset, frame: FrameGroups | undefined): AcquisitionHeader {
  const number = (macro: string, keyword: string) => frame?.number(macro, keyword) ?? dataset.number(keyword);
  const timing = 'MRTimingAndRelatedParametersSequence';
  const frameType = frame?.strings('MRImageFrameTypeSequence', 'FrameType') ?? [];
  return present<AcquisitionHeader>({
    imageType: frameType.length > 0 ? frameType : dataset.strings('ImageType'),
    mrAcquisitionType: dataset.string('MRAcquisitionType') ?? frame?.string(timing, 'MRAcquisitionType'),
    scanningSequence: scanningSequence(dataset, frame),
    sequenceVariant: sequenceVariant(dataset, frame),
    sequenceName: frame?.string(timing, 'SequenceName') ?? dataset.string('SequenceName'),
    pulseSequenceName: dataset.string('PulseSequenceName'),
    acquisitionContrast:
      frame?.string('MRImageFrameTypeSequence', 'AcquisitionContrast') ?? dataset.string('AcquisitionContrast'),
    repetitionTime: number(timing, 'RepetitionTime'),
    echoTime: number('MREchoSequence', 'EffectiveEchoTime') ?? number('MREchoSequence', 'EchoTime'),
    inversionTime: number('MRModifierSequence', 'InversionTimes') ?? number('MRModifierSequence', 'InversionTime'),
    flipAngle: number(timing, 'FlipAngle'),
    magneticFieldStrength: number(timing, 'MagneticFieldStrength'),
    contrastBolusAgent:
      dataset.string('ContrastBolusAgent') ?? dataset.item('ContrastBolusAgentSequence')?.string('CodeMeaning'),
    diffusionBValue: number('MRDiffusionSequence', 'DiffusionBValue'),
  });
}

/** Scanning Sequence, told for enhanced objects in the classic terms (PS3.3 C.8.3.1.1.2 beside C.8.13.4.1). */
function scanningSequence(dataset: Dataset, frame: FrameGroups | undefined): readonly string[] {
  const classic = frame?.strings('MRTimingAndRelatedParametersSequence', 'ScanningSequence') ?? [];
  if (classic.length > 0) return classic;
  const echo = dataset.string('EchoPulseSequence');
  const terms: string[] = [];
  if (echo === 'SPIN' || echo === 'BOTH') terms.push('SE');
  if (echo === 'GRADIENT' || echo === 'BOTH') terms.push('GR');
  if (frame?.string('MRModifierSequence', 'InversionRecovery') === 'YES') terms.push('IR');
  if (dataset.string('EchoPlanarPulseSequence') === 'YES') terms.push('EP');
  return terms;
}

/** Sequence Variant, told for enhanced objects in the classic terms. */
function sequenceVariant(dataset: Dataset, frame: FrameGroups | undefined): readonly string[] {
  const classic = frame?.strings('MRTimingAndRelatedParametersSequence', 'SequenceVariant') ?? [];
  if (classic.length > 0) return classic;
  const spoiling = frame?.string('MRModifierSequence', 'Spoiling');
  const terms: string[] = [];
  if (dataset.string('SegmentedKSpaceTraversal') === 'PARTIAL') terms.push('SK');
  if (spoiling !== undefined && spoiling !== 'NONE') terms.push('SP');
  if (frame?.string('MRModifierSequence', 'InversionRecovery') === 'YES') terms.push('MP');
  return terms;
}

/** Image Pixel module, PS3.3 C.7.6.3; undefined without (7FE0,0010). */
function pixelsOf(dataset: Dataset): PixelHeader | undefined {
  if (!dataset.element('PixelData')) return undefined;
  const required = (keyword: string): number => {
    const value = dataset.integer(keyword);
    if (value === undefined || value < 1)
      throw new NeuroInsightError('malformed-pixels', `pixel data without ${keyword}`);
    return value;
  };
  const bitsStored = dataset.integer('BitsStored') ?? required('BitsAllocated');
  return {
    rows: required('Rows'),
    columns: required('Columns'),
    bitsAllocated: required('BitsAllocated'),
    bitsStored,
    highBit: dataset.integer('HighBit') ?? bitsStored - 1,
    pixelRepresentation: dataset.integer('PixelRepresentation') ?? 0,
    samplesPerPixel: dataset.integer('SamplesPerPixel') ?? 1,
    photometricInterpretation: dataset.string('PhotometricInterpretation') ?? 'MONOCHROME2',
  };
}
