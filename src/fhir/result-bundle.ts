import type {
  BodyStructure,
  Bundle,
  BundleEntry,
  Device,
  DiagnosticReport,
  Identifier,
  ImagingStudy,
  Observation,
  Patient,
  Provenance,
  Reference,
} from '@medplum/fhirtypes';
import { LATERALITIES } from '../domain/geometry.ts';
import { deriveUid } from '../domain/identity.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { SYSTEMS } from './canonicals.ts';
import { imagingStudyResource } from './imaging-study-resource.ts';
import { asymmetryObservation, intracranialObservation, volumeObservation } from './observations.ts';
import { patientResource } from './patient-resource.ts';
import { qualityObservation } from './quality-observation.ts';
import {
  bodyStructureResource,
  deviceResource,
  diagnosticReportResource,
  provenanceResource,
} from './report-resources.ts';
import { contextOf, fullUrlOf } from './result-context.ts';

export interface ResultBundleOptions {
  /** SOPInstanceUIDs of the secondary captures, in order; without them their series is not listed. */
  readonly secondaryCaptureUids?: readonly string[];
}

/** UIDs of the observations that have no group of their own in the structured report. */
export const observationUidsOf = (runKey: string) => ({
  intracranial: deriveUid(runKey, 'fhir-observation-intracranial'),
  quality: deriveUid(runKey, 'fhir-observation-quality'),
});

/** `identifier=system|value` as a search; "," "|" "$" and "\" inside a value are escaped as R4 search 3.1.1.5.1 asks. */
function searchOf(parameter: string, system: string, value: string): string {
  const escaped = (text: string): string => encodeURIComponent(text.replaceAll(/[\\,|$]/g, '\\$&'));
  return `${parameter}=${escaped(system)}%7C${escaped(value)}`;
}

/** What one transaction of ours can hold; only Provenance has no identifier. */
type Identified = { readonly identifier?: Identifier[] } & (
  | Patient
  | Device
  | ImagingStudy
  | BodyStructure
  | Observation
  | DiagnosticReport
);

function entryOf(runKey: string, purpose: string, resource: Identified | Provenance): BundleEntry {
  const identifier = resource.resourceType === 'Provenance' ? undefined : resource.identifier?.[0];
  return {
    fullUrl: fullUrlOf(runKey, purpose),
    resource,
    request: {
      method: 'POST',
      url: resource.resourceType,
      // Provenance has no identifier to be found by; its run tag does the same.
      ifNoneExist: identifier
        ? searchOf('identifier', identifier.system!, identifier.value!)
        : searchOf('_tag', SYSTEMS.run, runKey),
    },
  };
}

/**
 * The result as one FHIR R4 transaction: Patient, Device, ImagingStudy, three BodyStructures, five Observations,
 * DiagnosticReport and Provenance.
 *
 * Every entry is a conditional create (R4 3.1.0.8.1): a POST that the server ignores when a resource with the same
 * identifier is there. So a bundle that is sent twice, or again after an answer was lost, changes nothing and makes no
 * second version, which a PUT to an id of ours would on most servers; the EHR keeps its own ids; a Patient it already
 * knows is used, not overwritten; and a report that a clinician has signed since is never set back to preliminary. Two
 * Patients with one identifier make the server refuse the whole (412), which is right: neither may be guessed.
 * Identifiers derive from the run, so another model, revision or study never meets them.
 *
 * References inside are urn:uuid full URLs derived from the run key; equal input gives an equal bundle, byte by byte.
 *
 * @param pdf The report as it is stored and shown; it travels inside the DiagnosticReport as base64.
 */
export function buildResultBundle(result: AnalysisResult, pdf: Uint8Array, options: ResultBundleOptions = {}): Bundle {
  const { runKey } = result;
  const context = contextOf(result, options.secondaryCaptureUids ?? []);
  const uids = observationUidsOf(runKey);
  const to = (purpose: string): { reference: string } => ({ reference: fullUrlOf(runKey, purpose) });
  const volumes = LATERALITIES.map((side) => to(`volume-${side}`));
  const observations: [string, Identified][] = [
    ...LATERALITIES.map((side): [string, Identified] => [`volume-${side}`, volumeObservation(context, side)]),
    ['asymmetry', asymmetryObservation(context, volumes)],
    ['intracranial', intracranialObservation(context, uids.intracranial)],
    ['quality', qualityObservation(context, uids.quality)],
  ];
  const results = observations.map(([purpose]) => to(purpose));
  const structures = ([...LATERALITIES, 'bilateral'] as const).map((side): [string, Identified] => [
    `body-structure-${side}`,
    bodyStructureResource(context, side),
  ]);
  const targets: Reference[] = [to('report'), ...results, ...structures.map(([purpose]) => to(purpose))];
  const resources: [string, Identified | Provenance][] = [
    ['patient', patientResource(result.patient, result.study.studyInstanceUid)],
    ['device', deviceResource(context)],
    ['imaging-study', imagingStudyResource(context)],
    ...structures,
    ...observations,
    ['report', diagnosticReportResource(context, results, pdf)],
    ['provenance', provenanceResource(context, targets)],
  ];
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map(([purpose, resource]) => entryOf(runKey, purpose, resource)),
  };
}
