import type { Grid, Vec3 } from '../../src/domain/geometry.ts';
import type { Segmentation, SideProbabilities } from '../../src/domain/segmentation.ts';

const { sqrt } = Math;

/** An ellipsoid in the patient, LPS mm. */
export interface Ellipsoid {
  readonly centre: Vec3;
  readonly radii: Vec3;
}

/** Radii of the usual test hippocampus: 3 000 mm3. */
export const HIPPOCAMPUS_RADII: Vec3 = [7.5, 17, 5.617];

export const ellipsoidVolume = ({ radii }: Ellipsoid): number => (4 / 3) * Math.PI * radii[0] * radii[1] * radii[2];

const MODEL_GRID: Grid = {
  shape: [120, 110, 80],
  affine: [1, 0, 0, -60, 0, 1, 0, -55, 0, 0, 1, -40],
};
const CROP: Vec3 = [40, 56, 40];
const THRESHOLD = 0.7;

/**
 * What a segmenter would say about two ellipsoids: the probability crosses `threshold` on the surface and falls off
 * over about `softness` mm (0 gives certain voxels, one or nothing). The front half is anterior.
 */
export function segmentationOf(
  left: Ellipsoid,
  right: Ellipsoid,
  { softness = 0.5, threshold = THRESHOLD }: { softness?: number; threshold?: number } = {},
): Segmentation {
  const side = (ellipsoid: Ellipsoid): SideProbabilities => sideOf(ellipsoid, softness, threshold);
  const grid: Grid = { shape: [1, 1, 1], affine: MODEL_GRID.affine };
  return {
    model: { name: 'ellipsoids', version: '1', sha256: '0'.repeat(64) },
    threshold,
    modelGrid: MODEL_GRID,
    left: side(left),
    right: side(right),
    intracranial: { ...grid, probability: new Float32Array(1) },
    intracranialVolumeMm3: 1_500_000,
    diagnostics: {
      midlineX: 0,
      peakProbability: { left: 1, right: 1 },
      meanProbability: { left: 0.9, right: 0.9 },
      touchesCropEdge: { left: false, right: false },
      fragmentation: { left: 0, right: 0 },
    },
  };
}

function sideOf({ centre, radii }: Ellipsoid, softness: number, threshold: number): SideProbabilities {
  const { affine } = MODEL_GRID;
  const origin = CROP.map((size, axis) => Math.round(centre[axis]! - affine[4 * axis + 3]! - size / 2));
  const anterior = new Float32Array(CROP[0] * CROP[1] * CROP[2]);
  const posterior = new Float32Array(anterior.length);
  const surface = Math.log(threshold / (1 - threshold));
  const middle = centre.map((mm, axis) => mm - affine[4 * axis + 3]! - origin[axis]!);
  let at = 0;
  for (let k = 0; k < CROP[2]; k++) {
    for (let j = 0; j < CROP[1]; j++) {
      for (let i = 0; i < CROP[0]; i++, at++) {
        const distance = depthOf([i - middle[0]!, j - middle[1]!, k - middle[2]!], radii);
        const certain = distance >= 0 ? 1 : 0;
        const probability = softness === 0 ? certain : 1 / (1 + Math.exp(-(surface + distance / softness)));
        const front = j < middle[1]! ? 0.9 : 0.1;
        anterior[at] = probability * front;
        posterior[at] = probability * (1 - front);
      }
    }
  }
  return { origin: [origin[0]!, origin[1]!, origin[2]!], shape: CROP, anterior, posterior };
}

/** Distance to the surface, positive inside, mm; exact on the surface, good near it. */
function depthOf([x, y, z]: Vec3, [a, b, c]: Vec3): number {
  const f = sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2);
  const g = sqrt((x / (a * a)) ** 2 + (y / (b * b)) ** 2 + (z / (c * c)) ** 2);
  return g === 0 ? Math.min(a, b, c) : (f * (1 - f)) / g;
}
