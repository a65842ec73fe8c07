import type { Laterality, Vec3, Volume } from '../domain/geometry.ts';
import type { SideProbabilities } from '../domain/segmentation.ts';
import { largestComponent } from '../imaging/components.ts';
import { maskWhere, roundHalfUp } from './block-mask.ts';
import type { Inference } from './inference.ts';
import { normaliseCrop } from './intensity.ts';
import type { FineSettings, ModelCard } from './model-card.ts';
import { channelOf, toTensor } from './network-tensor.ts';
import { cutRasBox, flipX, mirroredXy, padBox, type RasBox, reverseXy } from './ras-space.ts';

/** One hippocampus as the fine stage sees it, with what says how far to trust it. */
export interface SegmentedSide {
  readonly probabilities: SideProbabilities;
  /** Voxels of the largest component at the card's threshold; 1 mm3 each. */
  readonly volumeMm3: number;
  /** Mean RAS voxel of that component; undefined where nothing reaches the threshold. */
  readonly centre: Vec3 | undefined;
  readonly peakProbability: number;
  readonly meanProbability: number;
  readonly touchesCropEdge: boolean;
  readonly fragmentation: number;
}

const ANTERIOR_CHANNEL = 1;
const POSTERIOR_CHANNEL = 2;

interface FineAnswer {
  readonly anterior: RasBox;
  readonly posterior: RasBox;
}

/**
 * The fine stage on one side: cuts a crop around the centre, outlines the hippocampus in it, and cuts again around
 * what was found while that moves the crop.
 *
 * @param centre RAS voxel from the coarse stage.
 * @param low What counts as 0, see `lowLevelOf`.
 * @throws what `Inference.run` throws
 */
export async function segmentSide(
  volume: Volume,
  low: number,
  { side, centre }: { readonly side: Laterality; readonly centre: Vec3 },
  card: ModelCard,
  inference: Inference,
  signal: AbortSignal,
): Promise<SegmentedSide> {
  const { fine } = card;
  let start = cropStart(centre, side, fine);
  let answer = await runFine(volume, low, start, fine, inference, signal);
  for (let run = 1; run < fine.maxRuns; run++) {
    const body = maskWhere(wholeOf(answer), (p) => p > fine.recentreThreshold);
    const found = largestComponent(body, fine.cropShape);
    if (!found) break;
    const next = cropStart(added(start, found.centroid), side, fine);
    if (next.every((n, axis) => n === start[axis])) break;
    start = next;
    answer = await runFine(volume, low, start, fine, inference, signal);
  }
  return describeSide(volume, start, answer, card.threshold);
}

/** First RAS voxel of the crop; the hippocampus lies off its middle as in the crops the network learnt from. */
function cropStart(centre: Vec3, side: Laterality, { cropShape, centreOffsetVoxels: offset }: FineSettings): Vec3 {
  const medial = side === 'left' ? offset.medial : -offset.medial;
  const shift = [medial, offset.anterior, offset.superior];
  return centre.map((c, axis) => roundHalfUp(c + shift[axis]! - (cropShape[axis]! - 1) / 2)) as unknown as Vec3;
}

/** Mean of the network's answer to the crop and, turned back, to its mirror image. */
async function runFine(
  volume: Volume,
  low: number,
  start: Vec3,
  fine: FineSettings,
  inference: Inference,
  signal: AbortSignal,
): Promise<FineAnswer> {
  const crop = normaliseCrop(cutRasBox(volume, start, fine.cropShape, low), fine);
  const ask = async (box: RasBox): Promise<FineAnswer> => {
    const output = await inference.run('fine', toTensor(padBox(box, fine.paddedShape, fine.padOffset)), signal);
    const channel = (n: number) => channelOf(output, n, fine.paddedShape, fine.padOffset, fine.cropShape);
    return { anterior: channel(ANTERIOR_CHANNEL), posterior: channel(POSTERIOR_CHANNEL) };
  };
  const [straight, mirrored] = await Promise.all([ask(crop), ask(flipX(crop))]);
  const mean = (a: RasBox, b: RasBox): RasBox => {
    const turned = flipX(b).data;
    return { shape: a.shape, data: a.data.map((p, at) => (p + turned[at]!) / 2) };
  };
  return {
    anterior: mean(straight.anterior, mirrored.anterior),
    posterior: mean(straight.posterior, mirrored.posterior),
  };
}

/** Probability of either part. */
function wholeOf({ anterior, posterior }: FineAnswer): Float32Array {
  return anterior.data.map((p, at) => p + posterior.data[at]!);
}

function describeSide(volume: Volume, start: Vec3, answer: FineAnswer, threshold: number): SegmentedSide {
  const { shape } = answer.anterior;
  const whole = wholeOf(answer);
  const mask = maskWhere(whole, (p) => p >= threshold);
  const largest = largestComponent(mask, shape);
  let inLargest = 0;
  let inAll = 0;
  for (let at = 0; at < whole.length; at++) {
    if (mask[at] === 1) inAll += whole[at]!;
    if (largest?.mask[at] === 1) inLargest += whole[at]!;
  }
  const lastRas = added(start, [shape[0] - 1, shape[1] - 1, 0]);
  return {
    probabilities: {
      origin: mirroredXy(lastRas, volume.shape),
      shape,
      anterior: reverseXy(answer.anterior),
      posterior: reverseXy(answer.posterior),
    },
    volumeMm3: largest?.size ?? 0,
    centre: largest && added(start, largest.centroid),
    peakProbability: whole.reduce((high, p) => Math.max(high, p), 0),
    meanProbability: largest ? inLargest / largest.size : 0,
    touchesCropEdge: largest !== undefined && touchesFace(largest.mask, shape),
    fragmentation: inAll > 0 ? 1 - inLargest / inAll : 0,
  };
}

function touchesFace(mask: Uint8Array, shape: Vec3): boolean {
  return mask.some((inside, at) => {
    if (inside === 0) return false;
    const index = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / (shape[0] * shape[1]))];
    return index.some((n, axis) => n === 0 || n === shape[axis]! - 1);
  });
}

function added(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}
