import type { DicomMatchRow, JsonAttribute, JsonDataset, QueryLevel } from '../ports/index.ts';

/** Attributes that an answer always carries, by level; PS3.18 tables 10.6.3-3 to 10.6.3-5. */
const REQUIRED: Readonly<Record<QueryLevel, ReadonlySet<string>>> = {
  study: new Set([
    '00080005', // SpecificCharacterSet
    '00080020', // StudyDate
    '00080030', // StudyTime
    '00080050', // AccessionNumber
    '00080090', // ReferringPhysicianName
    '00080201', // TimezoneOffsetFromUTC
    '00081030', // StudyDescription: not in the table, but no list of studies can be read without it
    '00100010', // PatientName
    '00100020', // PatientID
    '00100021', // IssuerOfPatientID: a PatientID means nothing without it
    '00100030', // PatientBirthDate
    '00100040', // PatientSex
    '0020000D', // StudyInstanceUID
    '00200010', // StudyID
  ]),
  series: new Set([
    '00080005',
    '00080060', // Modality
    '00080201',
    '0008103E', // SeriesDescription
    '0020000E', // SeriesInstanceUID
    '00200011', // SeriesNumber
    '00400244', // PerformedProcedureStepStartDate
    '00400245', // PerformedProcedureStepStartTime
    '00400275', // RequestAttributesSequence
  ]),
  instance: new Set([
    '00080005',
    '00080016', // SOPClassUID
    '00080018', // SOPInstanceUID
    '00080201',
    '00200013', // InstanceNumber
    '00280008', // NumberOfFrames
    '00280010', // Rows
    '00280011', // Columns
    '00280100', // BitsAllocated
  ]),
};

const LEVELS: readonly QueryLevel[] = ['study', 'series', 'instance'];
const ONLINE: JsonAttribute = { vr: 'CS', Value: ['ONLINE'] };

export interface AnswerOptions {
  readonly level: QueryLevel;
  readonly include: ReadonlySet<string> | 'all';
  /** Base of the DICOMweb service, without a slash at the end. */
  readonly serviceUrl: string;
  /** True where the path fixes the study (or series): its attributes are known to who asks. */
  readonly studyIsFixed: boolean;
  readonly seriesIsFixed: boolean;
}

/**
 * One answer of QIDO-RS in the DICOM JSON Model, tags in ascending order (PS3.18 F.2.2): required attributes, those
 * asked for where they are indexed, the computed ones, and for a relational query those of the levels above.
 */
export function answerOf(row: DicomMatchRow, options: AnswerOptions): JsonDataset {
  const found: Record<string, JsonAttribute> = computedAttributes(row, options);
  for (const level of shownLevels(options)) {
    const attributes = row.attributes[level] ?? {};
    for (const tag in attributes) {
      const wanted = options.include === 'all' || REQUIRED[level].has(tag) || options.include.has(tag);
      if (wanted && found[tag] === undefined) found[tag] = attributes[tag]!;
    }
  }
  const answer: Record<string, JsonAttribute> = {};
  for (const tag of Object.keys(found).sort()) answer[tag] = found[tag]!;
  return answer;
}

function shownLevels({ level, studyIsFixed, seriesIsFixed }: AnswerOptions): readonly QueryLevel[] {
  const fixed: Readonly<Record<QueryLevel, boolean>> = { study: studyIsFixed, series: seriesIsFixed, instance: false };
  return LEVELS.slice(0, LEVELS.indexOf(level) + 1).filter((one) => one === level || !fixed[one]);
}

function computedAttributes(row: DicomMatchRow, options: AnswerOptions): Record<string, JsonAttribute> {
  const { level, studyIsFixed, seriesIsFixed } = options;
  const study = level === 'study' || !studyIsFixed;
  const series = level === 'series' || (level === 'instance' && !seriesIsFixed);
  const computed: Record<string, JsonAttribute> = {
    '00080056': ONLINE,
    '00081190': { vr: 'UR', Value: [retrieveUrl(row, options)] },
    '0020000D': uid(row.studyInstanceUid),
  };
  if (row.seriesInstanceUid !== undefined) computed['0020000E'] = uid(row.seriesInstanceUid);
  if (row.sopInstanceUid !== undefined) computed['00080018'] = uid(row.sopInstanceUid);
  if (study) {
    computed['00080061'] = { vr: 'CS', ...(row.modalitiesInStudy.length > 0 && { Value: row.modalitiesInStudy }) };
    computed['00201206'] = count(row.numberOfStudyRelatedSeries);
    computed['00201208'] = count(row.numberOfStudyRelatedInstances);
  }
  if (series && row.numberOfSeriesRelatedInstances !== undefined) {
    computed['00201209'] = count(row.numberOfSeriesRelatedInstances);
  }
  return computed;
}

const uid = (value: string): JsonAttribute => ({ vr: 'UI', Value: [value] });
const count = (value: number): JsonAttribute => ({ vr: 'IS', Value: [value] });

function retrieveUrl(row: DicomMatchRow, { serviceUrl }: AnswerOptions): string {
  const series = row.seriesInstanceUid === undefined ? '' : `/series/${row.seriesInstanceUid}`;
  const instance = row.sopInstanceUid === undefined ? '' : `/instances/${row.sopInstanceUid}`;
  return `${serviceUrl}/studies/${row.studyInstanceUid}${series}${instance}`;
}
