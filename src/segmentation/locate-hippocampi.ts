import { NeuroInsightError } from '../domain/errors.ts';
import type { Grid, Laterality, Vec3, Volume } from '../domain/geometry.ts';
import { affineFromColumns, applyAffine } from '../imaging/affine.ts';
import { labelComponents, largestComponent } from '../imaging/components.ts';
import { dilateByFaces, maskWhere, roundHalfUp, weightedCentre } from './block-mask.ts';
import { firstCoarseStart } from './head-box.ts';
import type { Inference } from './inference.ts';
import { normaliseBlocks } from './intensity.ts';
import type { ModelCard, SidesSettings } from './model-card.ts';
import { channelOf, toTensor } from './network-tensor.ts';
import { blockMeans, mirroredXy, type RasBox, reverseXy } from './ras-space.ts';

/** What the coarse stage says. Positions are RAS voxels (of voxel centres, fractions allowed) of the model volume. */
export interface Localisation {
  readonly centres: Readonly<Record<Laterality, Vec3>>;
  /** RAS x of the mid-sagittal plane. */
  readonly midline: number;
  readonly intracranial: Grid & { readonly probability: Float32Array };
  readonly intracranialVolumeMm3: number;
}

const HIPPOCAMPUS_CHANNEL = 1;
const REST_CHANNEL = 2;

/** Probabilities of the coarse network over its blocks, and where the blocks lie. */
interface CoarseAnswer {
  readonly start: Vec3;
  readonly hippocampus: RasBox;
  /** Hippocampus or anything else inside the skull. */
  readonly inside: RasBox;
}

/**
 * The coarse stage: finds the intracranial space, the plane between its halves and one hippocampus on each side.
 *
 * @param volume In model space (1 mm, LPS axes).
 * @param low What counts as 0, see `lowLevelOf`.
 * @throws NeuroInsightError no-hippocampus naming the side; what `Inference.run` throws
 */
export async function locateHippocampi(
  volume: Volume,
  low: number,
  card: ModelCard,
  inference: Inference,
  signal: AbortSignal,
): Promise<Localisation> {
  let start = firstCoarseStart(volume, low, card.coarse);
  let answer = await runCoarse(volume, low, start, card, inference, signal);
  for (let pass = 1; pass < card.coarse.passes; pass++) {
    start = recentred(answer, card);
    answer = await runCoarse(volume, low, start, card, inference, signal);
  }
  const block = card.coarse.blockVoxels;
  const midlineBlock = intracranialCentre(answer)[0];
  const centreOf = (side: Laterality): Vec3 => {
    const at = sideCentre(answer.hippocampus, side, midlineBlock, card.sides, block);
    return at.map((b, axis) => blockCentre(answer.start[axis]!, b, block)) as unknown as Vec3;
  };
  return {
    centres: { left: centreOf('left'), right: centreOf('right') },
    midline: blockCentre(answer.start[0], midlineBlock, block),
    intracranial: intracranialGrid(volume, answer, block),
    intracranialVolumeMm3: intracranialVolume(answer.inside) * block ** 3 * card.intracranialScale,
  };
}

/** RAS voxel position of the centre of block `b` (fractions allowed): block 0 spans the centres of `block` voxels. */
function blockCentre(start: number, b: number, block: number): number {
  return start + block * b + (block - 1) / 2;
}

async function runCoarse(
  volume: Volume,
  low: number,
  start: Vec3,
  { coarse }: ModelCard,
  inference: Inference,
  signal: AbortSignal,
): Promise<CoarseAnswer> {
  const blocks = blockMeans(volume, { start, shape: coarse.shape, block: coarse.blockVoxels, low });
  const output = await inference.run('coarse', toTensor(normaliseBlocks(blocks, coarse)), signal);
  const hippocampus = channelOf(output, HIPPOCAMPUS_CHANNEL, coarse.shape);
  const rest = channelOf(output, REST_CHANNEL, coarse.shape);
  const inside = rest.data.map((p, at) => p + hippocampus.data[at]!);
  return { start, hippocampus, inside: { shape: coarse.shape, data: inside } };
}

function intracranialCentre({ inside }: CoarseAnswer): Vec3 {
  const centre = weightedCentre(inside.shape, (at) => inside.data[at]!);
  if (!centre) throw new NeuroInsightError('no-hippocampus', 'no brain was found in the image');
  return centre;
}

/** The grid moved so that the intracranial space lies in its middle. */
function recentred(answer: CoarseAnswer, { coarse }: ModelCard): Vec3 {
  const centre = intracranialCentre(answer);
  return centre.map((b, axis) => {
    const shift = coarse.blockVoxels * (b - (coarse.shape[axis]! - 1) / 2);
    return answer.start[axis]! + roundHalfUp(shift);
  }) as unknown as Vec3;
}

/** Block index (fractions) of the hippocampus of one side: the component that gathers most probability. */
function sideCentre(
  { shape, data }: RasBox,
  side: Laterality,
  midline: number,
  settings: SidesSettings,
  block: number,
): Vec3 {
  const gap = settings.gapMm / block;
  const isOnSide = (at: number): boolean => {
    const x = at % shape[0];
    return side === 'left' ? x < midline - gap : x > midline + gap;
  };
  const own = data.map((p, at) => (isOnSide(at) ? p : 0));
  const peak = own.reduce((high, p) => Math.max(high, p), 0);
  if (peak < settings.minProbability)
    throw notFound(side, `nothing in the head looks like it (peak ${peak.toFixed(2)})`);
  const limit = Math.max(settings.minProbability, settings.ofPeak * peak);
  const { labels, sizes } = labelComponents(
    maskWhere(own, (p) => p > limit),
    shape,
  );
  const mass = new Float64Array(sizes.length + 1);
  for (let at = 0; at < own.length; at++) if (labels[at]! > 0) mass[labels[at]!]! += own[at]!;
  const best = mass.indexOf(Math.max(...mass.subarray(1)), 1);
  const centre = weightedCentre(shape, (at) => (labels[at] === best ? own[at]! : 0));
  if (!centre) throw notFound(side, 'nothing in the head looks like it');
  return centre;
}

/** Sum of probabilities over the largest part of the intracranial space and one block around it. */
function intracranialVolume({ shape, data }: RasBox): number {
  const largest = largestComponent(
    maskWhere(data, (p) => p > 0.5),
    shape,
  );
  if (!largest) throw new NeuroInsightError('no-hippocampus', 'no brain was found in the image');
  const near = dilateByFaces(largest.mask, shape);
  return data.reduce((sum, p, at) => sum + (near[at] === 1 ? p : 0), 0);
}

/** The coarse blocks as a grid in the patient, LPS axes like the model volume. */
function intracranialGrid(
  volume: Volume,
  { start, inside }: CoarseAnswer,
  block: number,
): Localisation['intracranial'] {
  const { shape } = inside;
  const last = [shape[0] - 1, shape[1] - 1, 0] as const;
  const ras = last.map((b, axis) => blockCentre(start[axis]!, b, block)) as unknown as Vec3;
  const origin = applyAffine(volume.affine, mirroredXy(ras, volume.shape));
  const affine = affineFromColumns([block, 0, 0], [0, block, 0], [0, 0, block], origin);
  return { shape, affine, probability: reverseXy(inside) };
}

function notFound(side: Laterality, why: string): NeuroInsightError {
  return new NeuroInsightError('no-hippocampus', `no ${side} hippocampus: ${why}`);
}
