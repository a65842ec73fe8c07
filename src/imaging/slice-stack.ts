import { NeuroInsightError } from '../domain/errors.ts';
import type { Affine, Vec3 } from '../domain/geometry.ts';
import type { InstanceHeader, SliceRef } from '../domain/instance.ts';
import { affineOf, cross, dot, lengthOf, type Orientation, unit } from './affine.ts';

/** The slices of one volume, ordered along their normal, and where they lie. */
export interface SliceStack {
  /** Ascending along the slice normal (row direction x column direction). */
  readonly slices: readonly SliceRef[];
  readonly columns: number;
  readonly rows: number;
  /** [column, row, slice] -> LPS mm. */
  readonly affine: Affine;
}

/** Fewer slices than this are a localizer or a fragment. */
const FEWEST_SLICES = 10;
/** Largest difference between two direction cosines of one series: header rounding, 0.06 degrees. */
const SAME_DIRECTION = 1e-3;
/** Largest relative difference between two pixel spacings of one series. */
const SAME_SPACING = 1e-3;
/** Two slices closer than this along the normal are at one position, mm. */
const SAME_POSITION_MM = 0.01;
/** A step may differ from the median by this share of it before a slice counts as missing. */
const EVEN = 0.05;
/** Tangent of the largest tilt of the stack against its normal: 0.3 degrees. The affine keeps what tilt there is. */
const LARGEST_TILT = 5e-3;
/** How far a slice may lie off the straight line through the stack, in its plane, mm. */
const OFF_LINE_MM = 0.1;

/** A slice whose geometry is complete. */
interface PlacedSlice {
  readonly ref: SliceRef;
  readonly position: Vec3;
  readonly orientation: Orientation;
  readonly spacing: readonly [number, number];
  /** mm along the normal of the stack. */
  readonly distance: number;
}

/**
 * Puts the frames of one series in order by their positions and derives the affine from them, never from Slice
 * Thickness or Spacing Between Slices (PS3.3 C.7.6.2.1.1). The order of the input makes no difference.
 *
 * @throws no-pixel-data, duplicate-slice, mixed-frames-of-reference, missing-geometry, mixed-orientation,
 * mixed-spacing, too-few-slices, slice-gap, gantry-tilt.
 */
export function stackSlices(instances: readonly InstanceHeader[]): SliceStack {
  refuseUnreadable(instances);
  const placed = instances
    .flatMap((instance) => instance.frames.map((frame) => placeOf({ instance, frame })))
    .sort(byIdentity);
  const orientation = commonOrientation(placed);
  const { rows, columns, spacing } = commonMatrix(placed);
  if (placed.length < FEWEST_SLICES) {
    throw new NeuroInsightError('too-few-slices', `${placed.length} slices; a volume needs at least ${FEWEST_SLICES}`);
  }
  const ordered = alongNormal(placed, orientation);
  refuseDuplicates(ordered);
  refuseGaps(ordered);
  const step = straightStep(ordered, orientation);
  return {
    slices: ordered.map(({ ref }) => ref),
    rows,
    columns,
    affine: affineOf(ordered[0]!.position, orientation, spacing, step),
  };
}

function refuseUnreadable(instances: readonly InstanceHeader[]): void {
  const readable = instances.filter(({ pixels, frames }) => pixels !== undefined && frames.length > 0);
  if (readable.length < instances.length || readable.length === 0) {
    const missing = instances.length - readable.length;
    throw new NeuroInsightError('no-pixel-data', `${missing} of ${instances.length} instances have no pixel data`);
  }
  const repeated = instances.length - new Set(instances.map(({ sopInstanceUid }) => sopInstanceUid)).size;
  if (repeated > 0) {
    throw new NeuroInsightError('duplicate-slice', `${repeated} instances repeat the SOP Instance UID of another`);
  }
  const frames = new Set(instances.map(({ series }) => series.frameOfReferenceUid));
  if (frames.size > 1) {
    throw new NeuroInsightError('mixed-frames-of-reference', `${frames.size} frames of reference in one series`);
  }
}

function placeOf(ref: SliceRef): PlacedSlice {
  const { imagePositionPatient: position, imageOrientationPatient: orientation, pixelSpacing: spacing } = ref.frame;
  if (!position || !orientation || !spacing) {
    throw new NeuroInsightError('missing-geometry', 'a slice lacks position, orientation or pixel spacing');
  }
  if (![...position, ...orientation, ...spacing].every(Number.isFinite) || !(spacing[0] > 0 && spacing[1] > 0)) {
    throw new NeuroInsightError(
      'missing-geometry',
      'a slice has a position, orientation or spacing that means nothing',
    );
  }
  return { ref, position, orientation, spacing, distance: 0 };
}

/** Any fixed order will do: it makes the reference slice, and so the result, independent of the order of arrival. */
function byIdentity({ ref: a }: PlacedSlice, { ref: b }: PlacedSlice): number {
  if (a.instance.sopInstanceUid !== b.instance.sopInstanceUid) {
    return a.instance.sopInstanceUid < b.instance.sopInstanceUid ? -1 : 1;
  }
  return a.frame.frameNumber - b.frame.frameNumber;
}

/** The first slice's orientation with the last rounding taken out: unit length, exactly perpendicular. */
function commonOrientation(placed: readonly PlacedSlice[]): Orientation {
  const [a, b, c, d, e, f] = placed[0]!.orientation;
  const row: Vec3 = [a, b, c];
  const column: Vec3 = [d, e, f];
  const lengths = [lengthOf(row), lengthOf(column)];
  if (lengths.some((length) => Math.abs(length - 1) > 0.01) || Math.abs(dot(row, column)) > 0.01) {
    throw new NeuroInsightError(
      'missing-geometry',
      'Image Orientation (Patient) is not two perpendicular unit vectors',
    );
  }
  const other = placed.find(({ orientation }) =>
    orientation.some((cosine, n) => Math.abs(cosine - placed[0]!.orientation[n]!) > SAME_DIRECTION),
  );
  if (other) throw new NeuroInsightError('mixed-orientation', 'slices of different orientations in one series');
  const x = unit(row);
  const along = dot(x, column);
  const y = unit([column[0] - along * x[0], column[1] - along * x[1], column[2] - along * x[2]]);
  return [...x, ...y];
}

function commonMatrix(placed: readonly PlacedSlice[]): { rows: number; columns: number; spacing: [number, number] } {
  const [first] = placed;
  const { rows, columns } = first!.ref.instance.pixels!;
  for (const { ref, spacing } of placed) {
    if (ref.instance.pixels!.rows !== rows || ref.instance.pixels!.columns !== columns) {
      throw new NeuroInsightError('mixed-spacing', 'slices of different matrix sizes in one series');
    }
    if (spacing.some((mm, n) => Math.abs(mm / first!.spacing[n]! - 1) > SAME_SPACING)) {
      throw new NeuroInsightError('mixed-spacing', 'slices of different pixel spacings in one series');
    }
  }
  return { rows, columns, spacing: [first!.spacing[0], first!.spacing[1]] };
}

function alongNormal(placed: readonly PlacedSlice[], [a, b, c, d, e, f]: Orientation): PlacedSlice[] {
  const normal = cross([a, b, c], [d, e, f]);
  return placed
    .map((slice) => ({ ...slice, distance: dot(normal, slice.position) }))
    .sort((one, two) => one.distance - two.distance);
}

function stepsOf(ordered: readonly PlacedSlice[]): number[] {
  return ordered.slice(1).map(({ distance }, n) => distance - ordered[n]!.distance);
}

function refuseDuplicates(ordered: readonly PlacedSlice[]): void {
  const repeated = stepsOf(ordered).filter((step) => step < SAME_POSITION_MM).length;
  if (repeated > 0) {
    throw new NeuroInsightError('duplicate-slice', `${repeated} of ${ordered.length} slices repeat a position`);
  }
}

function refuseGaps(ordered: readonly PlacedSlice[]): void {
  const steps = stepsOf(ordered);
  const median = steps.toSorted((a, b) => a - b)[steps.length >> 1]!;
  const uneven = steps.filter((step) => Math.abs(step - median) > EVEN * median + SAME_POSITION_MM);
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  // Steps that are even one by one may still drift along the stack; half a slice is then half a slice of error.
  const drifting = ordered.some(({ distance }, n) => Math.abs(distance - ordered[0]!.distance - n * mean) > mean / 2);
  if (uneven.length === 0 && !drifting) return;
  const largest = Math.max(...steps);
  throw new NeuroInsightError(
    'slice-gap',
    `slices are missing or unevenly spaced: ${median.toFixed(3)} mm apart, but up to ${largest.toFixed(3)} mm`,
  );
}

/** From one slice to the next, mm, LPS; refuses stacks that do not run straight along their normal. */
function straightStep(ordered: readonly PlacedSlice[], [a, b, c, d, e, f]: Orientation): Vec3 {
  const normal = cross([a, b, c], [d, e, f]);
  const first = ordered[0]!.position;
  const last = ordered.at(-1)!.position;
  const count = ordered.length - 1;
  const step: Vec3 = [(last[0] - first[0]) / count, (last[1] - first[1]) / count, (last[2] - first[2]) / count];
  const tilt = lengthOf(acrossNormal(step, normal)) / dot(step, normal);
  if (tilt > LARGEST_TILT) {
    const degrees = (Math.atan(tilt) * 180) / Math.PI;
    throw new NeuroInsightError('gantry-tilt', `the stack leans ${degrees.toFixed(1)} degrees from its slice normal`);
  }
  for (const [n, { position }] of ordered.entries()) {
    const off: Vec3 = [
      position[0] - first[0] - n * step[0],
      position[1] - first[1] - n * step[1],
      position[2] - first[2] - n * step[2],
    ];
    if (lengthOf(acrossNormal(off, normal)) > OFF_LINE_MM) {
      throw new NeuroInsightError('gantry-tilt', 'slices are shifted against each other in their plane');
    }
  }
  return step;
}

function acrossNormal(vector: Vec3, normal: Vec3): Vec3 {
  const along = dot(vector, normal);
  return [vector[0] - along * normal[0], vector[1] - along * normal[1], vector[2] - along * normal[2]];
}
