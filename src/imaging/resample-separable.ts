import type { Vec3, Volume } from '../domain/geometry.ts';
import type { AxisTaps } from './axis-taps.ts';

type ThreeTaps = readonly [AxisTaps, AxisTaps, AxisTaps];

/**
 * Resamples axis by axis, one source plane at a time: besides the result only as many planes are held as one
 * target plane needs.
 *
 * @param taps One a source axis.
 * @param targetAxisOf The target axis each source axis becomes.
 */
export function resampleSeparably(
  volume: Volume,
  taps: ThreeTaps,
  targetAxisOf: readonly [number, number, number],
  outside: number,
): Float32Array {
  const [ti, tj, tk] = taps;
  const size = ti.count * tj.count;
  const out = new Float32Array(size * tk.count);
  if (outside !== 0) out.fill(outside);
  const planes = planeCache(volume, ti, tj, tk.width);
  for (let t = tk.begin; t < tk.end; t++) {
    const to = out.subarray(t * size, (t + 1) * size);
    // Written over, not added to: `to` may hold `outside`.
    mixPlanes(to, ti, tj, (tap) => planes(tk.first[t]! + tap), tk.weights.subarray(t * tk.width, (t + 1) * tk.width));
  }
  return reordered(out, [ti.count, tj.count, tk.count], targetAxisOf);
}

/** Source plane k resampled along i and j, kept while target planes still need it. */
function planeCache(volume: Volume, ti: AxisTaps, tj: AxisTaps, kept: number): (k: number) => Float32Array {
  const planes = Array.from({ length: kept }, () => new Float32Array(ti.count * tj.count));
  const holds = new Int32Array(kept).fill(-1);
  const rows = new Float32Array(ti.count * volume.shape[1]);
  const planeSize = volume.shape[0] * volume.shape[1];
  const wanted = sourceRowsOf(tj, volume.shape[1]);
  return (k) => {
    const slot = k % kept;
    const plane = planes[slot]!;
    if (holds[slot] !== k) {
      resampleRows(volume.data.subarray(k * planeSize, (k + 1) * planeSize), volume.shape, wanted, ti, rows);
      resampleColumns(rows, ti, tj, plane);
      holds[slot] = k;
    }
    return plane;
  };
}

/** 1 for every source row that a target column takes from: a target one row high takes from two of them. */
function sourceRowsOf({ first, width, begin, end }: AxisTaps, rows: number): Uint8Array {
  const wanted = new Uint8Array(rows);
  for (let t = begin; t < end; t++) wanted.fill(1, first[t]!, first[t]! + width);
  return wanted;
}

function resampleRows(plane: Float32Array, shape: Vec3, wanted: Uint8Array, taps: AxisTaps, rows: Float32Array): void {
  const { count, width, first, weights, begin, end } = taps;
  for (let j = 0; j < shape[1]; j++) {
    if (wanted[j] === 0) continue;
    const from = j * shape[0];
    const to = j * count;
    if (width === 2) {
      for (let t = begin; t < end; t++) {
        const at = from + first[t]!;
        rows[to + t] = weights[2 * t]! * plane[at]! + weights[2 * t + 1]! * plane[at + 1]!;
      }
      continue;
    }
    for (let t = begin; t < end; t++) {
      const at = from + first[t]!;
      let sum = 0;
      for (let tap = 0; tap < width; tap++) sum += weights[t * width + tap]! * plane[at + tap]!;
      rows[to + t] = sum;
    }
  }
}

function resampleColumns(rows: Float32Array, ti: AxisTaps, tj: AxisTaps, plane: Float32Array): void {
  const n = ti.count;
  for (let t = tj.begin; t < tj.end; t++) {
    const to = t * n;
    for (let tap = 0; tap < tj.width; tap++) {
      const weight = tj.weights[t * tj.width + tap]!;
      const from = (tj.first[t]! + tap) * n;
      if (tap === 0) for (let i = ti.begin; i < ti.end; i++) plane[to + i] = weight * rows[from + i]!;
      else if (weight !== 0) for (let i = ti.begin; i < ti.end; i++) plane[to + i]! += weight * rows[from + i]!;
    }
  }
}

function mixPlanes(
  to: Float32Array,
  ti: AxisTaps,
  tj: AxisTaps,
  planeOf: (tap: number) => Float32Array,
  weights: Float32Array,
): void {
  for (let tap = 0; tap < weights.length; tap++) {
    const weight = weights[tap]!;
    if (tap > 0 && weight === 0) continue;
    const plane = planeOf(tap);
    for (let j = tj.begin; j < tj.end; j++) {
      const begin = j * ti.count + ti.begin;
      const end = j * ti.count + ti.end;
      if (tap === 0) for (let at = begin; at < end; at++) to[at] = weight * plane[at]!;
      else for (let at = begin; at < end; at++) to[at]! += weight * plane[at]!;
    }
  }
}

/** Side of the squares in which axes are exchanged: two of them fit the first-level cache. */
const BLOCK = 32;

/** Moves axis a of `data` to axis `targetAxisOf[a]`. */
function reordered(data: Float32Array, shape: Vec3, targetAxisOf: readonly [number, number, number]): Float32Array {
  if (targetAxisOf.every((axis, n) => axis === n)) return data;
  const from = [1, shape[0], shape[0] * shape[1]] as const;
  const to = targetStrides(shape, targetAxisOf);
  const out = new Float32Array(data.length);
  // a is the fastest axis to read, b the fastest to write (axis 1 where they are the same one).
  const fastest = targetAxisOf.indexOf(0);
  const b = (fastest === 0 ? 1 : fastest) as 1 | 2;
  const c = b === 1 ? 2 : 1;
  for (let nc = 0; nc < shape[c]; nc++) {
    for (let b0 = 0; b0 < shape[b]; b0 += BLOCK) {
      const b1 = Math.min(shape[b], b0 + BLOCK);
      for (let a0 = 0; a0 < shape[0]; a0 += BLOCK) {
        const a1 = Math.min(shape[0], a0 + BLOCK);
        for (let nb = b0; nb < b1; nb++) {
          let read = nc * from[c] + nb * from[b] + a0;
          let write = nc * to[c] + nb * to[b] + a0 * to[0];
          for (let na = a0; na < a1; na++, read++, write += to[0]) out[write] = data[read]!;
        }
      }
    }
  }
  return out;
}

/** Memory step in the target for one step along each source axis. */
function targetStrides(shape: Vec3, targetAxisOf: readonly [number, number, number]): Vec3 {
  const sizes = [0, 1, 2].map((axis) => shape[targetAxisOf.indexOf(axis)]!);
  const strides = [1, sizes[0]!, sizes[0]! * sizes[1]!];
  return [strides[targetAxisOf[0]]!, strides[targetAxisOf[1]]!, strides[targetAxisOf[2]]!];
}
