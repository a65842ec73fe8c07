import type { Affine, Vec3, Volume } from '../domain/geometry.ts';
import type { QualityCheck } from '../domain/result.ts';
import type { Segmentation } from '../domain/segmentation.ts';
import { applyAffine, invertAffine, multiplyAffine } from './affine.ts';
import { dilateMask } from './components.ts';
import { judge } from './quality-check.ts';

/** Side of a background block, model voxels (mm): large enough that noise averages out, small enough to see ghosts. */
const BLOCK = 6;
const INSIDE_SKULL = 0.5;
/** Blocks around the intracranial space that are skull, scalp, hair and ringing. */
const SCALP_BLOCKS = 4;
/** With fewer blocks on either side of the comparison nothing can be said. */
const FEWEST_BLOCKS = 12;

/** Blocks of the upper half of the head, above face and neck, where everything beyond the scalp is air. */
interface Blocks {
  readonly shape: Vec3;
  /** Model index of the centre of the first block. */
  readonly first: Vec3;
  readonly means: Float32Array;
}

/**
 * Motion along the phase direction repeats the head as ghosts beside it along that direction, and noise does not. For
 * each patient axis the check compares the air that a shift along it could reach with the air that it could not: the
 * largest difference of the two medians, in percent of white matter. Masked, cropped or brain-only images have no
 * such air and give 0.
 *
 * @param modelVolume 1 mm, LPS axes.
 */
export function ghostingCheck(modelVolume: Volume, segmentation: Segmentation, whiteMatter: number): QualityCheck {
  const inside = insideSkull(segmentation);
  const blocks = upperBlocks(modelVolume, inside.middle);
  const toGrid = multiplyAffine(invertAffine(segmentation.intracranial.affine), modelVolume.affine);
  const excess = excessBesideHead(blocks, headMask(blocks, toGrid, inside));
  return judge('ghosting', (100 * Math.max(0, ...excess)) / whiteMatter, '%', { good: 'below', pass: 3, review: 8 });
}

interface InsideSkull {
  readonly shape: Vec3;
  readonly mask: Uint8Array;
  /** Height of the middle of the intracranial space, LPS z in mm. */
  readonly middle: number;
}

function insideSkull({ intracranial: { shape, affine, probability } }: Segmentation): InsideSkull {
  const layer = shape[0] * shape[1];
  const mask = Uint8Array.from(probability, (p) => (p >= INSIDE_SKULL ? 1 : 0));
  let sum = 0;
  let count = 0;
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    sum += Math.floor(at / layer);
    count++;
  }
  return { shape, mask, middle: affine[11] + affine[10] * (sum / count) };
}

/** Means of the whole blocks above the height `middle` (LPS mm). */
function upperBlocks({ shape: [ni, nj, nk], affine, data }: Volume, middle: number): Blocks {
  const bottom = Math.max(0, Math.min(nk, Math.ceil(middle - affine[11])));
  const shape: Vec3 = [Math.floor(ni / BLOCK), Math.floor(nj / BLOCK), Math.floor((nk - bottom) / BLOCK)];
  const means = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let k = 0; k < shape[2] * BLOCK; k++) {
    for (let j = 0; j < shape[1] * BLOCK; j++) {
      const row = shape[0] * (Math.floor(j / BLOCK) + shape[1] * Math.floor(k / BLOCK));
      const source = ni * (j + nj * (k + bottom));
      for (let n = 0; n < shape[0]; n++) {
        let sum = 0;
        for (let i = n * BLOCK; i < (n + 1) * BLOCK; i++) sum += data[source + i]!;
        means[row + n]! += sum;
      }
    }
  }
  const half = (BLOCK - 1) / 2;
  return { shape, first: [half, half, bottom + half], means: means.map((sum) => sum / BLOCK ** 3) };
}

/** 1 where the middle of a block lies inside the skull. */
function headMask({ shape, first }: Blocks, toGrid: Affine, inside: InsideSkull): Uint8Array {
  const mask = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (let at = 0; at < mask.length; at++) {
    const block = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / (shape[0] * shape[1]))];
    const place = block.map((n, axis) => first[axis]! + BLOCK * n) as unknown as Vec3;
    const [x, y, z] = applyAffine(toGrid, place).map(Math.round) as unknown as Vec3;
    const isInGrid = [x, y, z].every((n, axis) => n >= 0 && n < inside.shape[axis]!);
    if (isInGrid && inside.mask[x + inside.shape[0] * (y + inside.shape[1] * z)] === 1) mask[at] = 1;
  }
  return mask;
}

/**
 * Per axis: median of the air on lines along the axis that meet the brain, less that of the air on lines that miss
 * even the scalp. Blocks of exactly 0 lie outside the source or were masked by a program and say nothing.
 */
function excessBesideHead({ shape, means }: Blocks, brain: Uint8Array): number[] {
  const head = dilateMask(brain, shape, SCALP_BLOCKS);
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  return ([0, 1, 2] as const).flatMap((axis) => {
    const brainShadow = shadowOf(brain, strides[axis], shape[axis]);
    const headShadow = shadowOf(head, strides[axis], shape[axis]);
    const beside: number[] = [];
    const elsewhere: number[] = [];
    for (let at = 0; at < means.length; at++) {
      if (head[at] === 1 || means[at] === 0) continue;
      if (brainShadow[at] === 1) beside.push(means[at]!);
      else if (headShadow[at] === 0) elsewhere.push(means[at]!);
    }
    const isEnough = Math.min(beside.length, elsewhere.length) >= FEWEST_BLOCKS;
    return isEnough ? [medianOf(beside) - medianOf(elsewhere)] : [];
  });
}

/** 1 on every line along the axis that meets the head. */
function shadowOf(head: Uint8Array, stride: number, length: number): Uint8Array {
  const out = new Uint8Array(head.length);
  for (let at = 0; at < head.length; at++) {
    if (head[at] === 0) continue;
    const first = at - (Math.floor(at / stride) % length) * stride;
    if (out[first] === 1) continue;
    for (let n = 0; n < length; n++) out[first + n * stride] = 1;
  }
  return out;
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
