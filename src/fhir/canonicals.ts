import { NEUROINSIGHT_FHIR_BASE } from '../domain/codes.ts';

/** Canonical of one of our profiles or extensions, as in profiles/StructureDefinition-*.json. */
const structure = (name: string): string => `${NEUROINSIGHT_FHIR_BASE}/StructureDefinition/${name}`;

export const PROFILES = {
  imagingStudy: structure('neuroinsight-imaging-study'),
  hippocampalVolume: structure('neuroinsight-hippocampal-volume'),
  hippocampalAsymmetry: structure('neuroinsight-hippocampal-asymmetry'),
  intracranialVolume: structure('neuroinsight-intracranial-volume'),
  imageQuality: structure('neuroinsight-image-quality'),
  diagnosticReport: structure('neuroinsight-diagnostic-report'),
  device: structure('neuroinsight-device'),
  provenance: structure('neuroinsight-provenance'),
} as const;

export const EXTENSIONS = {
  /** Which norms a reference range comes from; on Observation.referenceRange. */
  normSet: structure('norm-set'),
  /** R4 core: leads from a bodySite to a BodyStructure that carries the side. */
  bodySite: 'http://hl7.org/fhir/StructureDefinition/bodySite',
  /** R4 core: alphabetic, ideographic or phonetic form of a name, as the groups of a DICOM PN. */
  nameRepresentation: 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation',
} as const;

/** `system` of identifiers and tags that we assign. */
export const SYSTEMS = {
  dicomUid: 'urn:dicom:uid',
  /** Patient IDs whose issuer is not known; an issuer has its own system below this one. */
  patientId: `${NEUROINSIGHT_FHIR_BASE}/identifier/patient-id`,
  /** For studies without any Patient ID: the person is known by the study alone. */
  patientOfStudy: `${NEUROINSIGHT_FHIR_BASE}/identifier/patient-of-study`,
  device: `${NEUROINSIGHT_FHIR_BASE}/identifier/device`,
  modelDigest: `${NEUROINSIGHT_FHIR_BASE}/identifier/model-sha256`,
  bodyStructure: `${NEUROINSIGHT_FHIR_BASE}/identifier/body-structure`,
  /** Tag with the run key; the Provenance of a run is found by it. */
  run: `${NEUROINSIGHT_FHIR_BASE}/identifier/run`,
  qualityChecks: `${NEUROINSIGHT_FHIR_BASE}/CodeSystem/quality-checks`,
  useLimits: `${NEUROINSIGHT_FHIR_BASE}/CodeSystem/use-limits`,
} as const;

/** Systems of HL7 and DICOM that have no coding scheme designator in the table of codes. */
export const HL7 = {
  identifierType: 'http://terminology.hl7.org/CodeSystem/v2-0203',
  diagnosticService: 'http://terminology.hl7.org/CodeSystem/v2-0074',
  observationCategory: 'http://terminology.hl7.org/CodeSystem/observation-category',
  interpretation: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
  dataAbsentReason: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
  actReason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  dataOperation: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation',
  provenanceParticipant: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type',
  /** HL7 DICOM SR to FHIR mapping guide 1.0.0. */
  dicomIdentifierType: 'http://hl7.org/fhir/uv/dicom-sr/CodeSystem/dicom-identifier-type',
} as const;
