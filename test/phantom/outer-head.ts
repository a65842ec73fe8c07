import type { AnatomyParameters, TissueSignals } from './anatomy-parameters.ts';
import { skinDistance } from './envelope.ts';
import { coverage, ellipsoid, makeRod, meet, rod } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, min, sin } = Math;

const OPTIC_NERVE = makeRod([30, -57, -31], [9, -26, -18], 2, 2.2);
const TURBINATE = makeRod([8, -78, -58], [8, -22, -58], 3, 3);
const PHARYNX = makeRod([0, -8, -60], [0, 2, -160], 9, 9);
const VERTEBRAE = makeRod([0, 18, -80], [0, 30, -220], 12, 12);
const CORD = makeRod([0, 32, -60], [0, 47, -220], 6.5, 6);

/** Skull, scalp, face and neck: everything outside the inner table. `fromBrain` is the distance to that table. */
export function outerSignal(
  p: AnatomyParameters,
  s: TissueSignals,
  x: number,
  y: number,
  z: number,
  fromBrain: number,
  width: number,
): number {
  // Skull: two dark tables around marrow; it thins at the base.
  const thickness = p.skull * (1 + 0.3 * sin(0.05 * x + 0.06 * y + p.phases[2])) * (z < -10 ? 0.8 : 1);
  const bone = coverage(fromBrain - thickness, width);
  const marrow = coverage(abs(fromBrain - thickness * 0.5) - thickness * 0.22, width);
  const skull = s.bone + (s.marrow - s.bone) * marrow;
  if (bone === 1 && z > 0) return skull;
  const skin = skinDistance(p, x, y, z);
  const head = coverage(skin, width);
  if (head === 0) return s.air;
  let value = softTissue(p, s, x, y, z, -skin, width);
  value += (skull - value) * bone;
  value = faceSignal(s, x, y, z, width, value);
  return s.air + (value - s.air) * head;
}

/** Skin over fat over muscle; vertebrae and cord in the neck. `depth` is below the skin, mm. */
function softTissue(
  p: AnatomyParameters,
  s: TissueSignals,
  x: number,
  y: number,
  z: number,
  depth: number,
  width: number,
): number {
  let value = s.muscle;
  if (z < 10) {
    const streaks = sin(0.21 * x + 2 * sin(0.13 * y + p.phases[0])) * sin(0.19 * z + 2 * sin(0.1 * x));
    if (streaks > 0.75) value += (s.fat - s.muscle) * (streaks - 0.75) * 3;
  }
  value += (s.fat - value) * coverage(depth - p.scalp * (0.95 + 0.25 * sin(0.06 * y + 0.05 * z)), width);
  value += (s.skin - value) * coverage(depth - 1.6, width);
  if (z > -56) return value;
  value += (s.marrow - value) * coverage(rod(x, y, z, VERTEBRAE), 3);
  return value + (s.stem * 0.9 - value) * coverage(rod(x, y, z, CORD), 2.5);
}

/** Orbits, eyes, optic nerves, nose, sinuses and pharynx. */
function faceSignal(s: TissueSignals, x: number, y: number, z: number, width: number, value: number): number {
  if (y > 14 || z > 0) return value;
  const ax = abs(x);
  let out = value;
  if (z > -56 && y < -20) {
    out += (s.fat * 0.85 - out) * coverage(ellipsoid(ax - 31, y + 60, z + 32, 18, 26, 16), width);
    out += (s.vitreous - out) * coverage(ellipsoid(ax - 31, y + 70, z + 32, 12, 12, 12), width);
    out += (s.white * 0.7 - out) * coverage(rod(ax, y, z, OPTIC_NERVE), width);
  }
  const cavity = meet(ellipsoid(ax - 6, y + 50, z + 55, 5, 34, 24), -rod(ax, y, z, TURBINATE), 2);
  const antrum = ellipsoid(ax - 28, y + 60, z + 62, 14, 15, 15);
  const sphenoid = ellipsoid(ax - 7, y + 17, z + 33, 6, 9, 8);
  const air = min(cavity, antrum, sphenoid, rod(x, y, z, PHARYNX));
  return out + (s.air - out) * coverage(air, width);
}
