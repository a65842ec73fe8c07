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
import { sampleTrilinearly } from './trilinear.ts';

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
  const level = meanOverVoxels(fields.level, box, -LEVEL_LIMIT);
  const lead = meanOverVoxels(fields.lead, box, 0);
  const wanted = volumeWithin(fields.level, fields.component, grid) / voxelVolumeOf(grid.affine);
  const cut = levelHolding(level, wanted);
  const claimed: ClaimedVoxel[] = [];
  const [ni, nj] = box.shape;
  for (let n = 0; n < level.length; n++) {
    if (rankOf(level[n]!) < cut) continue;
    const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    const at = box.low[0] + i + grid.shape[0] * (box.low[1] + j + grid.shape[1] * (box.low[2] + k));
    claimed.push({ at, level: level[n]!, lead: lead[n]! });
  }
  return claimed;
}

/** One side on its crop: `level` is 0 on the surface and positive inside, `lead` is anterior minus posterior. */
interface SideFields {
  readonly level: Volume;
  readonly lead: Volume;
  readonly component: Uint8Array;
}

/**
 * The level is the log-odds of the probability less those of the threshold. Between two voxels it crosses 0 where
 * the probability, a sigmoid across the boundary, crosses the threshold; the probability itself, taken as a straight
 * line there, would shrink every hippocampus at a threshold above one half.
 */
function sideFields(side: SideProbabilities, threshold: number, modelAffine: Affine): SideFields | undefined {
  const { anterior, posterior, shape, origin } = side;
  const inside = new Uint8Array(anterior.length);
  for (let at = 0; at < inside.length; at++) if (anterior[at]! + posterior[at]! >= threshold) inside[at] = 1;
  const largest = largestComponent(inside, shape);
  if (!largest) return undefined;
  const near = dilateMask(largest.mask, shape, MARGIN_VOXELS);
  const level = new Float32Array(anterior.length).fill(-LEVEL_LIMIT);
  const lead = new Float32Array(anterior.length);
  const limit = logOdds(threshold);
  for (let at = 0; at < level.length; at++) {
    lead[at] = anterior[at]! - posterior[at]!;
    // Another component inside the margin stays out: it is not this hippocampus.
    if (near[at] === 0 || (inside[at] === 1 && largest.mask[at] === 0)) continue;
    const value = logOdds(Math.min(1, anterior[at]! + posterior[at]!)) - limit;
    level[at] = Math.max(-LEVEL_LIMIT, Math.min(LEVEL_LIMIT, value));
  }
  const affine = multiplyAffine(modelAffine, [1, 0, 0, origin[0], 0, 1, 0, origin[1], 0, 0, 1, origin[2]]);
  return { level: { shape, affine, data: level }, lead: { shape, affine, data: lead }, component: largest.mask };
}

function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
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
  const clamp = (value: number, axis: number): number => Math.max(0, Math.min(grid.shape[axis]!, value));
  const low = [0, 1, 2].map((axis) => clamp(Math.floor(bounds.low[axis]!), axis)) as unknown as Vec3;
  const shape = [0, 1, 2].map((axis) =>
    Math.max(0, clamp(Math.ceil(bounds.high[axis]!) + 1, axis) - low[axis]!),
  ) as unknown as Vec3;
  const affine = multiplyAffine(grid.affine, [1, 0, 0, low[0], 0, 1, 0, low[1], 0, 0, 1, low[2]]);
  return { low, shape, affine };
}

/** Mean of a field over each voxel of the box: one sample where voxels are small, several where they are not. */
function meanOverVoxels(field: Volume, box: SourceBox, outside: number): Float32Array {
  const toField = multiplyAffine(invertAffine(field.affine), box.affine);
  const points = samplePoints(voxelSizeOf(box.affine));
  const sum = new Float32Array(box.shape[0] * box.shape[1] * box.shape[2]);
  for (const [i, j, k] of points) {
    const shifted = multiplyAffine(toField, [1, 0, 0, i, 0, 1, 0, j, 0, 0, 1, k]);
    const samples = sampleTrilinearly(field, box.shape, shifted, outside);
    for (let at = 0; at < sum.length; at++) sum[at]! += samples[at]! / points.length;
  }
  return sum;
}

/** Points of one voxel relative to its centre, in voxels, evenly spread. */
function samplePoints(sizes: Vec3): Vec3[] {
  const [is, js, ks] = sizes.map((mm) => {
    const count = mm <= COARSE_MM ? 1 : 1 + Math.ceil(mm);
    return Array.from({ length: count }, (_, n) => (n + 0.5) / count - 0.5);
  }) as [number[], number[], number[]];
  return ks.flatMap((k) => js.flatMap((j) => is.map((i): Vec3 => [i, j, k])));
}

/** Volume of those voxels of a component whose centres lie in the source, mm3: no other place can be painted. */
function volumeWithin(field: Grid, component: Uint8Array, grid: Grid): number {
  const toSource = multiplyAffine(invertAffine(grid.affine), field.affine);
  const [ni, nj, nk] = field.shape;
  let count = 0;
  for (let k = 0, at = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, at++) {
        if (component[at] === 0) continue;
        const index = applyAffine(toSource, [i, j, k]);
        if (index.every((value, axis) => value >= -0.5 && value <= grid.shape[axis]! - 0.5)) count++;
      }
    }
  }
  return count * voxelVolumeOf(field.affine);
}

const RANKS = 2 * LEVEL_LIMIT * LEVELS_PER_UNIT;

function rankOf(level: number): number {
  return Math.round((level + LEVEL_LIMIT) * LEVELS_PER_UNIT);
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
