import { type AnalysisResult, isMeasured, type Measured } from '../domain/result.ts';

/** A measured value as itself, a withheld one as null; the reasons stand together under `withheld`. */
function valueOrNull<T>(measured: Measured<T>): T | null {
  return isMeasured(measured) ? measured.value : null;
}

function sideOf(side: AnalysisResult['left']): Record<string, unknown> {
  const norm = valueOrNull(side.norm);
  return {
    volumeMm3: side.volumeMm3,
    anteriorVolumeMm3: side.anteriorVolumeMm3,
    posteriorVolumeMm3: side.posteriorVolumeMm3,
    voxelCount: side.voxelCount,
    percentOfIntracranial: valueOrNull(side.percentOfIntracranial),
    percentile: norm?.percentile ?? null,
    z: norm?.z ?? null,
    expectedMm3: norm?.expectedMm3 ?? null,
    p5Mm3: norm?.p5Mm3 ?? null,
    p95Mm3: norm?.p95Mm3 ?? null,
  };
}

function reasonsOf(values: Readonly<Record<string, Measured<unknown>>>): Record<string, string> {
  const reasons: Record<string, string> = {};
  for (const [name, measured] of Object.entries(values)) {
    if (!isMeasured(measured)) reasons[name] = measured.withheld;
  }
  return reasons;
}

/**
 * The fixed form of measurements.json. Volumes in mm3; asymmetryIndex is the fraction (L - R) / (L + R); the affine
 * maps [column i, row j, slice k, 1] to LPS mm at the voxel centre. Carries UIDs, no names and no dates of birth.
 */
export function measurementsJson(result: AnalysisResult): string {
  const value = {
    formatVersion: result.formatVersion,
    left: sideOf(result.left),
    right: sideOf(result.right),
    asymmetryIndex: result.asymmetryIndex,
    percentDifference: result.percentDifference,
    leftRightRatio: result.leftRightRatio,
    intracranialVolumeMm3: valueOrNull(result.intracranialVolumeMm3),
    percentile: { left: sideOf(result.left).percentile, right: sideOf(result.right).percentile },
    normSet: valueOrNull(result.normSet),
    demographics: {
      ageYears: valueOrNull(result.demographics.ageYears),
      sex: valueOrNull(result.demographics.sex),
    },
    withheld: reasonsOf({
      intracranialVolumeMm3: result.intracranialVolumeMm3,
      normSet: result.normSet,
      'left.percentile': result.left.norm,
      'right.percentile': result.right.norm,
      'left.percentOfIntracranial': result.left.percentOfIntracranial,
      'right.percentOfIntracranial': result.right.percentOfIntracranial,
      'demographics.ageYears': result.demographics.ageYears,
      'demographics.sex': result.demographics.sex,
    }),
    sclerosis: result.sclerosis,
    quality: result.quality,
    model: result.model,
    geometry: {
      shape: result.geometry.shape,
      voxelSizeMm: result.geometry.voxelSizeMm,
      voxelVolumeMm3: result.geometry.voxelVolumeMm3,
      affineLps: result.geometry.affine,
    },
    series: {
      studyInstanceUid: result.study.studyInstanceUid,
      seriesInstanceUid: result.series.seriesInstanceUid,
      instances: result.sourceImages.length,
    },
    rejectedSeries: result.rejectedSeries,
    runKey: result.runKey,
    createdAt: result.createdAt,
    software: result.software,
    intendedUse: 'research use only',
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
