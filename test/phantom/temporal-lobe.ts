import type { SideParameters, TissueSignals } from './anatomy-parameters.ts';
import type { HippocampusPoint } from './hippocampus.ts';
import { coverage, ellipsoid, makeRod, rod, step } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, max, sin } = Math;

const COLLATERAL = makeRod([33, 0, -42], [29, 0, -29], 1.0, 0.6);

function blend(value: number, tone: number, distance: number, width: number): number {
  return distance < width ? value + (tone - value) * coverage(distance, width) : value;
}

/**
 * The hippocampus and what it touches, painted over `value`: amygdala in front, temporal horn above and outside,
 * fimbria and alveus on top, ambient cistern inside, subiculum, parahippocampal gyrus and collateral sulcus below.
 * `ax` is the distance from the midline.
 */
export function temporalSignal(
  side: SideParameters,
  s: TissueSignals,
  ax: number,
  y: number,
  z: number,
  h: HippocampusPoint,
  width: number,
  value: number,
): number {
  let out = blend(value, s.csf, ellipsoid(ax - 17, y - 25, z + 6, 6, 15, 2.6), width);
  const shell = h.distance;
  if (shell > 18) return out;
  const reach = abs(y - 20) - 24;
  const sulcus = rod(ax - side.collateral, 0, z, COLLATERAL);
  out = blend(out, s.grey, max(sulcus - 2.6, reach), width);
  out = blend(out, s.csf, max(sulcus, reach + 1), width);
  const size = side.amygdala[2];
  const nucleus = ellipsoid(ax - 22.5, y - side.amygdala[0], z - side.amygdala[1], 8.5 * size, 8.5 * size, 8 * size);
  out = blend(out, s.amygdala, nucleus, width);
  if (shell > 8) return out;
  // From the choroidal fissure down to the subiculum nothing but CSF lies between the body and the brain stem.
  const inward = max(0, 0.35 * h.up - 0.95 * h.lateral - 0.3) * step(h.t, 0.16, 0.05);
  out = blend(out, s.csf, shell - 11 * inward, width);
  const lower = h.lateral < 0 ? max(0, -h.up) : 0;
  out = blend(out, s.grey, max(shell - side.subiculum * lower, 0.2 - lower), width);
  // The horn is a crescent over the lateral and upper face, wider over the head, absent at its very tip.
  const outward = max(0, 1.01 * h.lateral + 0.89 * h.up - 0.35);
  const horn = side.horn * outward * (1 + 1.2 * max(0, 0.25 - h.t)) * step(h.t, 0.015, 0.01);
  out = blend(out, s.csf, shell - horn, width);
  const crest = max(0, 0.9 * h.up - 0.5 * h.lateral - 0.45) * step(h.t, 0.3, 0.05);
  out = blend(out, s.white, shell - side.fimbria * 2 * crest, width);
  out = blend(out, s.white, shell - 0.35 * max(0, h.up + 0.4), width);
  return blend(out, s.hippocampus * (1 + 0.025 * sin(5 * h.level + 9 * h.t)), shell, width);
}
