import { NeuroInsightError } from '../domain/errors.ts';
import { LATERALITIES, type Laterality, type Vec3, type Volume } from '../domain/geometry.ts';
import type { ModelIdentity, Segmentation, SegmentationDiagnostics } from '../domain/segmentation.ts';
import { applyAffine, columnOf } from '../imaging/affine.ts';
import type { Segmenter } from '../ports/index.ts';
import type { Inference } from './inference.ts';
import { DEFAULT_INFERENCE_LIMITS, type InferenceLimits, openInferenceChild } from './inference-child.ts';
import { lowLevelOf } from './intensity.ts';
import { type Localisation, locateHippocampi } from './locate-hippocampi.ts';
import type { ModelCard } from './model-card.ts';
import { loadModel } from './model-files.ts';
import { mirroredXy } from './ras-space.ts';
import { type SegmentedSide, segmentSide } from './segment-side.ts';

export interface SegmenterOptions {
  /** Folder with SHA256SUMS, model-card.json and the networks. */
  readonly modelDir: string;
  readonly limits?: Partial<InferenceLimits>;
  /** Threads inside one operator of a network. */
  readonly threads?: number;
}

/** Outside these no human hippocampus lies; the answer is then a mistake of the networks, whatever it measures. */
const MIDLINE_DISTANCE_MM = { min: 10, max: 45 } as const;
const VOLUME_MM3 = { min: 500, max: 8000 } as const;

/**
 * Opens the segmenter over a model folder. The networks run in a child process that starts with the first study.
 *
 * @throws NeuroInsightError model-integrity
 */
export async function openSegmenter({ modelDir, limits, threads = 2 }: SegmenterOptions): Promise<Segmenter> {
  const { identity, card, networks } = await loadModel(modelDir);
  const inference = openInferenceChild({
    models: networks,
    threads,
    limits: { ...DEFAULT_INFERENCE_LIMITS, ...limits },
  });
  return createSegmenter(identity, card, inference);
}

/** The two-stage pipeline over any inference; owns and closes it. */
export function createSegmenter(model: ModelIdentity, card: ModelCard, inference: Inference): Segmenter {
  return {
    model,
    segment: (volume, signal) => segmentHead(volume, model, card, inference, signal),
    prepare: () => inference.prepare?.(),
    close: () => inference.close(),
  };
}

async function segmentHead(
  volume: Volume,
  model: ModelIdentity,
  card: ModelCard,
  inference: Inference,
  signal: AbortSignal,
): Promise<Segmentation> {
  requireModelSpace(volume);
  const low = lowLevelOf(volume, card);
  const found = await locateHippocampi(volume, low, card, inference, signal);
  const outline = (side: Laterality): Promise<SegmentedSide> =>
    segmentSide(volume, low, { side, centre: found.centres[side] }, card, inference, signal);
  // Both at once: while the child runs one side, the other side's crop is cut and its answer read.
  const [left, right] = await Promise.all([outline('left'), outline('right')]);
  const sides = { left, right };
  for (const side of LATERALITIES) refuseImplausible(side, sides[side], found, card);
  return {
    model,
    threshold: card.threshold,
    modelGrid: { shape: volume.shape, affine: volume.affine },
    left: left.probabilities,
    right: right.probabilities,
    intracranial: found.intracranial,
    intracranialVolumeMm3: found.intracranialVolumeMm3,
    diagnostics: diagnosticsOf(volume, found, sides),
  };
}

/** A volume on another grid would give wrong sides and volumes without any sign: that is a defect of the caller. */
function requireModelSpace({ affine }: Volume): void {
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const columns = ([0, 1, 2] as const).flatMap((axis) => [...columnOf(affine, axis)]);
  if (columns.some((value, at) => Math.abs(value - identity[at]!) > 1e-6)) {
    throw new TypeError('the volume is not in model space');
  }
}

function refuseImplausible(
  side: Laterality,
  { peakProbability, centre, volumeMm3 }: SegmentedSide,
  { midline }: Localisation,
  { threshold }: ModelCard,
): void {
  const because = (why: string): NeuroInsightError =>
    new NeuroInsightError('no-hippocampus', `no ${side} hippocampus: ${why}`);
  if (!centre) throw because(`its highest probability is ${peakProbability.toFixed(2)}, below ${threshold}`);
  // Model space is 1 mm and x grows to the right, so this is the distance from the midline on the side's own half.
  const lateralMm = side === 'left' ? midline - centre[0] : centre[0] - midline;
  if (lateralMm < 0) throw because('what was found lies on the other side of the midline');
  if (lateralMm < MIDLINE_DISTANCE_MM.min || lateralMm > MIDLINE_DISTANCE_MM.max) {
    throw because(`what was found lies ${lateralMm.toFixed(0)} mm from the midline`);
  }
  if (volumeMm3 < VOLUME_MM3.min || volumeMm3 > VOLUME_MM3.max) {
    throw because(`what was found measures ${volumeMm3} mm3`);
  }
}

function diagnosticsOf(
  volume: Volume,
  { midline }: Localisation,
  sides: Readonly<Record<Laterality, SegmentedSide>>,
): SegmentationDiagnostics {
  const both = <T>(pick: (side: SegmentedSide) => T): Readonly<Record<Laterality, T>> => ({
    left: pick(sides.left),
    right: pick(sides.right),
  });
  const onMidline: Vec3 = mirroredXy([midline, 0, 0], volume.shape);
  return {
    midlineX: applyAffine(volume.affine, onMidline)[0],
    peakProbability: both((side) => side.peakProbability),
    meanProbability: both((side) => side.meanProbability),
    touchesCropEdge: both((side) => side.touchesCropEdge),
    fragmentation: both((side) => side.fragmentation),
  };
}
