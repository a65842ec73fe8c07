import type { AnatomyParameters } from './anatomy-parameters.ts';
import { ellipsoid, join, makeRod, meet, rod, step } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, max, sin } = Math;

/** Distances to the large surfaces, template mm, negative inside. */
export interface Envelope {
  /** Inner table of the skull. */
  intracranial: number;
  cerebrum: number;
  cerebellum: number;
  stem: number;
}

const STEM = makeRod([0, 24, 2], [0, 34, -74], 14.5, 5.5);
const PEDUNCLE = makeRod([10, 17, 2], [6.5, 17, -20], 7.5, 7.5);
const NECK = makeRod([0, 40, -30], [0, 52, -220], 60, 56);
const FAR = 99;
const NOSE = makeRod([0, -88, -32], [0, -104, -62], 5, 11);

/**
 * The underside of the brain: high over the sphenoid and the brain stem, lower over the orbits, at the temporal stem
 * and along the tentorium, which is a tent with its ridge in the midline.
 */
function baseHeight(ax: number, y: number): number {
  const back = step(y, 40, 6);
  const beside = step(ax, 21, 3.5) * step(y, -8, 4);
  return -6 - 11 * step(-y, 18, 4) - 12 * max(back, beside) + 11 * back * step(-ax, -13, 5);
}

export function envelopeAt(p: AnatomyParameters, x: number, y: number, z: number, out: Envelope): void {
  const ax = abs(x);
  const wave = 1.2 * sin(0.07 * x + 0.09 * y + p.phases[0]) * sin(0.08 * z + p.phases[1]);
  // The left occipital and the right frontal lobe reach further; nothing jumps at the midline.
  const twist = p.torque * sin(0.025 * x) * sin(0.02 * (y - 14));
  const vault = ellipsoid(x, y - 14, z - 13, p.cranium[0], p.cranium[1], p.cranium[2]) - wave - twist;
  const under = baseHeight(ax, y) - z;
  // The temporal lobe rises backwards, as the petrous bone and the tentorium do.
  const lift = z + 20 - 0.22 * (y - 8);
  // Far surfaces are not measured: beyond the reach of a fillet they change nothing.
  const lobe =
    lift < p.temporal[2] + 14
      ? ellipsoid(ax - 39, y - 8, lift, p.temporal[0], p.temporal[1], p.temporal[2]) - 0.5 * wave
      : FAR;
  const cerebrum = join(meet(vault + p.gap, under + 1.5, 6), lobe + p.gap * 0.6 + 0.5, 6);
  out.cerebrum = cerebrum;
  out.cerebellum = FAR;
  out.stem = FAR;
  const upper = join(meet(vault, under - 2, 10), lobe, 8);
  out.intracranial = upper;
  if (z > 14) return;
  const pons = ellipsoid(x, y - 19, z + 28, 18, 13, 13);
  out.stem = join(join(rod(x, y, z, STEM), pons, 6), rod(ax, y, z, PEDUNCLE), 4);
  const cerebellum = y > 8 ? cerebellumDistance(x, y, z) : FAR;
  out.cerebellum = max(cerebellum, 1.2 + 0.25 * p.gap - cerebrum);
  // It ends at the foramen magnum; the stem goes on as the cord.
  const fossa = meet(join(cerebellum - 2 - 0.6 * p.gap, out.stem - 3.5, 12), -62 - z, 4);
  out.intracranial = join(join(upper, fossa, 6), ellipsoid(x, y - 12, z + 10, 17, 17, 11), 6);
}

function cerebellumDistance(x: number, y: number, z: number): number {
  const halves = ellipsoid(abs(x) - 22, y - 61, z + 33, 31, 28, 29);
  return join(halves, ellipsoid(x, y - 58, z + 28, 15, 21, 25), 8);
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
