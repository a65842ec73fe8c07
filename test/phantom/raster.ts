import type { Grid, LabelVolume, Vec3, Volume } from '../../src/domain/geometry.ts';
import type { HeadModel } from './head.ts';
import { randomStream } from './random.ts';
import { coverage } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, ceil, cos, floor, hypot, max, min, round, sqrt } = Math;

/** Value of white matter in a rendered volume. */
export const WHITE_MATTER = 600;

/** Finest and coarsest distance between samples, mm: fine around the hippocampi. */
const FINE = 0.4;
const COARSE = 1.1;
/** Along one axis of a voxel; thicker voxels get wider samples. */
const MOST_SAMPLES = 5;
/** Within this distance of a hippocampal surface, template mm, samples are fine. */
const FINE_SHELL = 2.5;

/**
 * Renders a head on any grid, oblique ones too.
 *
 * @returns intensities (white matter about 600, before bias) and labels by voxel centre: 1 left anterior,
 *   2 left posterior, 3 right anterior, 4 right posterior, 5 the rest of the intracranial space, 0 outside.
 */
export function renderHead(head: HeadModel, grid: Grid): { volume: Volume; labels: LabelVolume } {
  const [ni, nj, nk] = grid.shape;
  const data = new Float32Array(ni * nj * nk);
  const labels = new Uint8Array(data.length);
  const m = gridToTemplate(head, grid);
  const { field } = head;
  const pitch = hypot(m[0]!, m[4]!, m[8]!);
  // Further from the skin than this, no sample of a voxel can be inside it.
  const clear = 1 + max(...[0, 1, 2].map((axis) => hypot(m[axis]!, m[4 + axis]!, m[8 + axis]!)));
  const fine = samplingOf(m, FINE * head.templateScale);
  const coarse = samplingOf(m, COARSE * head.templateScale);
  let at = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      let skip = 0;
      let deep = false;
      for (let i = 0; i < ni; i += 1, at += 1) {
        if (skip > 0) {
          skip -= 1;
          data[at] = head.signals.air;
          continue;
        }
        const x = m[0]! * i + m[1]! * j + m[2]! * k + m[3]!;
        const y = m[4]! * i + m[5]! * j + m[6]! * k + m[7]!;
        const z = m[8]! * i + m[9]! * j + m[10]! * k + m[11]!;
        // Deep inside the skull the next voxel cannot be outside the skin.
        const toSkin = deep ? 0 : field.skinDistance(x, y, z);
        if (toSkin > clear) {
          // The bound is loose far away; a third of it is always safe to walk.
          skip = max(0, floor(toSkin / 3 / pitch) - 1);
          data[at] = head.signals.air;
          continue;
        }
        field.moveTo(x, y, z);
        labels[at] = field.label();
        deep = field.intracranialDistance() < -2 * pitch;
        const near = field.hippocampusDistance();
        data[at] =
          near > -FINE_SHELL && near < FINE_SHELL ? sampled(head, fine, x, y, z) : sampled(head, coarse, x, y, z);
      }
    }
  }
  degrade(head, grid, data);
  return { volume: { ...grid, data }, labels: { ...grid, data: labels } };
}

/** Where the samples of one voxel lie around its centre (template mm), and how wide each is. */
interface Sampling {
  readonly offsets: Float64Array;
  readonly width: number;
}

function samplingOf(m: Float64Array, finest: number): Sampling {
  const sizes = [0, 1, 2].map((axis) => hypot(m[axis]!, m[4 + axis]!, m[8 + axis]!));
  const counts = sizes.map((size) => min(MOST_SAMPLES, max(1, ceil(size / finest - 1e-6))));
  const [a, b, c] = counts as [number, number, number];
  const offsets: number[] = [];
  for (let k = 0; k < c; k += 1) {
    for (let j = 0; j < b; j += 1) {
      for (let i = 0; i < a; i += 1) {
        const u = (i + 0.5) / a - 0.5;
        const v = (j + 0.5) / b - 0.5;
        const w = (k + 0.5) / c - 0.5;
        for (const row of [0, 4, 8]) offsets.push(m[row]! * u + m[row + 1]! * v + m[row + 2]! * w);
      }
    }
  }
  return { offsets: Float64Array.from(offsets), width: max(...sizes.map((size, axis) => size / counts[axis]!)) };
}

function sampled(head: HeadModel, sampling: Sampling, x: number, y: number, z: number): number {
  const { offsets, width } = sampling;
  const { field } = head;
  if (offsets.length === 3) return field.signal(width);
  let sum = 0;
  for (let n = 0; n < offsets.length; n += 3) {
    field.moveTo(x + offsets[n]!, y + offsets[n + 1]!, z + offsets[n + 2]!);
    sum += field.signal(width);
  }
  return (3 * sum) / offsets.length;
}

function gridToTemplate(head: HeadModel, grid: Grid): Float64Array {
  const t = head.toTemplate;
  const g = grid.affine;
  const out = new Float64Array(12);
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      let sum = column === 3 ? t[4 * row + 3]! : 0;
      for (let n = 0; n < 3; n += 1) sum += t[4 * row + n]! * g[4 * n + column]!;
      out[4 * row + column] = sum;
    }
  }
  return out;
}

/** Lesion, bias field, ghost and noise, in this order; then the scale of a scanner. */
function degrade(head: HeadModel, grid: Grid, data: Float32Array): void {
  if (head.lesion) paintLesion(head, grid, data);
  multiplyBias(head, grid, data);
  if (head.ghosting > 0) addGhost(head.ghosting, grid.shape, data);
  addRicianNoise(head, data);
  for (let n = 0; n < data.length; n += 1) data[n]! *= WHITE_MATTER;
}

function paintLesion(head: HeadModel, grid: Grid, data: Float32Array): void {
  const { centre, radiusMm, signal } = head.lesion!;
  forEachVoxel(grid, (x, y, z, at) => {
    const distance = hypot(x - centre[0], y - centre[1], z - centre[2]) - radiusMm;
    if (distance < 1) data[at]! += (signal - data[at]!) * coverage(distance, 1);
  });
}

/** A smooth field from products of slow cosines along the patient's axes, so that it turns with nothing but the patient. */
function multiplyBias(head: HeadModel, grid: Grid, data: Float32Array): void {
  if (head.bias === 0) return;
  const random = randomStream(head.seed, 'bias');
  const waves = [0, 1, 2].map(() => ({
    direction: [random.normal(), random.normal(), random.normal()] as const,
    phase: random.between(0, 6.28),
  }));
  const table = new Float64Array(4096);
  for (let n = 0; n < table.length; n += 1) table[n] = cos((n * 2 * Math.PI) / table.length);
  const rate = (0.012 * 4096) / (2 * Math.PI);
  const [p, q, r] = waves as [(typeof waves)[0], (typeof waves)[0], (typeof waves)[0]];
  const wave = (w: (typeof waves)[0], x: number, y: number, z: number): number =>
    table[
      ((w.direction[0] * x + w.direction[1] * y + w.direction[2] * z + 400) * rate + w.phase * 652 + 409600) & 4095
    ]!;
  const strength = head.bias / 3;
  forEachVoxel(grid, (x, y, z, at) => {
    data[at]! *= 1 + strength * (wave(p, x, y, z) + wave(q, x, y, z) + wave(r, x, y, z));
  });
}

function forEachVoxel(grid: Grid, visit: (x: number, y: number, z: number, at: number) => void): void {
  const [ni, nj, nk] = grid.shape;
  const m = grid.affine;
  let at = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const x = m[1] * j + m[2] * k + m[3];
      const y = m[5] * j + m[6] * k + m[7];
      const z = m[9] * j + m[10] * k + m[11];
      for (let i = 0; i < ni; i += 1, at += 1) visit(x + m[0] * i, y + m[4] * i, z + m[8] * i, at);
    }
  }
}

/** Copies of the head moved along the phase direction (the second axis), as periodic motion leaves them. */
function addGhost(strength: number, shape: Vec3, data: Float32Array): void {
  const [ni, nj, nk] = shape;
  const plane = new Float32Array(ni * nj);
  const shifts = [round(nj * 0.12), round(nj * 0.31), round(nj * 0.5)];
  for (let k = 0; k < nk; k += 1) {
    const base = k * ni * nj;
    plane.set(data.subarray(base, base + ni * nj));
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        let sum = 0;
        for (const shift of shifts) {
          sum += plane[i + ni * ((j + shift) % nj)]! - plane[i + ni * ((j + nj - shift) % nj)]! * 0.4;
        }
        data[base + i + ni * j] = abs(data[base + i + ni * j]! + strength * sum);
      }
    }
  }
}

/** Magnitude of a complex signal with equal normal noise in both channels. */
function addRicianNoise(head: HeadModel, data: Float32Array): void {
  if (head.noise === 0) return;
  const random = randomStream(head.seed, 'noise');
  const normals = new Float64Array(65536);
  for (let n = 0; n < normals.length; n += 1) normals[n] = random.normal() * head.noise;
  for (let n = 0; n < data.length; n += 1) {
    const bits = random.bits();
    const real = data[n]! + normals[bits & 0xffff]!;
    const imaginary = normals[bits >>> 16]!;
    data[n] = sqrt(real * real + imaginary * imaginary);
  }
}
