import { NeuroInsightError } from '../domain/errors.ts';
import { HippocampusLabel, type LabelVolume, type Laterality, type Vec3, type Volume } from '../domain/geometry.ts';
import { applyAffine, boundsOf } from '../imaging/affine.ts';
import { extentOfLabels, type LabelExtent } from '../imaging/quality-labels.ts';

/** One hippocampus cut out of the label volume, as numbers that can be looked up between voxels. */
export interface SideField {
  /** 1 inside the hippocampus, 0 outside; two voxels of air on every face. */
  readonly whole: Volume;
  /** 1 in the anterior part, -1 in the posterior one, 0 outside. */
  readonly parts: Volume;
  /** Mean of its voxel centres, LPS mm. */
  readonly centroid: Vec3;
  /** Box around it, LPS mm. */
  readonly low: Vec3;
  readonly high: Vec3;
}

const MARGIN = 2;

/**
 * Cuts both sides out of a label volume of any orientation; a side without voxels is absent.
 *
 * @throws no-hippocampus when both are.
 */
export function sideFieldsOf(labels: LabelVolume): Partial<Record<Laterality, SideField>> {
  const extents = extentOfLabels(labels);
  const left = sideField(labels, extents.left, HippocampusLabel.leftAnterior, HippocampusLabel.leftPosterior);
  const right = sideField(labels, extents.right, HippocampusLabel.rightAnterior, HippocampusLabel.rightPosterior);
  if (!left && !right) throw new NeuroInsightError('no-hippocampus', 'there is no hippocampus to draw');
  return { ...(left ? { left } : {}), ...(right ? { right } : {}) };
}

function sideField(labels: LabelVolume, box: LabelExtent, anterior: number, posterior: number): SideField | undefined {
  if (box.voxels === 0) return undefined;
  const origin = box.low.map((index) => index - MARGIN) as unknown as Vec3;
  const shape = box.low.map((index, axis) => box.high[axis]! - index + 1 + 2 * MARGIN) as unknown as Vec3;
  const [x, y, z] = applyAffine(labels.affine, origin);
  const [a, b, c, , d, e, f, , g, h, i] = labels.affine;
  const affine = [a, b, c, x, d, e, f, y, g, h, i, z] as const;
  const whole = new Float32Array(shape[0] * shape[1] * shape[2]);
  const parts = new Float32Array(whole.length);
  forEachVoxel(labels, box, (index, value) => {
    if (value !== anterior && value !== posterior) return;
    const [u, v, w] = [index[0] - origin[0], index[1] - origin[1], index[2] - origin[2]];
    const at = u + shape[0] * (v + shape[1] * w);
    whole[at] = 1;
    parts[at] = value === anterior ? 1 : -1;
  });
  const tight = boundsOf({
    shape: shape.map((n) => n - 2 * MARGIN) as unknown as Vec3,
    affine: shifted(labels, box.low),
  });
  return {
    whole: { shape, affine, data: whole },
    parts: { shape, affine, data: parts },
    centroid: box.centre,
    ...tight,
  };
}

function shifted({ affine }: LabelVolume, low: Vec3): LabelVolume['affine'] {
  const [x, y, z] = applyAffine(affine, low);
  const [a, b, c, , d, e, f, , g, h, i] = affine;
  return [a, b, c, x, d, e, f, y, g, h, i, z];
}

/** Visits the labelled voxels of a box; the index is reused from call to call. */
function forEachVoxel(
  { data, shape }: LabelVolume,
  { low, high }: { readonly low: Vec3; readonly high: Vec3 },
  visit: (index: Vec3, value: number) => void,
): void {
  const index: [number, number, number] = [0, 0, 0];
  for (let k = low[2]; k <= high[2]; k++) {
    for (let j = low[1]; j <= high[1]; j++) {
      const row = shape[0] * (j + shape[1] * k);
      for (let i = low[0]; i <= high[0]; i++) {
        const value = data[row + i]!;
        if (value === HippocampusLabel.background) continue;
        index[0] = i;
        index[1] = j;
        index[2] = k;
        visit(index, value);
      }
    }
  }
}
