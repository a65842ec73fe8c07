import type { JsonAttribute, JsonDataset, QueryLevel } from '../ports/dicom-index.ts';
import { hexOfTag, tagOf } from './dictionary.ts';
import type { DicomFile } from './file.ts';
import { jsonOf } from './json.ts';

/**
 * Attributes that the index keeps by level: what QIDO-RS must return (PS3.18 tables 10.6.3-3 to 10.6.3-5) as far as an
 * instance says it, what can be matched, and what a list of studies shows. Counts and ModalitiesInStudy are the
 * index's own.
 */
const KEPT: Readonly<Record<QueryLevel, readonly string[]>> = {
  study: [
    'SpecificCharacterSet',
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
    'InstitutionName',
    'ReferringPhysicianName',
    'TimezoneOffsetFromUTC',
    'StudyDescription',
    'PatientName',
    'PatientID',
    'IssuerOfPatientID',
    'PatientBirthDate',
    'PatientSex',
    'PatientAge',
    'StudyInstanceUID',
    'StudyID',
  ],
  series: [
    'SeriesDate',
    'SeriesTime',
    'Modality',
    'Manufacturer',
    'ManufacturerModelName',
    'SeriesDescription',
    'BodyPartExamined',
    'ProtocolName',
    'SeriesInstanceUID',
    'SeriesNumber',
    'Laterality',
    'PerformedProcedureStepStartDate',
    'PerformedProcedureStepStartTime',
    'RequestAttributesSequence',
  ],
  instance: [
    'SOPClassUID',
    'SOPInstanceUID',
    'ContentDate',
    'ContentTime',
    'InstanceNumber',
    'NumberOfFrames',
    'Rows',
    'Columns',
    'BitsAllocated',
  ],
};

const hexOf = (keywords: readonly string[]): readonly string[] => keywords.map((keyword) => hexOfTag(tagOf(keyword)));
const TAGS: Readonly<Record<QueryLevel, readonly string[]>> = {
  study: hexOf(KEPT.study),
  series: hexOf(KEPT.series),
  instance: hexOf(KEPT.instance),
};

/** What the index keeps of an instance, by level; attributes that the instance lacks are left out. */
export function indexAttributesOf(file: DicomFile): { readonly attributes: Record<QueryLevel, JsonDataset> } {
  return indexAttributesOfJson(jsonOf(file, { bulkDataUri: (tagPath) => tagPath }));
}

/** The same from the DICOM JSON Model of the instance. Values that are bulk data have no place in an index. */
export function indexAttributesOfJson(json: JsonDataset): { readonly attributes: Record<QueryLevel, JsonDataset> } {
  return {
    attributes: {
      study: kept(json, TAGS.study),
      series: kept(json, TAGS.series),
      instance: kept(json, TAGS.instance),
    },
  };
}

function kept(json: JsonDataset, tags: readonly string[]): JsonDataset {
  const attributes: Record<string, JsonAttribute> = {};
  for (const tag of tags) {
    const attribute = json[tag];
    if (attribute && attribute.BulkDataURI === undefined) attributes[tag] = attribute;
  }
  return attributes;
}
