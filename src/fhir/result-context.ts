import type { BodyStructure, Device, ImagingStudy, Patient, Reference } from '@medplum/fhirtypes';
import type { Laterality } from '../domain/geometry.ts';
import { deriveUuid } from '../domain/identity.ts';
import type { AnalysisResult } from '../domain/result.ts';
import { fhirDateTime } from './dicom-time.ts';

/** What every resource of one result's bundle needs. */
export interface BundleContext {
  readonly result: AnalysisResult;
  readonly references: {
    readonly patient: Reference<Patient>;
    readonly imagingStudy: Reference<ImagingStudy>;
    readonly device: Reference<Device>;
    readonly bodyStructure: Readonly<Record<Laterality | 'bilateral', Reference<BodyStructure>>>;
  };
  /** When the head was imaged: what the measurements hold for. */
  readonly effective: string | undefined;
  readonly secondaryCaptureUids: readonly string[];
}

/** `urn:uuid:` of one entry: the same for every bundle of the same run. */
export const fullUrlOf = (runKey: string, purpose: string): string =>
  `urn:uuid:${deriveUuid(runKey, `fhir-${purpose}`)}`;

export function contextOf(result: AnalysisResult, secondaryCaptureUids: readonly string[]): BundleContext {
  const { studyDate, studyTime, timezoneOffsetFromUtc } = result.study;
  const to = (purpose: string): { reference: string } => ({ reference: fullUrlOf(result.runKey, purpose) });
  return {
    result,
    references: {
      patient: to('patient'),
      imagingStudy: to('imaging-study'),
      device: to('device'),
      bodyStructure: {
        left: to('body-structure-left'),
        right: to('body-structure-right'),
        bilateral: to('body-structure-bilateral'),
      },
    },
    effective: fhirDateTime(studyDate, studyTime, timezoneOffsetFromUtc),
    secondaryCaptureUids,
  };
}
