import { createHash } from 'node:crypto';
import type { BodyStructure, Device, DiagnosticReport, Observation, Provenance, Reference } from '@medplum/fhirtypes';
import { CODES, type Code } from '../domain/codes.ts';
import type { Laterality } from '../domain/geometry.ts';
import { deriveUid, deriveUuid, digestOf } from '../domain/identity.ts';
import { type AnalysisResult, isMeasured } from '../domain/result.ts';
import { HL7, PROFILES, SYSTEMS } from './canonicals.ts';
import { codingOf, conceptOf, dicomUid, RESEARCH_NOTE, RESEARCH_TAGS } from './concepts.ts';
import { accessionIdentifier } from './imaging-study-resource.ts';
import { narrativeOf } from './narrative.ts';
import { inWords } from './observations.ts';
import type { BundleContext } from './result-context.ts';

const REPORT_TITLE = 'Hippocampal volumetry';

type Side = Laterality | 'bilateral';

/** The side of a finding site. R4 lists "Unilateral left/right", R5 and DICOM "Left/Right": both are sent. */
const SIDES: Readonly<Record<Side, { readonly codes: readonly Code[]; readonly description: string }>> = {
  left: { codes: [CODES.left, CODES.unilateralLeft], description: 'Left hippocampus' },
  right: { codes: [CODES.right, CODES.unilateralRight], description: 'Right hippocampus' },
  bilateral: { codes: [CODES.bilateral], description: 'Both hippocampi' },
};

/** Where a measurement was made: the hippocampus with its side, which Observation.bodySite of R4 cannot say. */
export function bodyStructureResource({ result, references }: BundleContext, side: Side): BodyStructure {
  const { codes, description } = SIDES[side];
  return {
    resourceType: 'BodyStructure',
    meta: { tag: RESEARCH_TAGS },
    text: narrativeOf(description, [], []),
    identifier: [{ system: SYSTEMS.bodyStructure, value: deriveUuid(result.runKey, `body-structure-${side}`) }],
    active: true,
    location: conceptOf([CODES.hippocampus]),
    locationQualifier: [conceptOf(codes)],
    description,
    patient: references.patient,
  };
}

/** Identifier of the software with exactly these weights: the same Device for every run it made. */
export const deviceIdentifier = ({ software, model }: AnalysisResult) => ({
  system: SYSTEMS.device,
  value: `${software.name}/${software.version}/${model.name}/${model.version}/${model.sha256}`,
});

/** The Device Observer UID (DCM 121012) of the structured report: software and weights, the same in every study. */
const deviceUid = ({ software, model }: AnalysisResult): string =>
  deriveUid(digestOf([software.name, software.version, model.sha256]), 'device');

/** The software and the model inside it; the digest says which weights. */
export function deviceResource({ result }: BundleContext): Device {
  const { software, model } = result;
  return {
    resourceType: 'Device',
    meta: { profile: [PROFILES.device] },
    text: narrativeOf(
      software.name,
      [
        ['Software', software.version],
        ['Model', `${model.name} ${model.version}`],
        ['sha256 of the model', model.sha256],
      ],
      [],
    ),
    identifier: [
      deviceIdentifier(result),
      { system: SYSTEMS.modelDigest, value: model.sha256 },
      dicomUid(deviceUid(result)),
    ],
    status: 'active',
    manufacturer: software.name,
    deviceName: [
      { name: software.name, type: 'user-friendly-name' },
      { name: model.name, type: 'model-name' },
    ],
    type: { text: 'Software that segments and measures the hippocampi in brain MR' },
    version: [
      { type: { text: 'software' }, value: software.version },
      { type: { text: 'model' }, value: model.version },
    ],
    property: [
      { type: conceptOf([CODES.algorithmFamily]), valueCode: [conceptOf([CODES.artificialIntelligence])] },
      { type: { text: 'sha256 of the model files' }, valueCode: [{ text: model.sha256 }] },
    ],
  };
}

const QUALITY_SENTENCES = {
  pass: 'Image quality is sufficient.',
  review: 'Image quality asks for a review of the segmentation.',
  fail: 'Image quality is insufficient.',
} as const;

/** A clause as a sentence; reasons come with and without a full stop. */
const sentence = (text: string): string => `${text.replace(/[.\s]+$/, '')}.`;

/** What was measured, in sentences; no diagnosis, because none was made. */
export function conclusionOf(result: AnalysisResult): string {
  const icv = result.intracranialVolumeMm3;
  return [
    `Left hippocampus ${inWords(result.left)}`,
    `Right hippocampus ${inWords(result.right)}`,
    `Asymmetry index (L-R)/(L+R) ${result.asymmetryIndex.toFixed(3)}`,
    isMeasured(icv)
      ? `Intracranial volume ${(icv.value / 1000).toFixed(0)} cm3`
      : `Intracranial volume not given: ${icv.withheld}`,
    QUALITY_SENTENCES[result.quality.verdict],
    RESEARCH_NOTE,
  ]
    .map(sentence)
    .join(' ');
}

/** The report: preliminary, without an interpreter, with the PDF inside. */
export function diagnosticReportResource(
  context: BundleContext,
  observations: readonly Reference<Observation>[],
  pdf: Uint8Array,
): DiagnosticReport {
  const { result, references, effective } = context;
  const { accessionNumber } = result.study;
  return {
    resourceType: 'DiagnosticReport',
    meta: { profile: [PROFILES.diagnosticReport], tag: RESEARCH_TAGS },
    text: narrativeOf(
      REPORT_TITLE,
      [
        ['Left hippocampus', inWords(result.left)],
        ['Right hippocampus', inWords(result.right)],
        ['Asymmetry index (L-R)/(L+R)', result.asymmetryIndex.toFixed(4)],
        ['Quality', result.quality.verdict],
        ['Method', `${result.model.name} ${result.model.version}, ${result.software.name} ${result.software.version}`],
      ],
      [RESEARCH_NOTE],
    ),
    identifier: [dicomUid(result.identifiers.srUid)],
    ...(accessionNumber && {
      basedOn: [{ type: 'ServiceRequest', identifier: accessionIdentifier(accessionNumber) }],
    }),
    status: 'preliminary',
    category: [
      {
        coding: [codingOf(CODES.radiology), { system: HL7.diagnosticService, code: 'RAD', display: 'Radiology' }],
      },
    ],
    code: conceptOf([CODES.radiologyStudyNote], REPORT_TITLE),
    subject: references.patient,
    ...(effective && { effectiveDateTime: effective }),
    issued: result.createdAt,
    result: [...observations],
    imagingStudy: [references.imagingStudy],
    conclusion: conclusionOf(result),
    presentedForm: [
      {
        contentType: 'application/pdf',
        language: 'en',
        data: Buffer.from(pdf).toString('base64'),
        size: pdf.length,
        // R4 Attachment.hash is SHA-1 by definition; it finds damage, it is no signature.
        hash: createHash('sha1').update(pdf).digest('base64'),
        title: REPORT_TITLE,
        creation: result.createdAt,
      },
    ],
  };
}

/** Who made what from what: the software, from the study, with the run key as tag. */
export function provenanceResource(context: BundleContext, targets: readonly Reference[]): Provenance {
  const { result, references } = context;
  return {
    resourceType: 'Provenance',
    meta: { profile: [PROFILES.provenance], tag: [...RESEARCH_TAGS, { system: SYSTEMS.run, code: result.runKey }] },
    text: narrativeOf(
      'Origin',
      [
        [
          'Made by',
          `${result.software.name} ${result.software.version}, model ${result.model.name} ${result.model.version}`,
        ],
        ['Recorded', result.createdAt],
      ],
      [],
    ),
    target: [...targets],
    recorded: result.createdAt,
    activity: { coding: [{ system: HL7.dataOperation, code: 'CREATE', display: 'create' }] },
    agent: [
      {
        type: { coding: [{ system: HL7.provenanceParticipant, code: 'assembler', display: 'Assembler' }] },
        who: references.device,
      },
    ],
    entity: [
      { role: 'source', what: references.imagingStudy },
      { role: 'source', what: { identifier: dicomUid(result.series.seriesInstanceUid), display: 'Measured series' } },
    ],
  };
}
