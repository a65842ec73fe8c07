import type { LabelVolume, Laterality, Volume } from '../domain/geometry.ts';
import type { QualityAssessment, QualityCheck } from '../domain/result.ts';
import type { Segmentation } from '../domain/segmentation.ts';
import { voxelSizeOf } from './affine.ts';
import { ghostingCheck } from './quality-background.ts';
import { judge, judgeRange, scoreOf, worstOf } from './quality-check.ts';
import { fieldOfViewCheck, marginCheck, saturationCheck } from './quality-coverage.ts';
import { extentOfLabels, type LabelExtent } from './quality-labels.ts';
import { contrastChecks, noiseCheck, sampleTissues } from './quality-tissue.ts';
import type { HippocampusVolume } from './volumetry.ts';

export interface QualityInput {
  /** The source. */
  readonly volume: Volume;
  /** The same head in model space. */
  readonly modelVolume: Volume;
  /** On the source grid. */
  readonly labels: LabelVolume;
  readonly segmentation: Segmentation;
  readonly measured: Readonly<Record<Laterality, HippocampusVolume>>;
}

/**
 * Whether the image can carry the measurement, and whether the measurement can be true: one named check each, with
 * its value and limit. The verdict is the worst of them; the score says how many are how bad. Never throws.
 */
export function assessQuality(input: QualityInput): QualityAssessment {
  const { volume, modelVolume, labels, segmentation } = input;
  const extents = extentOfLabels(labels);
  const tissues = sampleTissues(modelVolume, segmentation);
  const checks: QualityCheck[] = [
    ...geometryChecks(volume),
    fieldOfViewCheck(volume, segmentation),
    marginCheck(labels, extents),
    ...contrastChecks(tissues),
    noiseCheck(volume, modelVolume, tissues),
    ghostingCheck(modelVolume, segmentation, tissues.whiteMatter),
    saturationCheck(volume, segmentation),
    ...plausibilityChecks(input, extents),
    ...segmentationChecks(segmentation),
  ];
  return { verdict: worstOf(checks), score: scoreOf(checks), checks };
}

function geometryChecks({ affine }: Volume): readonly QualityCheck[] {
  const sizes = voxelSizeOf(affine);
  const longest = Math.max(...sizes);
  return [
    judge('resolution', longest, 'mm', { good: 'below', pass: 1.3, review: 2 }),
    judge('anisotropy', longest / Math.min(...sizes), '1', { good: 'below', pass: 1.7, review: 2.5 }),
  ];
}

function plausibilityChecks(
  { segmentation, measured }: QualityInput,
  extents: Readonly<Record<Laterality, LabelExtent>>,
): readonly QualityCheck[] {
  const { left, right } = measured;
  const middle = 3000;
  const volumes = [left.volumeMm3, right.volumeMm3];
  // The side further from an ordinary volume, in proportion, speaks for both.
  const oddness = (mm3: number): number => Math.abs(Math.log(Math.max(mm3, 1) / middle));
  const odder = oddness(volumes[0]!) >= oddness(volumes[1]!) ? volumes[0]! : volumes[1]!;
  const asymmetry = Math.abs((left.volumeMm3 - right.volumeMm3) / (left.volumeMm3 + right.volumeMm3));
  return [
    judgeRange('volume-plausibility', odder, 'mm3', [1200, 6000], [800, 7000]),
    judge('side-plausibility', asymmetry, '1', { good: 'below', pass: 0.15, review: 1 }),
    judge('laterality', lateralityOf(extents, segmentation.diagnostics.midlineX), 'mm', {
      good: 'above',
      pass: 12,
      review: 8,
    }),
    judgeRange(
      'intracranial-volume',
      segmentation.intracranialVolumeMm3 / 1000,
      'cm3',
      [1000, 2000],
      // A doubtful intracranial volume spoils the ratio, not the hippocampus: it is looked at, it fails nothing.
      [0, Number.MAX_SAFE_INTEGER],
    ),
  ];
}

/**
 * The smaller distance of the two labels' centres from the midline, mm, each counted towards its own side: negative
 * where a label lies on the other side, so that exchanged sides cannot pass.
 */
function lateralityOf({ left, right }: Readonly<Record<Laterality, LabelExtent>>, midlineX: number): number {
  // LPS: x grows to the left.
  return Math.min(left.centre[0] - midlineX, midlineX - right.centre[0]);
}

function segmentationChecks({ diagnostics }: Segmentation): readonly QualityCheck[] {
  const { meanProbability, touchesCropEdge, fragmentation } = diagnostics;
  const touching = Number(touchesCropEdge.left) + Number(touchesCropEdge.right);
  const surest = Math.min(meanProbability.left, meanProbability.right);
  const scattered = 100 * Math.max(fragmentation.left, fragmentation.right);
  return [
    judge('crop-edge', touching, '1', { good: 'below', pass: 0, review: 2 }),
    judge('confidence', surest, '1', { good: 'above', pass: 0.9, review: 0.82 }),
    judge('fragmentation', scattered, '%', { good: 'below', pass: 5, review: 25 }),
  ];
}
