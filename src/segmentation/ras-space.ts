import type { Vec3, Volume } from '../domain/geometry.ts';

/**
 * The networks think in RAS: x grows to the patient's RIGHT, y to the front, z to the head. Model space is LPS:
 * i grows to the LEFT, j to the back, k to the head. Everything that turns one into the other is in this file.
 *
 * RAS voxel (x, y, z) of a volume of shape [ni, nj, nk] is its voxel (ni - 1 - x, nj - 1 - y, z).
 */
export function mirroredXy(index: Vec3, shape: Vec3): Vec3 {
  return [shape[0] - 1 - index[0], shape[1] - 1 - index[1], index[2]];
}

/** A box of numbers in RAS order, x fastest in memory: index = x + shape[0] * (y + shape[1] * z). */
export interface RasBox {
  readonly shape: Vec3;
  readonly data: Float32Array;
}

/**
 * Cuts a box out of a volume in model space.
 *
 * @param start First RAS voxel, whole numbers; the box may leave the volume.
 * @param low Taken off every voxel of the volume; what would be negative, and everything outside, is 0.
 */
export function cutRasBox({ shape: [ni, nj, nk], data }: Volume, start: Vec3, shape: Vec3, low: number): RasBox {
  const out = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let z = 0; z < shape[2]; z++) {
    const k = start[2] + z;
    if (k < 0 || k >= nk) continue;
    for (let y = 0; y < shape[1]; y++) {
      const j = nj - 1 - start[1] - y;
      if (j < 0 || j >= nj) continue;
      const target = shape[0] * (y + shape[1] * z);
      const source = ni - 1 - start[0] + ni * (j + nj * k);
      const first = Math.max(0, -start[0]);
      const end = Math.min(shape[0], ni - start[0]);
      for (let x = first; x < end; x++) {
        const value = data[source - x]! - low;
        if (value > 0) out[target + x] = value;
      }
    }
  }
  return { shape, data: out };
}

/**
 * Mean of blocks of `block`^3 voxels.
 *
 * @param start RAS voxel where the first block begins, whole numbers, may be negative; outside the volume is 0.
 * @param shape Number of blocks along x, y and z.
 * @param low As in `cutRasBox`; absent, the values are taken as they are.
 */
export function blockMeans(
  { shape: [ni, nj, nk], data }: Volume,
  { start, shape, block, low }: { start: Vec3; shape: Vec3; block: number; low?: number },
): RasBox {
  const sums = new Float64Array(shape[0] * shape[1] * shape[2]);
  const runs = blockRuns(ni, start[0], shape[0], block);
  const blockY = blockIndices(nj, start[1], shape[1], block, true);
  const blockZ = blockIndices(nk, start[2], shape[2], block, false);
  for (let k = 0; k < nk; k++) {
    if (blockZ[k]! < 0) continue;
    for (let j = 0; j < nj; j++) {
      if (blockY[j]! < 0) continue;
      const target = shape[0] * (blockY[j]! + shape[1] * blockZ[k]!);
      addRow(data, ni * (j + nj * k), runs, low, sums, target);
    }
  }
  const means = new Float32Array(sums.length);
  for (let at = 0; at < sums.length; at++) means[at] = sums[at]! / block ** 3;
  return { shape, data: means };
}

/** Adds one row of voxels to the sums of the blocks it crosses. */
function addRow(
  data: Float32Array,
  source: number,
  runs: Int32Array,
  low: number | undefined,
  sums: Float64Array,
  target: number,
): void {
  for (let n = 0; n < runs.length; n += 3) {
    const end = source + runs[n + 2]!;
    let sum = 0;
    if (low === undefined) {
      for (let at = source + runs[n + 1]!; at < end; at++) sum += data[at]!;
    } else {
      for (let at = source + runs[n + 1]!; at < end; at++) {
        const value = data[at]! - low;
        if (value > 0) sum += value;
      }
    }
    sums[target + runs[n]!]! += sum;
  }
}

/** For each LPS index along one axis the block it falls into, -1 outside the grid. */
function blockIndices(length: number, start: number, blocks: number, block: number, isMirrored: boolean): Int32Array {
  return Int32Array.from({ length }, (_, index) => {
    const ras = isMirrored ? length - 1 - index : index;
    const at = Math.floor((ras - start) / block);
    return at >= 0 && at < blocks ? at : -1;
  });
}

/** Along i: for each block that meets the volume its number and its first and end LPS index, three numbers each. */
function blockRuns(length: number, start: number, blocks: number, block: number): Int32Array {
  const runs: number[] = [];
  for (let at = 0; at < blocks; at++) {
    const first = Math.max(0, length - start - block * (at + 1));
    const end = Math.min(length, length - start - block * at);
    if (end > first) runs.push(at, first, end);
  }
  return Int32Array.from(runs);
}

/** The box with the other end of x and y first: RAS memory order becomes LPS, and the other way round. */
export function reverseXy({ shape, data }: RasBox): Float32Array {
  const layer = shape[0] * shape[1];
  const out = new Float32Array(data.length);
  for (let z = 0; z < shape[2]; z++) {
    const from = layer * z;
    for (let n = 0; n < layer; n++) out[from + layer - 1 - n] = data[from + n]!;
  }
  return out;
}

/** Left and right exchanged: x reversed, y and z kept. */
export function flipX({ shape, data }: RasBox): RasBox {
  const out = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += shape[0]) {
    for (let x = 0; x < shape[0]; x++) out[row + shape[0] - 1 - x] = data[row + x]!;
  }
  return { shape, data: out };
}

/** A box inside zeros: voxel (0, 0, 0) comes to `offset` of a box of shape `padded`. */
export function padBox({ shape, data }: RasBox, padded: Vec3, offset: Vec3): RasBox {
  const out = new Float32Array(padded[0] * padded[1] * padded[2]);
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      const from = shape[0] * (y + shape[1] * z);
      out.set(
        data.subarray(from, from + shape[0]),
        offset[0] + padded[0] * (y + offset[1] + padded[1] * (z + offset[2])),
      );
    }
  }
  return { shape: padded, data: out };
}
