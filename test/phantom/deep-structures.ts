import type { AnatomyParameters, TissueSignals } from './anatomy-parameters.ts';
import { coverage, ellipsoid, join, makeRod, meet, type Rod, rod } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, max, min } = Math;

/** The lateral ventricle of one side as rods, and how far it is widened. */
export interface LateralVentricle {
  readonly width: number;
  readonly caudate: Rod;
  readonly frontal: Rod;
  readonly body: Rod;
  readonly atrium: Rod;
  readonly occipital: Rod;
  readonly inferior: Rod;
}

export interface Ventricles {
  readonly left: LateralVentricle;
  readonly right: LateralVentricle;
}

export function ventriclesOf(p: AnatomyParameters): Ventricles {
  const side = (v: number): LateralVentricle => ({
    width: v,
    caudate: makeRod([13 + v, -17, 4], [16 + v, 22, 23], 5.5, 2.5),
    frontal: makeRod([8 + v, -24, 9], [8, 4, 18], 3.2 * v, 3.6 * v),
    body: makeRod([8, 4, 18], [19, 40, 14], 3.6 * v, 4 * v),
    atrium: makeRod([19, 40, 14], [28, 48, 4], 4 * v, 4.2 * v),
    occipital: makeRod([27, 50, 4], [24, 70, 3], 3.4 * v, 0.8),
    inferior: makeRod([28, 47, 3], [33, 34, -5], 3.4 * v, 1.4 * v),
  });
  return { left: side(p.ventricles * (1 + 0.05 * p.torque)), right: side(p.ventricles * (1 - 0.05 * p.torque)) };
}

function blend(value: number, tone: number, distance: number, width: number): number {
  return distance < width ? value + (tone - value) * coverage(distance, width) : value;
}

/** Thalamus, basal ganglia and ventricles painted over `value`. */
export function deepSignal(
  ventricles: Ventricles,
  s: TissueSignals,
  x: number,
  y: number,
  z: number,
  width: number,
  value: number,
): number {
  const ax = abs(x);
  if (ax > 40 || y < -40 || y > 76 || z > 36 || z < -44) return value;
  const side = x > 0 ? ventricles.left : ventricles.right;
  let out = value;
  if (y < 40 && z > -16) {
    out = blend(out, s.pallidum, ellipsoid(ax - 20, y - 4, z - 1, 4.5, 10, 6.5), width);
    out = blend(out, s.striatum, meet(ellipsoid(ax - 27, y - 2, z - 1, 5.5, 17, 10), ax - 31.5, 2), width);
    out = blend(out, s.thalamus, ellipsoid(ax - 10.5, y - 18, z - 7, 9.5, 14.5, 9), width);
    out = blend(out, s.striatum, rod(ax, y, z, side.caudate), width);
  }
  if (z > -14) {
    const front = join(rod(ax, y, z, side.frontal), rod(ax, y, z, side.body), 3);
    const back = min(rod(ax, y, z, side.occipital), rod(ax, y, z, side.inferior));
    const lateral = join(join(front, rod(ax, y, z, side.atrium), 3), back, 3);
    out = blend(out, s.csf, max(lateral, 0.9 - ax), width);
  }
  out = blend(out, s.csf, max(ax - 1.1 * side.width, ellipsoid(0, y - 15, z + 1, 3, 15, 11)), width);
  return blend(out, s.csf, ellipsoid(x, y - 42, z + 32, 4 * side.width, 5, 8), width);
}
