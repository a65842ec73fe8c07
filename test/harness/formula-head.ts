import { readFileSync } from 'node:fs';
import type { Vec3, Volume } from '../../src/domain/geometry.ts';
import type { Inference, StageName, Tensor } from '../../src/segmentation/inference.ts';
import { type ModelCard, parseModelCard } from '../../src/segmentation/model-card.ts';

/** Folder of the model that ships with the repository. */
export const MODEL_FOLDER = new URL('../../config/models/hippocampus/', import.meta.url);

/** RAS extent of the small head, voxels of 1 mm. */
export const FORMULA_SHAPE: Vec3 = [96, 112, 96];

export interface Ellipsoid {
  /** RAS voxel and half axes. */
  readonly centre: Vec3;
  readonly half: Vec3;
}

export const FORMULA_HIPPOCAMPI: Readonly<Record<'left' | 'right', Ellipsoid>> = {
  left: { centre: [24, 52, 44], half: [6, 14, 6] },
  right: { centre: [71, 54, 43], half: [6, 12, 5] },
};

/** Signal at a RAS voxel of the small head of test/golden/segmentation_arithmetic.py. */
export function formulaSignal([x, y, z]: Vec3, hippocampi: readonly Ellipsoid[]): number {
  const level = ({ centre, half }: Ellipsoid): number =>
    ((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 + ((z - centre[2]) / half[2]) ** 2;
  const texture = (x * 73 + y * 151 + z * 283) % 17;
  if (hippocampi.some((one) => level(one) <= 1)) return 190 + texture;
  const brain = level({ centre: [47, 55, 50], half: [40, 48, 40] });
  if (brain <= 1) return 92 + texture;
  return brain > 1.1 && brain <= 1.25 ? 60 + texture : 7 + (texture % 5);
}

/** The small head in model space (LPS). Where its first voxel lies is odd on purpose. */
export function formulaHead(hippocampi: readonly Ellipsoid[] = Object.values(FORMULA_HIPPOCAMPI)): Volume {
  const [nx, ny, nz] = FORMULA_SHAPE;
  const data = new Float32Array(nx * ny * nz);
  let at = 0;
  for (let k = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++) data[at++] = formulaSignal([nx - 1 - i, ny - 1 - j, k], hippocampi);
    }
  }
  return { shape: FORMULA_SHAPE, affine: [1, 0, 0, -31.5, 0, 1, 0, -70, 0, 0, 1, 12.25], data };
}

/** What src/training/pipeline.py made of the small head, and the card it followed. */
export const FORMULA_GOLDEN = new URL('../golden/segmentation-arithmetic.json', import.meta.url);

/** The card of the golden file: its coarse grid fits the small head. */
export function formulaCard(): ModelCard {
  const { card } = JSON.parse(readFileSync(FORMULA_GOLDEN, 'utf8')) as { card: unknown };
  return parseModelCard(JSON.stringify(card));
}

const clip = (value: number): number => (value > 1 ? 1 : value > 0 ? value : 0);

/** Both networks as formulas of the brightness, the same as in test/golden/segmentation_arithmetic.py. */
export const formulaInference: Inference = {
  async run(stage: StageName, { dims, data }: Tensor): Promise<Tensor> {
    const [, , nx, ny, nz] = dims as [number, number, number, number, number];
    const out = new Float32Array(3 * data.length);
    let at = 0;
    for (let x = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        for (let z = 0; z < nz; z++, at++) {
          const whole = stage === 'coarse' ? brightness(data[at]!) : fineWhole(data[at]!, x / (nx - 1));
          const first = stage === 'coarse' ? whole : (whole * y) / (ny - 1);
          const second = stage === 'coarse' ? clip((data[at]! - 0.6) / 0.6) * (1 - whole) : whole - first;
          out[at] = 1 - first - second;
          out[at + data.length] = first;
          out[at + 2 * data.length] = second;
        }
      }
    }
    return { dims: [1, 3, nx, ny, nz], data: out };
  },
  async close() {},
};

function brightness(value: number): number {
  return clip((value - 2.2) / 0.8);
}

function fineWhole(value: number, lateral: number): number {
  return clip((value - 1) / 1.2) * (0.9 + 0.1 * lateral);
}
