import type { AnatomyParameters, TissueSignals } from './anatomy-parameters.ts';
import type { Envelope } from './envelope.ts';
import { coverage, ellipsoid, meet } from './shapes.ts';

// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, atan2, cos, hypot, max, min, sin } = Math;

/** Cerebrum, cerebellum, brain stem and the CSF around them. `toHippocampus` keeps the sulci away from it. */
export function brainSignal(
  p: AnatomyParameters,
  s: TissueSignals,
  x: number,
  y: number,
  z: number,
  e: Envelope,
  toHippocampus: number,
  width: number,
): number {
  let value = s.csf;
  if (e.stem < width) value += (s.stem - value) * coverage(e.stem, width);
  if (e.cerebellum < width) value += (cerebellumSignal(s, x, y, z, e, width) - value) * coverage(e.cerebellum, width);
  if (e.cerebrum > width) return value;
  const depth = -e.cerebrum;
  let csf = depth;
  if (depth < p.sulcusDepth + 6) {
    const fold = foldDistance(p, x, y, z, depth);
    csf = min(csf, toHippocampus < 12 ? fold + (12 - toHippocampus) * 0.8 : fold);
  }
  const ax = abs(x);
  // The fissure between the hemispheres ends at the corpus callosum.
  if (ax < 6) csf = min(csf, meet(ax - 0.9, -ellipsoid(0, y - 14, z - 4, 1, 42, 25), 2));
  if (ax > 30 && abs(y - 8) < 36) csf = min(csf, sylvianDistance(p, ax, y, z));
  const white = coverage(p.greyThickness - csf, width);
  const brightness = s.white * (1 - 0.02 * sin(0.09 * x + 0.1 * z));
  const tissue = s.grey + (brightness - s.grey) * white;
  return value + (tissue - value) * coverage(-csf, width) * coverage(e.cerebrum, width);
}

/** The lateral fissure rises backwards over the temporal lobe; the insula lies at its floor. */
function sylvianDistance(p: AnatomyParameters, ax: number, y: number, z: number): number {
  const course = -10 + 0.36 * (y + 22) + 2.5 * sin(0.14 * y + p.phases[3]) - 0.12 * (ax - 36);
  const sheet = abs(z - course) * 0.92 - 0.8 - p.gap * 0.2;
  const floor = max(abs(ax - 37 - 1.5 * sin(0.3 * z)) - 0.7, abs(z - course - 3) - 11);
  return max(min(max(sheet, 36.5 - ax), floor), abs(y - 8) - 31);
}

/** How far a point is from CSF along the folded cortex, mm; negative inside a sulcus. */
function foldDistance(p: AnatomyParameters, x: number, y: number, z: number, depth: number): number {
  const k = p.folding;
  const wx = k * (x + 4 * sin(0.11 * y + p.phases[0]) + 3 * sin(0.17 * z + p.phases[3])) + p.phases[0];
  const wy = k * (y + 4 * sin(0.12 * z + p.phases[1]) + 2 * sin(0.15 * x)) + p.phases[1];
  const wz = k * (z + 4 * sin(0.1 * x + p.phases[2]) + 2 * sin(0.19 * y)) + p.phases[2];
  const sheet = sin(wx) * cos(wy) + sin(wy) * cos(wz) + sin(wz) * cos(wx);
  // The gyroid's slope at its zero level is about 1.3 k, so this is close to millimetres.
  return meet(abs(sheet) / (1.3 * k) - p.sulcusWidth / 2, depth - p.sulcusDepth, 2);
}

/** A branching white core in folia of grey matter. */
function cerebellumSignal(s: TissueSignals, x: number, y: number, z: number, e: Envelope, width: number): number {
  const depth = -e.cerebellum;
  const ray = hypot(y - 46, z + 34);
  const angle = atan2(z + 34, y - 46);
  const folia = sin(angle * 16 + sin(0.1 * x) * 2) * min(1, ray / 18);
  const core = ellipsoid(abs(x) - 17, y - 54, z + 37, 17, 13, 9);
  const white = max(coverage(core, width), coverage(core - 6 - 5 * folia, 3));
  const tissue = s.grey + (s.white - s.grey) * white * coverage(2 - depth, width);
  const fissure = coverage(abs(folia) - 0.12 + max(0, depth - 7) * 0.3, 0.5);
  return tissue + (s.csf - tissue) * fissure * 0.55;
}
