import type { Vec3, Volume } from '../domain/geometry.ts';
import type { QualityCheck } from '../domain/result.ts';
import { dilateMask, largestComponent } from './components.ts';
import { judge } from './quality-check.ts';

/** Side of a background block, model voxels (mm): large enough that noise averages out, small enough to see ghosts. */
const BLOCK = 6;
/** A block belongs to the head from this share of white matter on. */
const HEAD_OF_WHITE = 0.2;
/** Blocks around the head that are left out: skin, hair, ringing. */
const MARGIN_BLOCKS = 1;
/** With fewer blocks on either side of the comparison nothing can be said. */
const FEWEST_BLOCKS = 12;

/**
 * Motion along the phase direction repeats the head as ghosts beside it along that direction, and noise does not. For
 * each patient axis the check compares the air that a shift along it could reach with the air that it could not: the
 * largest difference of the two medians, in percent of white matter. Masked, cropped or brain-only images have no
 * such air and give 0.
 *
 * @param modelVolume 1 mm, LPS axes.
 */
export function ghostingCheck(modelVolume: Volume, whiteMatter: number): QualityCheck {
  const { shape, means } = wholeBlocks(modelVolume);
  const head = largestComponent(
    Uint8Array.from(means, (mean) => (mean > HEAD_OF_WHITE * whiteMatter ? 1 : 0)),
    shape,
    6,
  );
  const excess = head ? excessBesideHead(means, dilateMask(head.mask, shape, MARGIN_BLOCKS), shape) : [];
  return judge('ghosting', (100 * Math.max(0, ...excess)) / whiteMatter, '%', { good: 'below', pass: 2, review: 5 });
}

/**
 * Per axis: median of the air on lines along the axis that meet the head, less that of the air on all other lines.
 * Blocks of exactly 0 lie outside the source or were masked by a program and say nothing.
 */
function excessBesideHead(means: Float32Array, head: Uint8Array, shape: Vec3): number[] {
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  return ([0, 1, 2] as const).flatMap((axis) => {
    const shadow = shadowOf(head, strides[axis], shape[axis]);
    const beside: number[] = [];
    const elsewhere: number[] = [];
    for (let at = 0; at < means.length; at++) {
      if (head[at] === 1 || means[at] === 0) continue;
      (shadow[at] === 1 ? beside : elsewhere).push(means[at]!);
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

function wholeBlocks({ shape: [ni, nj, nk], data }: Volume): { shape: Vec3; means: Float32Array } {
  const shape: Vec3 = [Math.floor(ni / BLOCK), Math.floor(nj / BLOCK), Math.floor(nk / BLOCK)];
  const means = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let k = 0; k < shape[2] * BLOCK; k++) {
    for (let j = 0; j < shape[1] * BLOCK; j++) {
      const row = shape[0] * (Math.floor(j / BLOCK) + shape[1] * Math.floor(k / BLOCK));
      const source = ni * (j + nj * k);
      for (let i = 0; i < shape[0] * BLOCK; i++) means[row + Math.floor(i / BLOCK)]! += data[source + i]!;
    }
  }
  return { shape, means: means.map((sum) => sum / BLOCK ** 3) };
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
