// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, min, sqrt } = Math;

/** Signed distances (mm, negative inside) of the simple shapes that a head is made of, and how to join them. */

/** Near the surface this is the distance; far away it is a bound of the right sign. */
export function ellipsoid(x: number, y: number, z: number, a: number, b: number, c: number): number {
  const u = x / a;
  const v = y / b;
  const w = z / c;
  const first = sqrt(u * u + v * v + w * w);
  const slopeU = u / a;
  const slopeV = v / b;
  const slopeW = w / c;
  const second = sqrt(slopeU * slopeU + slopeV * slopeV + slopeW * slopeW);
  return second < 1e-9 ? -min(a, b, c) : (first * (first - 1)) / second;
}

/** A rod with round ends; its radius goes evenly from one end to the other. */
export interface Rod {
  readonly px: number;
  readonly py: number;
  readonly pz: number;
  readonly ax: number;
  readonly ay: number;
  readonly az: number;
  /** 1 / squared length. */
  readonly inverse: number;
  readonly radius: number;
  readonly growth: number;
}

type Point = readonly [number, number, number];

export function makeRod(p: Point, q: Point, radiusP: number, radiusQ: number): Rod {
  const ax = q[0] - p[0];
  const ay = q[1] - p[1];
  const az = q[2] - p[2];
  const inverse = 1 / (ax * ax + ay * ay + az * az);
  return { px: p[0], py: p[1], pz: p[2], ax, ay, az, inverse, radius: radiusP, growth: radiusQ - radiusP };
}

export function rod(x: number, y: number, z: number, r: Rod): number {
  const dx = x - r.px;
  const dy = y - r.py;
  const dz = z - r.pz;
  const along = (dx * r.ax + dy * r.ay + dz * r.az) * r.inverse;
  const t = along < 0 ? 0 : along > 1 ? 1 : along;
  const ex = dx - t * r.ax;
  const ey = dy - t * r.ay;
  const ez = dz - t * r.az;
  return sqrt(ex * ex + ey * ey + ez * ez) - (r.radius + t * r.growth);
}

/** Union with a fillet of about `blend` mm. */
export function join(a: number, b: number, blend: number): number {
  const near = blend - abs(a - b);
  const least = a < b ? a : b;
  return near <= 0 ? least : least - (near * near) / (4 * blend);
}

/** Intersection with a rounded edge of about `blend` mm. */
export function meet(a: number, b: number, blend: number): number {
  return -join(-a, -b, blend);
}

/** Share of a sample of width `width` mm that lies inside a surface `distance` mm away: 1 inside, 0 outside. */
export function coverage(distance: number, width: number): number {
  const share = 0.5 - distance / width;
  return share < 0 ? 0 : share > 1 ? 1 : share;
}

/** 0 below `at` - 2 * `width`, 1 above `at` + 2 * `width`, smooth between. */
export function step(value: number, at: number, width: number): number {
  const t = (value - at) / (4 * width) + 0.5;
  if (t <= 0) return 0;
  return t >= 1 ? 1 : t * t * (3 - 2 * t);
}
