/** One attribute in the DICOM JSON Model (PS3.18 F.2). */
export interface JsonAttribute {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly BulkDataURI?: string;
  readonly InlineBinary?: string;
}

/** Attributes by tag, eight upper-case hexadecimal digits: "0020000D". */
export type JsonDataset = Readonly<Record<string, JsonAttribute>>;

export type QueryLevel = 'study' | 'series' | 'instance';

/** Where bytes lie: `length` bytes from `offset` of one pack. */
export interface BlobLocation {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** Offset from the first byte of the instance, in bytes. */
export interface FrameSpan {
  readonly offset: number;
  readonly length: number;
}

/** One stored instance. */
export interface InstanceRow {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly instanceNumber: number | undefined;
  /** What QIDO-RS answers and matches, by level (PS3.18 10.6.3.3). Study and series attributes: first instance wins. */
  readonly attributes: Readonly<Record<QueryLevel, JsonDataset>>;
  /** The whole Part 10 file as stored. */
  readonly blob: BlobLocation;
  /** Gzipped DICOM JSON metadata of this instance (PS3.18 10.4.1.1.2), an object, without RetrieveURL. */
  readonly metadata: BlobLocation;
  /** One a frame, in order; encapsulated: all fragments of the frame, item headers removed when read. Empty: no pixels. */
  readonly frames: readonly (readonly FrameSpan[])[];
  /** sha256, hex, of the bytes as received and as stored (they differ when a preamble was zeroed). */
  readonly receivedSha256: string;
  readonly storedSha256: string;
  /** FHIR instant. */
  readonly receivedAt: string;
  /** Where it came from: an API key's id, `run/ID`, `pull/SOURCE`. */
  readonly receivedFrom: string;
  /** True for what an analysis may measure: MR images that are not results of this software. */
  readonly isSource: boolean;
}

/** One condition of QIDO-RS; the keyword names the attribute. */
export type DicomMatch =
  | { readonly kind: 'uid'; readonly keyword: string; readonly anyOf: readonly string[] }
  /** `pattern`: * any run of characters, ? one character, everything else literal. PN and text match without case. */
  | { readonly kind: 'text'; readonly keyword: string; readonly pattern: string }
  /** Each word of the value begins a component of the name, without case and diacritics (fuzzymatching=true). */
  | { readonly kind: 'fuzzy'; readonly keyword: string; readonly words: readonly string[] }
  /** DA, TM or IS compared as text of equal form; both ends are inclusive, an absent end is open. */
  | { readonly kind: 'range'; readonly keyword: string; readonly from?: string; readonly to?: string }
  /** Universal match that still asks for the presence of nothing. Kept so that an empty value is no error. */
  | { readonly kind: 'any'; readonly keyword: string };

/** Attributes that can be matched, by level; a series query may match study keywords, an instance query all. */
export const MATCHABLE: Readonly<Record<QueryLevel, readonly string[]>> = {
  study: [
    'StudyInstanceUID',
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
    'ModalitiesInStudy',
    'ReferringPhysicianName',
    'PatientName',
    'PatientID',
    'IssuerOfPatientID',
    'PatientBirthDate',
    'PatientSex',
    'StudyID',
    'StudyDescription',
    'InstitutionName',
  ],
  series: [
    'SeriesInstanceUID',
    'Modality',
    'SeriesNumber',
    'SeriesDescription',
    'SeriesDate',
    'BodyPartExamined',
    'ProtocolName',
    'Laterality',
    'PerformedProcedureStepStartDate',
    'PerformedProcedureStepStartTime',
    'Manufacturer',
  ],
  instance: ['SOPInstanceUID', 'SOPClassUID', 'InstanceNumber', 'ContentDate', 'ContentTime', 'NumberOfFrames'],
};

export interface DicomQuery {
  readonly level: QueryLevel;
  readonly where: readonly DicomMatch[];
  readonly limit: number;
  readonly offset: number;
}

/**
 * One answer of QIDO-RS: attributes of the level asked for, and of those above it when they are not fixed by the path.
 * Studies: newest StudyDate, StudyTime first, then UID. Series and instances: by number, then UID, within a study.
 */
export interface DicomMatchRow {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly attributes: Readonly<Partial<Record<QueryLevel, JsonDataset>>>;
  /** Of the study; level study and relational queries. */
  readonly modalitiesInStudy: readonly string[];
  readonly numberOfStudyRelatedSeries: number;
  readonly numberOfStudyRelatedInstances: number;
  /** Levels series and instance. */
  readonly numberOfSeriesRelatedInstances?: number;
}

export interface InstanceSelector {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
}

export interface StudyState {
  readonly studyInstanceUid: string;
  /** When the newest source instance arrived; undefined: there is none. */
  readonly sourceReceivedAt: string | undefined;
  /** Up to when a run has been given the study's instances. */
  readonly consideredAt: string | undefined;
}

export interface DicomIndex {
  query(site: string, query: DicomQuery): Promise<readonly DicomMatchRow[]>;
  /** Every instance under the selector, by series and instance number; empty when there is none. */
  instances(site: string, selector: InstanceSelector): Promise<readonly InstanceRow[]>;
  /** By SOPInstanceUID wherever they lie; for the duplicates of a STOW request. */
  findInstances(site: string, sopInstanceUids: readonly string[]): Promise<readonly InstanceRow[]>;
  study(site: string, studyInstanceUid: string): Promise<StudyState | undefined>;
  /** Studies whose newest source instance came before `before` and after what was considered; oldest first. */
  quietStudies(site: string, before: string, limit: number): Promise<readonly StudyState[]>;
  /** Whether some row still points into the pack: the start-up sweep removes packs that none does. */
  isPackReferenced(pack: string): Promise<boolean>;
}
