import type { Affine, Vec3, Volume } from '../domain/geometry.ts';

const { ceil, floor, max, min } = Math;

/** Keeps rounding from taking a voxel on the outer face for one outside. */
const EDGE = 1e-6;

/**
 * Trilinear look-up of every target voxel, for grids at any angle.
 *
 * @param toSource Target index to source index (fractions).
 * @returns One value a target voxel; `outside` more than half a voxel beyond the outermost centres.
 */
export function sampleTrilinearly(volume: Volume, shape: Vec3, toSource: Affine, outside: number): Float32Array {
  const out = new Float32Array(shape[0] * shape[1] * shape[2]);
  if (outside !== 0) out.fill(outside);
  const [dx, dy, dz] = [toSource[0], toSource[4], toSource[8]];
  const faces = volume.shape.map((n): Interval => [-0.5 - EDGE, n - 0.5 + EDGE]) as [Interval, Interval, Interval];
  const centres = volume.shape.map((n): Interval => [EDGE, n - 1 - EDGE]) as [Interval, Interval, Interval];
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      const x = toSource[1] * j + toSource[2] * k + toSource[3];
      const y = toSource[5] * j + toSource[6] * k + toSource[7];
      const z = toSource[9] * j + toSource[10] * k + toSource[11];
      const row: Row = { x, y, z, dx, dy, dz };
      const whole = clippedTo(row, shape[0], ...faces);
      const inner = clippedTo(row, shape[0], ...centres);
      const to = shape[0] * (j + shape[1] * k);
      const from = inner.end > inner.begin ? inner : { begin: whole.end, end: whole.end };
      edgeOfRow(volume, row, out, to, whole.begin, from.begin);
      insideOfRow(volume, row, out, to, from.begin, from.end);
      edgeOfRow(volume, row, out, to, from.end, whole.end);
    }
  }
  return out;
}

/** Source index at the first voxel of a target row, and the step to the next. */
interface Row {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly dx: number;
  readonly dy: number;
  readonly dz: number;
}

type Interval = readonly [number, number];

/** Voxels [begin, end) of a row that fall into a box of the source. */
function clippedTo(row: Row, count: number, xs: Interval, ys: Interval, zs: Interval): { begin: number; end: number } {
  const x = crossings(row.x, row.dx, xs);
  const y = crossings(row.y, row.dy, ys);
  const z = crossings(row.z, row.dz, zs);
  const begin = ceil(max(0, x[0], y[0], z[0]));
  const end = floor(min(count - 1, x[1], y[1], z[1])) + 1;
  return end <= begin ? { begin: 0, end: 0 } : { begin, end };
}

/** Where a line enters and leaves an interval, in steps. */
function crossings(start: number, step: number, [low, high]: Interval): Interval {
  if (step === 0) return start < low || start > high ? [1, 0] : [0, Number.MAX_SAFE_INTEGER];
  const a = (low - start) / step;
  const b = (high - start) / step;
  return a < b ? [a, b] : [b, a];
}

/** The part of a row whose eight neighbours all exist. */
function insideOfRow(volume: Volume, row: Row, out: Float32Array, to: number, begin: number, end: number): void {
  const { data, shape } = volume;
  const { x, y, z, dx, dy, dz } = row;
  const nextRow = shape[0];
  const nextPlane = shape[0] * shape[1];
  for (let i = begin; i < end; i++) {
    const fx = x + i * dx;
    const fy = y + i * dy;
    const fz = z + i * dz;
    const ix = fx | 0;
    const iy = fy | 0;
    const iz = fz | 0;
    const u = fx - ix;
    const v = fy - iy;
    const w = fz - iz;
    const at = ix + nextRow * iy + nextPlane * iz;
    const a = data[at]! + u * (data[at + 1]! - data[at]!);
    const b = data[at + nextRow]! + u * (data[at + nextRow + 1]! - data[at + nextRow]!);
    const up = at + nextPlane;
    const c = data[up]! + u * (data[up + 1]! - data[up]!);
    const d = data[up + nextRow]! + u * (data[up + nextRow + 1]! - data[up + nextRow]!);
    const near = a + v * (b - a);
    out[to + i] = near + w * (c + v * (d - c) - near);
  }
}

/** The part of a row in the outer half voxel, where the outermost value holds. */
function edgeOfRow(volume: Volume, row: Row, out: Float32Array, to: number, begin: number, end: number): void {
  for (let i = begin; i < end; i++) {
    out[to + i] = trilinearAt(volume, row.x + i * row.dx, row.y + i * row.dy, row.z + i * row.dz);
  }
}

/** Value at a source index (fractions); beyond the outermost centres the outermost value. */
export function trilinearAt({ data, shape }: Volume, x: number, y: number, z: number): number {
  const [nx, ny, nz] = shape;
  const cx = min(nx - 1, max(0, x));
  const cy = min(ny - 1, max(0, y));
  const cz = min(nz - 1, max(0, z));
  const ix = min(floor(cx), max(0, nx - 2));
  const iy = min(floor(cy), max(0, ny - 2));
  const iz = min(floor(cz), max(0, nz - 2));
  const u = cx - ix;
  const v = cy - iy;
  const w = cz - iz;
  const right = nx > 1 ? 1 : 0;
  const down = ny > 1 ? nx : 0;
  const up = nz > 1 ? nx * ny : 0;
  const at = ix + nx * (iy + ny * iz);
  const near = mix(mix(data[at]!, data[at + right]!, u), mix(data[at + down]!, data[at + down + right]!, u), v);
  const far = at + up;
  return mix(
    near,
    mix(mix(data[far]!, data[far + right]!, u), mix(data[far + down]!, data[far + down + right]!, u), v),
    w,
  );
}

function mix(a: number, b: number, share: number): number {
  return a * (1 - share) + b * share;
}
