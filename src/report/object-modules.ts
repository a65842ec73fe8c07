import type { NaturalDataset } from '../dicom/encode.ts';
import type { Code } from '../domain/codes.ts';
import { deriveUid, digestOf } from '../domain/identity.ts';
import type { AnalysisResult, SourceImage } from '../domain/result.ts';

/** Written into every object that a person may read. */
export const RESEARCH_USE_ONLY =
  'Research use only. Not for diagnosis or treatment. Made by software and not verified by a physician.';

/** Storage SOP classes of what the result becomes (PS3.4 table B.5-1). */
export const SOP_CLASSES = {
  segmentation: '1.2.840.10008.5.1.4.1.1.66.4',
  comprehensive3dSr: '1.2.840.10008.5.1.4.1.1.88.34',
  encapsulatedPdf: '1.2.840.10008.5.1.4.1.1.104.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
} as const;

/** Code Sequence Macro, PS3.3 table 8.8-1. */
export function codeItem({ scheme, value, meaning }: Code): NaturalDataset {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

/** Forms of PS3.5 table 6.2-1. What a source says in another form would make our object invalid and is left out. */
const FORMS = {
  DA: /^\d{8}$/,
  TM: /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/,
  AS: /^\d{3}[DWMY]$/,
  CS: /^[A-Z0-9_ ]{1,16}$/,
  UI: /^(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*$/,
  offset: /^[+-](0\d|1[0-4])[0-5]\d$/,
} as const;

/** The value where it has the form of its VR; else undefined. */
export function wellFormed(form: keyof typeof FORMS, value: string | undefined): string | undefined {
  return value !== undefined && FORMS[form].test(value) ? value : undefined;
}

/** The moment the result was made, as DA and TM. */
export interface DicomMoment {
  readonly date: string;
  readonly time: string;
}

/**
 * `createdAt` in the zone of the study, so that every DA and TM of an object is in one zone (PS3.3 C.12.1.1.8).
 * Where the study names no zone, the moment stays in UTC and no zone is claimed for the times copied from the study.
 */
export function momentOf({ createdAt, study }: AnalysisResult): DicomMoment {
  const offset = wellFormed('offset', study.timezoneOffsetFromUtc) ?? '+0000';
  const minutes = (offset.startsWith('-') ? -1 : 1) * (60 * Number(offset.slice(1, 3)) + Number(offset.slice(3)));
  const local = new Date(Date.parse(createdAt) + minutes * 60_000).toISOString();
  return {
    date: local.slice(0, 10).replaceAll('-', ''),
    time: `${local.slice(11, 19).replaceAll(':', '')}.${local.slice(20, 23)}`,
  };
}

/** SOP Common, PS3.3 C.12.1. The private coding scheme is named where the object uses it. */
export function sopCommonModule(
  result: AnalysisResult,
  sopClassUid: string,
  sopInstanceUid: string,
  { usesOwnCodes = false } = {},
): NaturalDataset {
  const { date, time } = momentOf(result);
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    InstanceCreationDate: date,
    InstanceCreationTime: time,
    SOPClassUID: sopClassUid,
    SOPInstanceUID: sopInstanceUid,
    TimezoneOffsetFromUTC: wellFormed('offset', result.study.timezoneOffsetFromUtc),
    CodingSchemeIdentificationSequence: usesOwnCodes
      ? [
          {
            CodingSchemeDesignator: '99NEUROINSIGHT',
            CodingSchemeName: 'NeuroInsight measurements',
            CodingSchemeResponsibleOrganization: 'NeuroInsight',
          },
        ]
      : undefined,
  };
}

/** Patient and Patient Study, PS3.3 C.7.1.1 and C.7.2.2: type 2 attributes are empty where the source has none. */
export function patientModule({ patient }: AnalysisResult): NaturalDataset {
  return {
    PatientName: patient.patientName ?? '',
    PatientID: patient.patientId ?? '',
    IssuerOfPatientID: patient.issuerOfPatientId,
    PatientBirthDate: wellFormed('DA', patient.patientBirthDate) ?? '',
    PatientSex: patient.patientSex ?? '',
    PatientAge: wellFormed('AS', patient.patientAge),
  };
}

/** General Study, PS3.3 C.7.2.1. */
export function studyModule({ study }: AnalysisResult): NaturalDataset {
  return {
    StudyInstanceUID: study.studyInstanceUid,
    StudyDate: wellFormed('DA', study.studyDate) ?? '',
    StudyTime: wellFormed('TM', study.studyTime) ?? '',
    ReferringPhysicianName: study.referringPhysicianName ?? '',
    StudyID: study.studyId ?? '',
    AccessionNumber: study.accessionNumber ?? '',
    StudyDescription: study.studyDescription,
  };
}

export interface SeriesOfResult {
  readonly modality: 'SEG' | 'SR' | 'DOC' | 'OT';
  readonly seriesInstanceUid: string;
  readonly description: string;
}

/** Added to 100 times the number of the source series, so that results sort behind the series they were made from. */
const SERIES_NUMBER_STEP = { SEG: 1, SR: 2, DOC: 3, OT: 4 } as const;
const LARGEST_SOURCE_NUMBER = 9_999_999;

/** General Series and its kin for documents, PS3.3 C.7.3.1, C.17.1, C.24.1. */
export function seriesModule(result: AnalysisResult, series: SeriesOfResult): NaturalDataset {
  const { date, time } = momentOf(result);
  const sourceNumber = Math.min(Math.max(result.series.seriesNumber ?? 0, 0), LARGEST_SOURCE_NUMBER);
  return {
    Modality: series.modality,
    SeriesInstanceUID: series.seriesInstanceUid,
    SeriesNumber: 100 * sourceNumber + SERIES_NUMBER_STEP[series.modality],
    SeriesDate: date,
    SeriesTime: time,
    SeriesDescription: `RESEARCH ${series.description}`,
  };
}

/** Names the software and the weights: the same pair has the same UID in every study. */
export function deviceUidOf({ software, model }: AnalysisResult): string {
  return deriveUid(digestOf([software.name, software.version, model.sha256]), 'device');
}

/** The serial number of a program: which weights it ran. At most 64 characters. */
export function deviceSerialNumberOf({ model }: AnalysisResult): string {
  return model.sha256;
}

/** Model name and version, as a reader wants to see them. */
export function modelLabelOf({ model }: AnalysisResult): string {
  return `${model.name} ${model.version}`;
}

/** General and Enhanced General Equipment, PS3.3 C.7.5.1 and C.7.5.2. */
export function equipmentModule(result: AnalysisResult): NaturalDataset {
  return {
    Manufacturer: result.software.name,
    ManufacturerModelName: result.software.name,
    DeviceSerialNumber: deviceSerialNumberOf(result),
    SoftwareVersions: [result.software.version, modelLabelOf(result)],
  };
}

/** Body Part Examined, PS3.16 annex L. Never absent: without it an image would have to name a side (PS3.3 C.7.3.1). */
export function bodyPartOf({ series }: AnalysisResult): string {
  return wellFormed('CS', series.bodyPartExamined) ?? 'BRAIN';
}

/** SOP Instance Reference Macro, PS3.3 table 10-11. */
export function instanceReference(sopClassUid: string, sopInstanceUid: string): NaturalDataset {
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

/** The source images as instances, each once: an enhanced source has one instance for all its frames. */
export function sourceInstancesOf({ sourceImages }: AnalysisResult): SourceImage[] {
  const seen = new Map<string, SourceImage>();
  for (const image of sourceImages) if (!seen.has(image.sopInstanceUid)) seen.set(image.sopInstanceUid, image);
  return [...seen.values()];
}

/** Common Instance Reference, PS3.3 C.12.2: the source series, whole, and the segmentation where asked for. */
export function commonInstanceReferenceModule(
  result: AnalysisResult,
  { withSegmentation = false } = {},
): NaturalDataset {
  const { identifiers } = result;
  const source = {
    SeriesInstanceUID: result.series.seriesInstanceUid,
    ReferencedInstanceSequence: sourceInstancesOf(result).map((image) =>
      instanceReference(image.sopClassUid, image.sopInstanceUid),
    ),
  };
  const segmentation = {
    SeriesInstanceUID: identifiers.segSeriesUid,
    ReferencedInstanceSequence: [instanceReference(SOP_CLASSES.segmentation, identifiers.segUid)],
  };
  return { ReferencedSeriesSequence: withSegmentation ? [source, segmentation] : [source] };
}
