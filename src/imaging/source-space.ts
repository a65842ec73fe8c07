import type { Affine, Grid, LabelVolume, Vec3, Volume } from '../domain/geometry.ts';
import { HippocampusLabel } from '../domain/geometry.ts';
import type { Segmentation, SideProbabilities } from '../domain/segmentation.ts';
import { applyAffine, boundsOf, invertAffine, multiplyAffine, voxelCountOf, voxelSizeOf } from './affine.ts';
import { dilateMask, largestComponent } from './components.ts';
import { trilinearAt } from './trilinear.ts';

/** How far beyond the largest component probabilities still count: the surface lies between two voxels. */
const MARGIN_VOXELS = 2;
/** Levels are cut off here, alike on both sides of the surface. */
const LEVEL_LIMIT = 4;
/** A source voxel longer than this (mm, on a 1 mm model grid) is decided by several samples along that axis. */
const COARSE_MM = 1.05;

/**
 * Carries a segmentation from the model grid to the source grid. A source voxel belongs to a hippocampus where most
 * of it lies inside the surface at the segmentation's threshold; it is anterior where the anterior probability is at
 * least the posterior one. Only the largest component of each side counts. Where both sides claim a voxel, the one
 * with the greater probability gets it.
 *
 * @returns `HippocampusLabel` values on `grid`, i fastest.
 */
export function toSourceSpace(segmentation: Segmentation, grid: Grid): LabelVolume {
  const data = new Uint8Array(voxelCountOf(grid.shape));
  const claims = [
    { side: sideFields(segmentation.left, segmentation.threshold), anterior: HippocampusLabel.leftAnterior },
    { side: sideFields(segmentation.right, segmentation.threshold), anterior: HippocampusLabel.rightAnterior },
  ];
  const modelOfSource = multiplyAffine(invertAffine(segmentation.modelGrid.affine), grid.affine);
  const strength = new Map<number, number>();
  for (const { side, anterior } of claims) {
    if (!side) continue;
    paint(side, grid, segmentation.modelGrid.affine, modelOfSource, (at, level, lead) => {
      const rival = data[at] === 0 ? undefined : strength.get(at);
      if (rival !== undefined && rival >= level) return;
      strength.set(at, level);
      data[at] = lead >= 0 ? anterior : anterior + 1;
    });
  }
  return { shape: grid.shape, affine: grid.affine, data };
}

/** One side on its crop: `level` is 0 on the surface and positive inside, `lead` is anterior minus posterior. */
interface SideFields {
  readonly origin: Vec3;
  readonly level: Volume;
  readonly lead: Volume;
}

/**
 * The level is the log-odds of the probability less those of the threshold. Between two voxels it crosses 0 where
 * the probability, a sigmoid across the boundary, crosses the threshold; the probability itself, taken as a straight
 * line there, would shrink every hippocampus at a threshold above one half.
 */
function sideFields(side: SideProbabilities, threshold: number): SideFields | undefined {
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
    const value = logOdds(anterior[at]! + posterior[at]!) - limit;
    level[at] = Math.max(-LEVEL_LIMIT, Math.min(LEVEL_LIMIT, value));
  }
  const affine: Affine = [1, 0, 0, origin[0], 0, 1, 0, origin[1], 0, 0, 1, origin[2]];
  return { origin, level: { shape, affine, data: level }, lead: { shape, affine, data: lead } };
}

function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

type Claim = (at: number, level: number, lead: number) => void;

/** Calls `claim` for every source voxel of which most lies inside, with its mean level and mean lead. */
function paint(side: SideFields, grid: Grid, modelAffine: Affine, modelOfSource: Affine, claim: Claim): void {
  const samples = samplePoints(grid.affine, modelOfSource);
  const { low, high } = sourceBox(side, grid, modelAffine);
  const [x0, y0, z0] = side.origin;
  for (let k = low[2]; k <= high[2]; k++) {
    for (let j = low[1]; j <= high[1]; j++) {
      for (let i = low[0]; i <= high[0]; i++) {
        const [x, y, z] = applyAffine(modelOfSource, [i, j, k]);
        let inside = 0;
        let level = 0;
        let lead = 0;
        for (const [dx, dy, dz] of samples) {
          const value = levelAt(side.level, x - x0 + dx, y - y0 + dy, z - z0 + dz);
          level += value;
          if (value < 0) continue;
          inside++;
          lead += trilinearAt(side.lead, x - x0 + dx, y - y0 + dy, z - z0 + dz);
        }
        if (2 * inside > samples.length)
          claim(i + grid.shape[0] * (j + grid.shape[1] * k), level / samples.length, lead);
      }
    }
  }
}

/** Beyond the crop nothing is hippocampus. */
function levelAt(level: Volume, x: number, y: number, z: number): number {
  const [nx, ny, nz] = level.shape;
  const beyond = x < -0.5 || y < -0.5 || z < -0.5 || x > nx - 0.5 || y > ny - 0.5 || z > nz - 0.5;
  return beyond ? -LEVEL_LIMIT : trilinearAt(level, x, y, z);
}

/** Points of one source voxel relative to its centre, in model voxels; an odd number along each axis, so no ties. */
function samplePoints(source: Affine, modelOfSource: Affine): Vec3[] {
  const steps = voxelSizeOf(source).map((mm) => {
    const count = mm <= COARSE_MM ? 1 : 2 * Math.ceil(mm / 2) + 1;
    return Array.from({ length: count }, (_, n) => (n + 0.5) / count - 0.5);
  });
  const centre = applyAffine(modelOfSource, [0, 0, 0]);
  return steps[2]!.flatMap((k) =>
    steps[1]!.flatMap((j) =>
      steps[0]!.map((i): Vec3 => {
        const [x, y, z] = applyAffine(modelOfSource, [i, j, k]);
        return [x - centre[0], y - centre[1], z - centre[2]];
      }),
    ),
  );
}

/** Source voxels that can touch the crop. */
function sourceBox(side: SideFields, grid: Grid, modelAffine: Affine): { low: Vec3; high: Vec3 } {
  const cropInSource = multiplyAffine(multiplyAffine(invertAffine(grid.affine), modelAffine), side.level.affine);
  const { low, high } = boundsOf({ shape: side.level.shape, affine: cropInSource });
  const clamp = (value: number, axis: number): number => Math.max(-1, Math.min(grid.shape[axis]!, value));
  return {
    low: low.map((value, axis) => Math.max(0, clamp(Math.floor(value - 0.5), axis))) as unknown as Vec3,
    high: high.map((value, axis) =>
      Math.min(grid.shape[axis]! - 1, clamp(Math.ceil(value + 0.5), axis)),
    ) as unknown as Vec3,
  };
}
