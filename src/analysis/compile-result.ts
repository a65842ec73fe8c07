import type { Laterality, Volume } from '../domain/geometry.ts';
import type { InstanceHeader, SeriesOfInstances, SliceRef } from '../domain/instance.ts';
import type { NormCurves } from '../domain/norm-curves.ts';
import {
  type AnalysisResult,
  type HippocampusMeasurement,
  isMeasured,
  type Measured,
  type QualityAssessment,
  type SeriesRejection,
  SOFTWARE_NAME,
  type SourceImage,
} from '../domain/result.ts';
import type { Segmentation } from '../domain/segmentation.ts';
import { voxelSizeOf, voxelVolumeOf } from '../imaging/affine.ts';
import type { HippocampusVolume } from '../imaging/volumetry.ts';
import { type DemographicOverrides, type Demographics, demographicsOf } from './demographics.ts';
import { type NormAnswer, type NormTable, normsFor } from './norms.ts';
import { identifiersOf, runKeyOf } from './run-key.ts';
import { sclerosisCallOf } from './sclerosis.ts';

export interface CompileInputs {
  readonly choice: { readonly selected: SeriesOfInstances; readonly rejected: readonly SeriesRejection[] };
  readonly assembled: { readonly volume: Volume; readonly slices: readonly SliceRef[]; readonly pixelDigest: string };
  readonly segmentation: Segmentation;
  readonly measured: Readonly<Record<Laterality, HippocampusVolume>>;
  readonly quality: QualityAssessment;
  readonly ports: { readonly norms: NormTable; readonly dateOfRun: (runKey: string) => Promise<string> };
  readonly options: { readonly softwareVersion: string; readonly overrides: DemographicOverrides };
}

/** Intracranial volumes outside this are a failed mask, not a head; mm3. */
const PLAUSIBLE_INTRACRANIAL_MM3 = [700_000, 2_500_000] as const;

function intracranialOf({ intracranialVolumeMm3 }: Segmentation): Measured<number> {
  const [smallest, largest] = PLAUSIBLE_INTRACRANIAL_MM3;
  if (intracranialVolumeMm3 >= smallest && intracranialVolumeMm3 <= largest) return { value: intracranialVolumeMm3 };
  return { withheld: 'the intracranial mask is not plausible' };
}

function sourceImageOf({ instance, frame }: SliceRef): SourceImage {
  const { sopClassUid, sopInstanceUid } = instance;
  return instance.frames.length > 1
    ? { sopClassUid, sopInstanceUid, frameNumber: frame.frameNumber }
    : { sopClassUid, sopInstanceUid };
}

function sideOf(
  laterality: 'left' | 'right',
  { measured }: CompileInputs,
  intracranial: Measured<number>,
  { positions }: NormAnswer,
): HippocampusMeasurement {
  const volumes = measured[laterality];
  const percentOfIntracranial = isMeasured(intracranial)
    ? { value: (100 * volumes.volumeMm3) / intracranial.value }
    : intracranial;
  return { laterality, ...volumes, percentOfIntracranial, norm: positions[laterality] };
}

function runKeyFor(
  inputs: CompileInputs,
  instances: readonly InstanceHeader[],
  { ageYears, sex }: Demographics,
): string {
  const { segmentation, assembled, ports, options } = inputs;
  return runKeyOf({
    instances,
    pixelDigest: assembled.pixelDigest,
    model: segmentation.model,
    parameters: {
      threshold: segmentation.threshold,
      ageYears: isMeasured(ageYears) ? ageYears.value : undefined,
      sex: isMeasured(sex) ? sex.value : undefined,
    },
    normSet: `${ports.norms.name} ${ports.norms.version}`,
    softwareVersion: options.softwareVersion,
  });
}

/** THE result of a run, from everything the walk found; the only place that makes one. */
export async function compileResult(
  inputs: CompileInputs,
): Promise<{ readonly result: AnalysisResult; readonly curves: Measured<NormCurves> }> {
  const { choice, assembled, segmentation, measured, quality, ports, options } = inputs;
  const instances = choice.selected.instances;
  const sourceHeader = assembled.slices[0]!.instance;
  const { patient, study, series, acquisition } = sourceHeader;
  const demographics = demographicsOf(patient, study, options.overrides);
  const intracranial = intracranialOf(segmentation);
  const [left, right] = [measured.left.volumeMm3, measured.right.volumeMm3];
  const norms = normsFor(ports.norms, {
    ...demographics,
    volumesMm3: { left, right },
    intracranialVolumeMm3: intracranial,
    quality: quality.verdict,
    model: segmentation.model,
  });
  const runKey = runKeyFor(inputs, instances, demographics);
  const { shape, affine } = assembled.volume;
  const asymmetryIndex = (left - right) / (left + right);
  const result: AnalysisResult = {
    formatVersion: '1',
    runKey,
    createdAt: await ports.dateOfRun(runKey),
    software: { name: SOFTWARE_NAME, version: options.softwareVersion },
    patient,
    study,
    series,
    acquisition,
    demographics,
    sourceHeader,
    sourceImages: assembled.slices.map(sourceImageOf),
    rejectedSeries: choice.rejected,
    geometry: { shape, affine, voxelSizeMm: voxelSizeOf(affine), voxelVolumeMm3: voxelVolumeOf(affine) },
    pixelDigest: assembled.pixelDigest,
    left: sideOf('left', inputs, intracranial, norms),
    right: sideOf('right', inputs, intracranial, norms),
    asymmetryIndex,
    percentDifference: 200 * asymmetryIndex,
    leftRightRatio: left / right,
    intracranialVolumeMm3: intracranial,
    normSet: norms.normSet,
    quality,
    sclerosis: sclerosisCallOf(ports.norms, asymmetryIndex, quality.verdict),
    model: segmentation.model,
    identifiers: identifiersOf(runKey),
  };
  return { result, curves: norms.curves };
}
