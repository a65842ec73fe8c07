import type { Affine, Grid, LabelVolume, Vec3, Volume } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import type { Segmentation, SideProbabilities } from '../domain/segmentation.ts';
import {
  applyAffine,
  boundsOf,
  invertAffine,
  multiplyAffine,
  voxelCountOf,
  voxelSizeOf,
  voxelVolumeOf,
} from './affine.ts';
import { dilateMask, largestComponent } from './components.ts';
import { sampleTrilinearly, trilinearAt } from './trilinear.ts';

const { abs, ceil, floor, log, max, min, round } = Math;

/** How far beyond the largest component probabilities still count: the surface lies between two voxels. */
const MARGIN_VOXELS = 2;
/** Levels are cut off here, alike on both sides of the surface. */
const LEVEL_LIMIT = 4;
/** Levels are told apart to a thousandth: finer differences are rounding and may depend on the axis order. */
const LEVELS_PER_UNIT = 1000;
/** A source voxel longer than this (mm, on a 1 mm model grid) is decided by several samples along that axis. */
const COARSE_MM = 1.05;

/**
 * Carries a segmentation from the model grid to the source grid. Only the largest component of each side counts
 * (26-connected, at the segmentation's threshold). The surface is chosen so that the volume on the source grid is
 * that of the component on the model grid, to about one voxel: cutting at the threshold itself would lose a few per
 * cent of every convex body, more on a coarser grid. A voxel is anterior where the anterior probability is at least
 * the posterior one. Where both sides claim a voxel, the one with the greater probability gets it.
 *
 * @returns `HippocampusLabel` values on `grid`, i fastest.
 * @throws limit-exceeded, poor-geometry for a grid that cannot be one.
 */
export function toSourceSpace(segmentation: Segmentation, grid: Grid): LabelVolume {
  const data = new Uint8Array(voxelCountOf(grid.shape));
  const left = claimOf(segmentation.left, segmentation, grid);
  const right = claimOf(segmentation.right, segmentation, grid);
  const taken = new Map<number, number>();
  for (const { at, level, lead } of left) {
    taken.set(at, level);
    data[at] = lead >= 0 ? HippocampusLabel.leftAnterior : HippocampusLabel.leftPosterior;
  }
  for (const { at, level, lead } of right) {
    if ((taken.get(at) ?? Number.NEGATIVE_INFINITY) >= level) continue;
    data[at] = lead >= 0 ? HippocampusLabel.rightAnterior : HippocampusLabel.rightPosterior;
  }
  return { shape: grid.shape, affine: grid.affine, data };
}

/** A voxel of the source grid that one side wants. */
interface ClaimedVoxel {
  readonly at: number;
  readonly level: number;
  /** Anterior minus posterior probability. */
  readonly lead: number;
}

function claimOf(side: SideProbabilities, { threshold, modelGrid }: Segmentation, grid: Grid): ClaimedVoxel[] {
  const fields = sideFields(side, threshold, modelGrid.affine);
  if (!fields) return [];
  const box = sourceBox(fields.level, grid);
  const level = meanOverVoxels(fields.level, box);
  const wanted = volumeWithin(fields.level, fields.component, grid) / voxelVolumeOf(grid.affine);
  const cut = levelHolding(level, wanted);
  const toField = multiplyAffine(invertAffine(fields.lead.affine), box.affine);
  const claimed: ClaimedVoxel[] = [];
  const [ni, nj] = box.shape;
  for (let n = 0; n < level.length; n++) {
    if (rankOf(level[n]!) < cut) continue;
    const index: Vec3 = [n % ni, floor(n / ni) % nj, floor(n / (ni * nj))];
    const [i, j, k] = index;
    const at = box.low[0] + i + grid.shape[0] * (box.low[1] + j + grid.shape[1] * (box.low[2] + k));
    claimed.push({ at, level: level[n]!, lead: trilinearAt(fields.lead, ...applyAffine(toField, index)) });
  }
  return claimed;
}

/** One side around its largest component: `level` is 0 on the surface and positive inside. */
interface SideFields {
  readonly level: Volume;
  /** Anterior minus posterior probability. */
  readonly lead: Volume;
  /** 1 in the largest component. */
  readonly component: Uint8Array;
}

/**
 * The level is the log-odds of the probability less those of the threshold. Between two voxels it crosses 0 where
 * the probability, a sigmoid across the boundary, crosses the threshold; the probability itself, taken as a straight
 * line there, would shrink every hippocampus at a threshold above one half.
 */
function sideFields(side: SideProbabilities, threshold: number, modelAffine: Affine): SideFields | undefined {
  const { anterior, posterior } = side;
  const inside = new Uint8Array(anterior.length);
  for (let at = 0; at < inside.length; at++) if (anterior[at]! + posterior[at]! >= threshold) inside[at] = 1;
  const largest = largestComponent(inside, side.shape);
  if (!largest) return undefined;
  const { low, shape } = boxAround(largest.mask, side.shape);
  const size = shape[0] * shape[1] * shape[2];
  const level = new Float32Array(size);
  const lead = new Float32Array(size);
  const component = new Uint8Array(size);
  const limit = logOdds(threshold);
  forEachVoxel(shape, (to, i, j, k) => {
    const [x, y, z] = [low[0] + i, low[1] + j, low[2] + k];
    const beyond = x < 0 || y < 0 || z < 0 || x >= side.shape[0] || y >= side.shape[1] || z >= side.shape[2];
    const at = beyond ? -1 : x + side.shape[0] * (y + side.shape[1] * z);
    component[to] = largest.mask[at] ?? 0;
    // Beyond the crop nothing is hippocampus, nor is another component that lies near this one.
    if (beyond || (inside[at] === 1 && component[to] === 0)) {
      level[to] = -LEVEL_LIMIT;
      return;
    }
    const value = logOdds(min(1, anterior[at]! + posterior[at]!)) - limit;
    level[to] = max(-LEVEL_LIMIT, min(LEVEL_LIMIT, value));
    lead[to] = anterior[at]! - posterior[at]!;
  });
  const [x, y, z] = side.origin;
  const affine = multiplyAffine(modelAffine, [1, 0, 0, x + low[0], 0, 1, 0, y + low[1], 0, 0, 1, z + low[2]]);
  keepNear(level, component, shape);
  return { level: { shape, affine, data: level }, lead: { shape, affine, data: lead }, component };
}

/** Takes away what lies further than the margin from the component. */
function keepNear(level: Float32Array, component: Uint8Array, shape: Vec3): void {
  const near = dilateMask(component, shape, MARGIN_VOXELS);
  for (let at = 0; at < level.length; at++) if (near[at] === 0) level[at] = -LEVEL_LIMIT;
}

/** The box of a mask with the margin around it; it may leave the box of `shape`. */
function boxAround(mask: Uint8Array, shape: Vec3): { low: Vec3; shape: Vec3 } {
  const low: [number, number, number] = [...shape];
  const high: [number, number, number] = [0, 0, 0];
  forEachVoxel(shape, (at, ...index) => {
    if (mask[at] === 0) return;
    for (const axis of [0, 1, 2] as const) {
      if (index[axis] < low[axis]) low[axis] = index[axis];
      if (index[axis] > high[axis]) high[axis] = index[axis];
    }
  });
  const size = (axis: 0 | 1 | 2): number => high[axis] - low[axis] + 1 + 2 * MARGIN_VOXELS;
  return {
    low: [low[0] - MARGIN_VOXELS, low[1] - MARGIN_VOXELS, low[2] - MARGIN_VOXELS],
    shape: [size(0), size(1), size(2)],
  };
}

function forEachVoxel(shape: Vec3, visit: (at: number, i: number, j: number, k: number) => void): void {
  let at = 0;
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++) visit(at++, i, j, k);
    }
  }
}

function logOdds(probability: number): number {
  return log(probability / (1 - probability));
}

/** A box of voxels of the source grid, as a grid of its own. */
interface SourceBox extends Grid {
  /** Source index of its first voxel. */
  readonly low: Vec3;
}

/** The source voxels that can touch a crop. */
function sourceBox(crop: Grid, grid: Grid): SourceBox {
  const cropInSource = multiplyAffine(invertAffine(grid.affine), crop.affine);
  const bounds = boundsOf({ shape: crop.shape, affine: cropInSource });
  const clamp = (value: number, axis: number): number => max(0, min(grid.shape[axis]!, value));
  const low = [0, 1, 2].map((axis) => clamp(floor(bounds.low[axis]!), axis)) as unknown as Vec3;
  const shape = [0, 1, 2].map((axis) =>
    max(0, clamp(ceil(bounds.high[axis]!) + 1, axis) - low[axis]!),
  ) as unknown as Vec3;
  const affine = multiplyAffine(grid.affine, [1, 0, 0, low[0], 0, 1, 0, low[1], 0, 0, 1, low[2]]);
  return { low, shape, affine };
}

/** Mean level over each voxel of the box: one sample where voxels are small, several where they are not. */
function meanOverVoxels(level: Volume, box: SourceBox): Float32Array {
  const toLevel = multiplyAffine(invertAffine(level.affine), box.affine);
  const points = samplePoints(voxelSizeOf(box.affine));
  const mean = new Float32Array(box.shape[0] * box.shape[1] * box.shape[2]);
  for (const [i, j, k] of points) {
    const shifted = multiplyAffine(toLevel, [1, 0, 0, i, 0, 1, 0, j, 0, 0, 1, k]);
    const samples = sampleTrilinearly(level, box.shape, shifted, -LEVEL_LIMIT);
    for (let at = 0; at < mean.length; at++) mean[at]! += samples[at]! / points.length;
  }
  return mean;
}

/** Points of one voxel relative to its centre, in voxels, evenly spread. */
function samplePoints(sizes: Vec3): Vec3[] {
  const [is, js, ks] = sizes.map((mm) => {
    const count = mm <= COARSE_MM ? 1 : 1 + ceil(mm);
    return Array.from({ length: count }, (_, n) => (n + 0.5) / count - 0.5);
  }) as [number[], number[], number[]];
  return ks.flatMap((k) => js.flatMap((j) => is.map((i): Vec3 => [i, j, k])));
}

/** Volume of that part of a component which lies in the source, mm3: nothing can be painted elsewhere. */
function volumeWithin(field: Grid, component: Uint8Array, grid: Grid): number {
  const toSource = multiplyAffine(invertAffine(grid.affine), field.affine);
  const reach = [0, 1, 2].map(
    (row) => (abs(toSource[4 * row]!) + abs(toSource[4 * row + 1]!) + abs(toSource[4 * row + 2]!)) / 2,
  );
  let count = 0;
  forEachVoxel(field.shape, (at, ...index) => {
    if (component[at] === 0) return;
    let share = 1;
    applyAffine(toSource, index).forEach((centre, axis) => {
      const half = reach[axis]!;
      const covered = min(centre + half, grid.shape[axis]! - 0.5) - max(centre - half, -0.5);
      share *= max(0, covered) / (2 * half);
    });
    count += share;
  });
  return count * voxelVolumeOf(field.affine);
}

const RANKS = 2 * LEVEL_LIMIT * LEVELS_PER_UNIT;

function rankOf(level: number): number {
  return round((level + LEVEL_LIMIT) * LEVELS_PER_UNIT);
}

/** The rank at and above which the number of voxels is nearest to `wanted`; voxels at the lowest level never count. */
function levelHolding(levels: Float32Array, wanted: number): number {
  const counts = new Uint32Array(RANKS + 1);
  for (let at = 0; at < levels.length; at++) counts[rankOf(levels[at]!)]!++;
  let held = 0;
  for (let rank = RANKS; rank > 0; rank--) {
    const more = held + counts[rank]!;
    if (more >= wanted) return more - wanted <= wanted - held ? rank : rank + 1;
    held = more;
  }
  return 1;
}
