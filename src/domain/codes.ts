/** Coding Scheme Designator (0008,0102), PS3.16 section 8; ours is private, at most 16 characters. */
export type CodeScheme = 'SCT' | 'DCM' | 'LN' | 'UCUM' | 'UMLS' | 'RFC5646' | '99NEUROINSIGHT';

/** A coded concept, as DICOM and FHIR both need it: the scheme, the value and the meaning written beside it. */
export interface Code {
  readonly scheme: CodeScheme;
  /** At most 16 characters: Code Value (0008,0100) is an SH. */
  readonly value: string;
  readonly meaning: string;
}

/** Canonical base of our FHIR artefacts. An identifier: nothing is fetched from it. */
export const NEUROINSIGHT_FHIR_BASE = 'http://neuroinsight.dev/fhir';

/** FHIR `system` of each coding scheme (PS3.16 table 8-1; https://terminology.hl7.org/external_terminologies.html). */
export const CODE_SYSTEM_URLS: Readonly<Record<CodeScheme, string>> = {
  SCT: 'http://snomed.info/sct',
  DCM: 'http://dicom.nema.org/resources/ontology/DCM',
  LN: 'http://loinc.org',
  UCUM: 'http://unitsofmeasure.org',
  UMLS: 'http://terminology.hl7.org/CodeSystem/umls',
  RFC5646: 'urn:ietf:bcp:47',
  '99NEUROINSIGHT': `${NEUROINSIGHT_FHIR_BASE}/CodeSystem/measurements`,
};

const sct = (value: string, meaning: string): Code => ({ scheme: 'SCT', value, meaning });
const dcm = (value: string, meaning: string): Code => ({ scheme: 'DCM', value, meaning });
const loinc = (value: string, meaning: string): Code => ({ scheme: 'LN', value, meaning });
const ucum = (value: string, meaning: string): Code => ({ scheme: 'UCUM', value, meaning });
const own = (value: string, meaning: string): Code => ({ scheme: '99NEUROINSIGHT', value, meaning });

/**
 * Every code the server writes, once. terminology/codes.json says for each of them what it was checked against and
 * what it is for; a test holds the two together. There is no LOINC or SNOMED CT code for a hippocampal volume with its
 * side: that is said by a volume (118565006), a site (5366008) and a laterality.
 */
export const CODES = {
  // anatomy and sides
  hippocampus: sct('5366008', 'Hippocampus'),
  intracranialStructure: sct('128319008', 'Intracranial structure'),
  brain: sct('12738006', 'Brain'),
  anatomicalStructure: sct('91723000', 'Anatomical Structure'),
  left: sct('7771000', 'Left'),
  right: sct('24028007', 'Right'),
  bilateral: sct('51440002', 'Bilateral'),
  /** The value set of R4 BodyStructure.locationQualifier lists these two beside Left and Right. */
  unilateralLeft: sct('419161000', 'Unilateral left'),
  unilateralRight: sct('419465000', 'Unilateral right'),
  anterior: sct('255549009', 'Anterior'),
  posterior: sct('255551008', 'Posterior'),
  laterality: sct('272741003', 'Laterality'),
  topographicalModifier: sct('106233006', 'Topographical modifier'),
  findingSite: sct('363698007', 'Finding Site'),
  findingCategory: sct('276214006', 'Finding category'),

  // measurements, methods, reference values
  volume: sct('118565006', 'Volume'),
  measurementMethod: sct('370129005', 'Measurement Method'),
  sumOfSegmentedVoxels: dcm('126030', 'Sum of segmented voxel method for volume'),
  percentile: dcm('121415', 'Percentile Ranking of measurement'),
  zScore: dcm('121416', 'Z-Score of measurement'),
  populationMean: sct('373098007', 'Mean Value of population'),
  populationFifthPercentile: sct('371888009', '5th Percentile Value of population'),
  populationNinetyFifthPercentile: sct('371889001', '95th Percentile Value of population'),
  populationDescription: dcm('121405', 'Population description'),
  referenceAuthority: dcm('121406', 'Reference Authority'),

  // units
  cubicMillimeter: ucum('mm3', 'cubic millimeter'),
  percentUnit: ucum('%', 'Percent'),
  noUnits: ucum('1', 'no units'),

  // own concepts: nothing in DCM, SNOMED CT or LOINC says them
  asymmetryIndex: own('asymmetry-index', 'Asymmetry index (L-R)/(L+R)'),
  percentDifference: own('percent-diff', 'Percent difference 200(L-R)/(L+R)'),
  leftRightRatio: own('left-right-ratio', 'Ratio of left to right volume'),
  percentOfIntracranial: own('percent-of-icv', 'Percent of intracranial volume'),
  intracranialVolume: own('icv', 'Intracranial volume'),
  hippocampalVolume: own('hippo-volume', 'Hippocampal volume'),
  anteriorHippocampalVolume: own('hippo-volume-ant', 'Anterior hippocampal volume'),
  posteriorHippocampalVolume: own('hippo-volume-pos', 'Posterior hippocampal volume'),
  valueWithheld: own('value-withheld', 'Value withheld'),
  limitationOfUse: own('limitation', 'Limitation of use'),
  normTransfer: own('norm-transfer', 'Transfer of the reference values'),
  sclerosisSideCall: own('sclerosis-side', 'Side call for hippocampal sclerosis'),
  qualityScore: own('quality-score', 'Quality score'),

  // quality
  qualityFinding: dcm('111052', 'Quality Finding'),
  qualityMeetsStandard: dcm('111237', 'Usable - Meets the quality control standard'),
  qualityBelowStandard: dcm('111236', 'Usable - Does not meet the quality control standard'),
  qualityUnusable: dcm('111235', 'Unusable - Quality renders image unusable'),

  // algorithm
  algorithmFamily: dcm('111000', 'Algorithm Family'),
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  artificialIntelligence: dcm('123110', 'Artificial Intelligence'),

  // segmentation
  segmentation: dcm('113076', 'Segmentation'),
  sourceImageForProcessing: dcm('121322', 'Source image for image processing operation'),

  // TID 1500
  imagingMeasurementReport: dcm('126000', 'Imaging Measurement Report'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  americanEnglish: { scheme: 'RFC5646', value: 'en-US', meaning: 'English (United States)' },
  observerType: dcm('121005', 'Observer Type'),
  device: dcm('121007', 'Device'),
  deviceObserverUid: dcm('121012', 'Device Observer UID'),
  deviceObserverName: dcm('121013', 'Device Observer Name'),
  deviceObserverManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceObserverModelName: dcm('121015', 'Device Observer Model Name'),
  deviceObserverSerialNumber: dcm('121016', 'Device Observer Serial Number'),
  procedureReported: dcm('121058', 'Procedure reported'),
  mriUnspecifiedBodyRegion: loinc('25056-3', 'MRI unspecified body region'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  modality: dcm('121139', 'Modality'),
  magneticResonance: dcm('MR', 'Magnetic Resonance'),
  frameOfReferenceUid: dcm('112227', 'Frame of Reference UID'),
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  derivedImagingMeasurements: dcm('126011', 'Derived Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  finding: dcm('121071', 'Finding'),
  referencedSegment: dcm('121191', 'Referenced Segment'),
  sourceSeriesForSegmentation: dcm('121232', 'Source series for segmentation'),
  qualitativeEvaluations: { scheme: 'UMLS', value: 'C0034375', meaning: 'Qualitative Evaluations' },
  comment: dcm('121106', 'Comment'),

  // documents; the LOINC list ends here and grows only with a source
  diagnosticImagingStudy: loinc('18748-4', 'Diagnostic imaging study'),
  radiologyStudyNote: loinc('68604-8', 'Radiology Diagnostic study note'),
  radiology: loinc('LP29684-5', 'Radiology'),

  // audit events, PS3.16 CID 400 to 402
  auditApplicationActivity: dcm('110100', 'Application Activity'),
  auditQuery: dcm('110112', 'Query'),
  auditDicomInstancesTransferred: dcm('110104', 'DICOM Instances Transferred'),
  auditExport: dcm('110106', 'Export'),
  auditImport: dcm('110107', 'Import'),
  auditUserAuthentication: dcm('110114', 'User Authentication'),
  auditApplication: dcm('110150', 'Application'),
} as const satisfies Readonly<Record<string, Code>>;

/** The side as a coded modifier (CID 244); never a pre-coordinated "left hippocampus". */
export const LATERALITY_CODES = { left: CODES.left, right: CODES.right } as const;

/** How the verdict of the quality assessment is said in CID 6044. */
export const QUALITY_CODES = {
  pass: CODES.qualityMeetsStandard,
  review: CODES.qualityBelowStandard,
  fail: CODES.qualityUnusable,
} as const;
