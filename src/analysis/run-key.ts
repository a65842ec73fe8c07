import { deriveUid, digestOf } from '../domain/identity.ts';
import type { InstanceHeader } from '../domain/instance.ts';
import type { ResultIdentifiers } from '../domain/result.ts';
import type { ModelIdentity } from '../domain/segmentation.ts';

/** Raised when the same inputs would give other bytes: the results are then another run with other identifiers. */
export const RESULT_FORMAT = '2';

export interface RunInputs {
  readonly instances: readonly InstanceHeader[];
  readonly pixelDigest: string;
  readonly model: ModelIdentity;
  /** Settings that change a number: threshold, age, sex. */
  readonly parameters: Readonly<Record<string, string | number | undefined>>;
  readonly normSet: string;
  readonly softwareVersion: string;
}

/** sha256 hex of everything that decides the result, and of nothing else. */
export function runKeyOf(inputs: RunInputs): string {
  const uids = inputs.instances.map((instance) => instance.sopInstanceUid).sort();
  const parameters = Object.entries(inputs.parameters)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value ?? ''}`);
  return digestOf([
    'neuroinsight-run',
    RESULT_FORMAT,
    inputs.softwareVersion,
    uids.join('\n'),
    inputs.pixelDigest,
    inputs.model.sha256,
    parameters.join('\n'),
    inputs.normSet,
  ]);
}

export function identifiersOf(runKey: string): ResultIdentifiers {
  const uid = (purpose: string): string => deriveUid(runKey, purpose);
  return {
    segSeriesUid: uid('seg-series'),
    segUid: uid('seg'),
    srSeriesUid: uid('sr-series'),
    srUid: uid('sr'),
    pdfSeriesUid: uid('pdf-series'),
    pdfUid: uid('pdf'),
    scSeriesUid: uid('sc-series'),
    trackingUid: { left: uid('tracking-left'), right: uid('tracking-right') },
    bilateralTrackingUid: uid('tracking-bilateral'),
    dimensionOrganizationUid: uid('dimension-organization'),
  };
}
