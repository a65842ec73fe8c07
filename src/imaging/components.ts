import type { Vec3 } from '../domain/geometry.ts';

const { abs, floor, min } = Math;

/** The connected parts of a mask. Part n (1-based in `labels`) has `sizes[n - 1]` voxels around `centroids[n - 1]`. */
export interface Components {
  /** 0 outside the mask, else 1, 2, ... in order of the first voxel in memory. */
  readonly labels: Int32Array;
  readonly sizes: readonly number[];
  /** Mean voxel index [i, j, k]. */
  readonly centroids: readonly Vec3[];
}

export interface LargestComponent {
  /** 1 inside the component, 0 elsewhere; same layout as the mask. */
  readonly mask: Uint8Array;
  readonly size: number;
  /** Mean voxel index [i, j, k]. */
  readonly centroid: Vec3;
  /** Share of the mask's voxels that lie in other components, 0 to 1. */
  readonly fragmentation: number;
}

/**
 * Labels the connected components of a mask (non-zero = inside), i fastest in memory.
 *
 * @param connectivity 6 joins voxels that share a face, 26 also those that share an edge or a corner.
 */
export function labelComponents(mask: Uint8Array, shape: Vec3, connectivity: 6 | 26 = 26): Components {
  const labels = new Int32Array(mask.length);
  const sizes: number[] = [];
  const centroids: Vec3[] = [];
  const flood = floodOf(mask, shape, connectivity, labels);
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || labels[seed] !== 0) continue;
    const { size, centroid } = flood(seed, sizes.length + 1);
    sizes.push(size);
    centroids.push(centroid);
  }
  return { labels, sizes, centroids };
}

/** The component with most voxels (the first in memory among equals), or undefined where the mask is empty. */
export function largestComponent(
  mask: Uint8Array,
  shape: Vec3,
  connectivity: 6 | 26 = 26,
): LargestComponent | undefined {
  const { labels, sizes, centroids } = labelComponents(mask, shape, connectivity);
  if (sizes.length === 0) return undefined;
  let best = 0;
  let total = 0;
  for (let n = 0; n < sizes.length; n++) {
    total += sizes[n]!;
    if (sizes[n]! > sizes[best]!) best = n;
  }
  const inside = new Uint8Array(mask.length);
  for (let at = 0; at < inside.length; at++) if (labels[at] === best + 1) inside[at] = 1;
  return { mask: inside, size: sizes[best]!, centroid: centroids[best]!, fragmentation: 1 - sizes[best]! / total };
}

/** Grows a mask by `steps` voxels along every axis (a box of 2 steps + 1 voxels); stays inside the box of `shape`. */
export function dilateMask(mask: Uint8Array, shape: Vec3, steps: number): Uint8Array {
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  let from = mask;
  for (const axis of [0, 1, 2] as const) {
    const to = new Uint8Array(from.length);
    const stride = strides[axis];
    for (let at = 0; at < from.length; at++) {
      if (from[at] === 0) continue;
      const index = floor(at / stride) % shape[axis];
      const first = -min(steps, index);
      const last = min(steps, shape[axis] - 1 - index);
      for (let step = first; step <= last; step++) to[at + step * stride] = 1;
    }
    from = to;
  }
  return from;
}

type Flood = (seed: number, label: number) => { size: number; centroid: Vec3 };

/** A flood fill with a stack of its own (recursion would overflow on a mask of a whole head). */
function floodOf(mask: Uint8Array, shape: Vec3, connectivity: 6 | 26, labels: Int32Array): Flood {
  const [ni, nj, nk] = shape;
  const offsets = neighbourOffsets(connectivity);
  let stack = new Int32Array(1024);
  return (seed, label) => {
    let depth = 0;
    let size = 0;
    const sum: [number, number, number] = [0, 0, 0];
    stack[depth++] = seed;
    labels[seed] = label;
    while (depth > 0) {
      const at = stack[--depth]!;
      const i = at % ni;
      const row = (at - i) / ni;
      const j = row % nj;
      const k = (row - j) / nj;
      size++;
      sum[0] += i;
      sum[1] += j;
      sum[2] += k;
      if (depth + 26 > stack.length) stack = doubled(stack);
      for (let n = 0; n < offsets.length; n += 3) {
        const x = i + offsets[n]!;
        const y = j + offsets[n + 1]!;
        const z = k + offsets[n + 2]!;
        if (x < 0 || y < 0 || z < 0 || x >= ni || y >= nj || z >= nk) continue;
        const next = x + ni * (y + nj * z);
        if (mask[next] === 0 || labels[next] !== 0) continue;
        labels[next] = label;
        stack[depth++] = next;
      }
    }
    return { size, centroid: [sum[0] / size, sum[1] / size, sum[2] / size] };
  };
}

function doubled(stack: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(stack.length * 2);
  larger.set(stack);
  return larger;
}

function neighbourOffsets(connectivity: 6 | 26): Int32Array {
  const offsets: number[] = [];
  for (let k = -1; k <= 1; k++) {
    for (let j = -1; j <= 1; j++) {
      for (let i = -1; i <= 1; i++) {
        const distance = abs(i) + abs(j) + abs(k);
        if (distance === 1 || (connectivity === 26 && distance > 1)) offsets.push(i, j, k);
      }
    }
  }
  return Int32Array.from(offsets);
}
