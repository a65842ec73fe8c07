import type { AnatomyParameters } from './anatomy-parameters.ts';
import { ellipsoid, join, makeRod, meet, rod, step } from './shapes.ts';

/** Distances to the large surfaces, template mm, negative inside. */
export interface Envelope {
  /** Inner table of the skull. */
  intracranial: number;
  cerebrum: number;
  cerebellum: number;
  stem: number;
}

const STEM = makeRod([0, 23, 2], [0, 33, -70], 12.5, 6.5);
const PEDUNCLE = makeRod([9, 16, 0], [5, 19, -18], 7, 6);
const NECK = makeRod([0, 40, -30], [0, 52, -220], 60, 56);
const NOSE = makeRod([0, -88, -32], [0, -104, -62], 5, 11);

/** The underside of the brain: high over the sphenoid, lower over the orbits and along the tentorium. */
function baseHeight(y: number): number {
  return -4 - 13 * step(-y, 18, 4) - 12 * step(y, 42, 6);
}

export function envelopeAt(p: AnatomyParameters, x: number, y: number, z: number, out: Envelope): void {
  const ax = Math.abs(x);
  const wave = 1.2 * Math.sin(0.07 * x + 0.09 * y + p.phases[0]) * Math.sin(0.08 * z + p.phases[1]);
  // The left occipital and the right frontal lobe reach further; nothing jumps at the midline.
  const twist = p.torque * Math.sin(0.025 * x) * Math.sin(0.02 * (y - 14));
  const vault = ellipsoid(x, y - 14, z - 13, p.cranium[0], p.cranium[1], p.cranium[2]) - wave - twist;
  const base = baseHeight(y);
  const lobe = ellipsoid(ax - 39, y - 8, z + 19, p.temporal[0], p.temporal[1], p.temporal[2]) - 0.5 * wave;
  const fossa = ellipsoid(x, y - 50, z + 36, 54, 40, 32);
  const cistern = ellipsoid(x, y - 16, z + 12, 18, 18, 16);
  out.intracranial = join(join(join(meet(vault, base - 2 - z, 10), lobe, 8), fossa, 8), cistern, 6);
  const cerebrum = join(meet(vault + p.gap, base + 1.5 - z, 6), lobe + p.gap * 0.6 + 0.5, 6);
  out.cerebrum = cerebrum;
  out.cerebellum = 99;
  out.stem = 99;
  if (z > 8 || ax > 56) return;
  const halves = ellipsoid(ax - 23, y - 60, z + 36, 29, 28, 23);
  out.cerebellum = Math.max(join(halves, ellipsoid(x, y - 60, z + 36, 15, 22, 19), 8), 1.5 - cerebrum);
  const pons = ellipsoid(x, y - 19, z + 27, 16, 13, 14);
  out.stem = join(join(rod(x, y, z, STEM), pons, 6), rod(ax, y, z, PEDUNCLE), 4);
}

/** Roughly the distance to the skin of head, face, nose and neck, mm. */
export function skinDistance(p: AnatomyParameters, x: number, y: number, z: number): number {
  const thick = p.skull + p.scalp;
  const vault = ellipsoid(x, y - 14, z - 10, p.cranium[0] + thick, p.cranium[1] + thick, p.cranium[2] + thick + 3);
  if (z > 30) return vault;
  const face = ellipsoid(x, y + 28, z + 68, 60, 64, 76);
  const neck = rod(x, y, z, NECK);
  return join(join(join(vault, face, 20), neck, 20), rod(x, y, z, NOSE), 8);
}
