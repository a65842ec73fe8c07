// Taken out once: every look-up of a global is slow in the realm that tests run in.
const { abs, cos, hypot, max, sin, sqrt } = Math;

/**
 * The analytic hippocampus: an ellipse-like section carried along a bent centre line.
 *
 * Every length is in template millimetres and `x` is the distance from the midline (positive on both sides): the
 * head model mirrors it. The volume is exact: a section whose centroid lies on the centre line sweeps
 * area x length (Pappus), bends and taper included, as long as no bend is tighter than the section is wide.
 */

/** Free parameters of one hippocampus. `widthHead` and the like are half axes before `sectionScale`. */
export interface HippocampusParameters {
  /** Centre of the foremost section, distance from the midline, then y (back) and z (up). */
  readonly start: readonly [number, number, number];
  /** How far the centre line runs backwards. */
  readonly run: number;
  /** Medial bend of the head and of the tail. */
  readonly headBend: number;
  readonly tailBend: number;
  /** Linear and quadratic rise towards the tail. */
  readonly rise: number;
  readonly tailRise: number;
  readonly widthHead: number;
  readonly widthTail: number;
  readonly heightHead: number;
  readonly heightTail: number;
  /** Depth and phase of the digitations of the head. */
  readonly digitation: number;
  readonly digitationPhase: number;
  /** Three-lobed departure of the section from an ellipse, and where its first lobe lies. */
  readonly lobes: number;
  readonly lobePhase: number;
  /** Length of the rounded ends. */
  readonly headCap: number;
  readonly tailCap: number;
}

export interface HippocampusShape {
  readonly parameters: HippocampusParameters;
  readonly sectionScale: number;
  /** `lobes` times cosine and sine of `lobePhase`. */
  readonly lobeCos: number;
  readonly lobeSin: number;
  /** Position on the centre line, 0 to 1, of the plane between the anterior and the posterior part. */
  readonly split: number;
  /** Whole and anterior volume, template mm3. */
  readonly volume: number;
  readonly anteriorVolume: number;
  /** Length of the centre line with both rounded ends, template mm. */
  readonly length: number;
}

/** Where a point lies relative to a hippocampus; reused from call to call. */
export interface HippocampusPoint {
  /** Position on the centre line, 0 head to 1 tail. */
  t: number;
  /** 1 on the surface, smaller inside. */
  level: number;
  /** Signed distance to the surface, mm, negative inside; exact on the surface. */
  distance: number;
  /** Direction from the centre line inside the section: 1 is lateral, and up. */
  lateral: number;
  up: number;
}

const smooth = (t: number): number => t * t * (3 - 2 * t);

/** Half width of the section at t, before scaling: wide at the head, narrow at the tail. */
function halfWidth(p: HippocampusParameters, t: number): number {
  return (p.widthHead + (p.widthTail - p.widthHead) * smooth(t)) * swelling(t);
}

/** Half height of the section at t, before scaling: as the width, with the digitations of the head. */
function halfHeight(p: HippocampusParameters, t: number): number {
  const bumps = t < 0.45 ? 1 + p.digitation * (1 - t / 0.45) * sin(40 * t + p.digitationPhase) : 1;
  return (p.heightHead + (p.heightTail - p.heightHead) * smooth(t)) * swelling(t) * bumps;
}

/** The head is thickest a little behind its tip. */
function swelling(t: number): number {
  const from = (t - 0.12) / 0.3;
  return from > 1 ? 1 : 1 + 0.1 * (1 - from * from) ** 2;
}

/** Centre line, its first and its second derivative at t: nine numbers into `out`. */
function centreLine(p: HippocampusParameters, t: number, out: Float64Array): void {
  const s = 1 - t;
  const tt = t * t;
  out[0] = p.start[0] + p.headBend * (1 - s * s * s) - p.tailBend * tt * tt;
  out[1] = p.start[1] + p.run * t;
  out[2] = p.start[2] + p.rise * t + p.tailRise * tt;
  out[3] = 3 * p.headBend * s * s - 4 * p.tailBend * tt * t;
  out[4] = p.run;
  out[5] = p.rise + 2 * p.tailRise * t;
  out[6] = -6 * p.headBend * s - 12 * p.tailBend * tt;
  out[7] = 0;
  out[8] = 2 * p.tailRise;
}

/** Area swept per unit of t, before scaling, template mm3. */
function sweptPerT(p: HippocampusParameters, t: number, scratch: Float64Array): number {
  centreLine(p, t, scratch);
  const speed = hypot(scratch[3]!, scratch[4]!, scratch[5]!);
  return sectionArea(p, t) * speed;
}

function sectionArea(p: HippocampusParameters, t: number): number {
  return Math.PI * halfWidth(p, t) * halfHeight(p, t) * (1 + (p.lobes * p.lobes) / 2);
}

const STEPS = 2000;

/**
 * Solves the section's scale so that the volume is `volume` (template mm3), and the splitting plane so that
 * `anteriorFraction` of it lies in front.
 */
export function solveHippocampus(
  parameters: HippocampusParameters,
  volume: number,
  anteriorFraction: number,
): HippocampusShape {
  const scratch = new Float64Array(9);
  const headEnd = (2 / 3) * parameters.headCap * sectionArea(parameters, 0);
  const tailEnd = (2 / 3) * parameters.tailCap * sectionArea(parameters, 1);
  const swept = new Float64Array(STEPS + 1);
  let length = parameters.headCap + parameters.tailCap;
  for (let step = 0; step < STEPS; step += 1) {
    swept[step + 1] = swept[step]! + sweptPerT(parameters, (step + 0.5) / STEPS, scratch) / STEPS;
    length += hypot(scratch[3]!, scratch[4]!, scratch[5]!) / STEPS;
  }
  const unscaled = headEnd + swept[STEPS]! + tailEnd;
  const wanted = anteriorFraction * unscaled - headEnd;
  let step = 0;
  while (step < STEPS && swept[step + 1]! < wanted) step += 1;
  const split = (step + (wanted - swept[step]!) / (swept[step + 1]! - swept[step]!)) / STEPS;
  return {
    parameters,
    sectionScale: sqrt(volume / unscaled),
    lobeCos: parameters.lobes * cos(parameters.lobePhase),
    lobeSin: parameters.lobes * sin(parameters.lobePhase),
    split,
    volume,
    anteriorVolume: anteriorFraction * volume,
    length,
  };
}

/** A function that locates (x, y, z) relative to the shape; `into` is overwritten and no memory is taken. */
export function hippocampusLocator(
  shape: HippocampusShape,
): (x: number, y: number, z: number, into: HippocampusPoint) => void {
  const p = shape.parameters;
  const c = new Float64Array(9);
  return (x, y, z, into) => {
    let t = (y - p.start[1]) / p.run;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    let dx = 0;
    let dy = 0;
    let dz = 0;
    // Newton's method for the foot of the perpendicular; the bends are gentle, so four steps reach 1e-6.
    for (let round = 0; ; round += 1) {
      centreLine(p, t, c);
      dx = x - c[0]!;
      dy = y - c[1]!;
      dz = z - c[2]!;
      if (round === 4) break;
      const along = dx * c[3]! + dy * c[4]! + dz * c[5]!;
      const speed2 = c[3]! * c[3]! + c[4]! * c[4]! + c[5]! * c[5]!;
      const slope = max(speed2 * 0.3, speed2 - (dx * c[6]! + dz * c[8]!));
      const moved = t + along / slope;
      const kept = moved < 0 ? 0 : moved > 1 ? 1 : moved;
      if (abs(kept - t) < 1e-6) break;
      t = kept;
    }
    placeInSection(shape, t, dx, dy, dz, c, into);
  };
}

/** Resolves the offset from the centre line into lateral, up and along, and measures it against the section. */
function placeInSection(
  shape: HippocampusShape,
  t: number,
  dx: number,
  dy: number,
  dz: number,
  c: Float64Array,
  into: HippocampusPoint,
): void {
  const p = shape.parameters;
  const speed = sqrt(c[3]! * c[3]! + c[4]! * c[4]! + c[5]! * c[5]!);
  const tx = c[3]! / speed;
  const ty = c[4]! / speed;
  const tz = c[5]! / speed;
  // "Up" is z made perpendicular to the tangent; lateral completes the frame.
  const flat = sqrt(1 - tz * tz);
  const along = dx * tx + dy * ty + dz * tz;
  const up = (dz - tz * along) / flat;
  const lateral = (dx * ty - dy * tx) / flat;
  const u = lateral / (halfWidth(p, t) * shape.sectionScale);
  const v = up / (halfHeight(p, t) * shape.sectionScale);
  const rho = sqrt(u * u + v * v) + 1e-9;
  const cos = u / rho;
  const sin = v / rho;
  const cos3 = cos * (4 * cos * cos - 3);
  const sin3 = sin * (3 - 4 * sin * sin);
  const section = rho / (1 + shape.lobeCos * cos3 + shape.lobeSin * sin3);
  let level = section;
  if (t === 0 || t === 1) {
    const beyond = along / (t === 0 ? p.headCap : p.tailCap);
    level = sqrt(section * section + beyond * beyond);
  }
  const reach = sqrt(lateral * lateral + up * up + along * along);
  into.t = t;
  into.level = level;
  into.distance = level > 0.2 ? reach * (1 - 1 / level) : -reach * 4 - 1;
  into.lateral = cos;
  into.up = sin;
}
