import type { Vec3 } from '../domain/geometry.ts';
import type { FrameHeader, InstanceHeader, SeriesOfInstances, SliceRef } from '../domain/instance.ts';

/**
 * The frames of a series that can be one volume. Most series are one stack; a multi-echo, magnitude-and-phase or
 * repeated acquisition puts several into one series.
 */
export interface Stack {
  readonly seriesInstanceUid: string;
  /** Sorted by SOPInstanceUID and frame number, so that the order of arrival never matters. */
  readonly slices: readonly SliceRef[];
  /** How many stacks of the same images the series holds: its time points, echoes or repeats. */
  readonly siblings: number;
}

/** What the geometry of a stack says, millimetres. */
export interface StackGeometry {
  /** False when a frame lacks position, orientation or spacing: nothing below means anything then. */
  readonly located: boolean;
  readonly orientations: number;
  /** Different positions along the slice normal. */
  readonly positions: number;
  /** True when two frames lie at one position. */
  readonly repeated: boolean;
  /** Median distance of neighbouring positions; 0 for fewer than two. */
  readonly stepMm: number;
  /** True when a distance differs from the median by more than a quarter of it: slices are missing. */
  readonly uneven: boolean;
  readonly framesOfReference: number;
  /** [between rows, between columns] of the first frame. */
  readonly pixelMm: readonly [number, number];
  /** Extent in the plane (the smaller side) and along the normal, voxel edge to voxel edge. */
  readonly planeExtentMm: number;
  readonly normalExtentMm: number;
}

type Orientation = readonly [number, number, number, number, number, number];

/** Two frames lie at one position when they are closer than this along the normal. */
const SAME_POSITION_MM = 0.01;
/** cos of about 2.6 degrees: header noise stays below it, planes of a localizer are far above. */
const SAME_DIRECTION = 0.999;
/** No acquisition has more; a header made to be slow shall not be. Two are too many already. */
const MOST_ORIENTATIONS = 64;

const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const rowOf = (o: Orientation): Vec3 => [o[0], o[1], o[2]];
const columnOf = (o: Orientation): Vec3 => [o[3], o[4], o[5]];
const normalOf = ([a, b, c, d, e, f]: Orientation): Vec3 => [b * f - c * e, c * d - a * f, a * e - b * d];

const sameOrientation = (a: Orientation, b: Orientation): boolean =>
  dot(rowOf(a), rowOf(b)) > SAME_DIRECTION && dot(columnOf(a), columnOf(b)) > SAME_DIRECTION;

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function byOrientation(slices: readonly SliceRef[]): SliceRef[][] {
  const groups: { orientation: Orientation; slices: SliceRef[] }[] = [];
  for (const slice of slices) {
    const orientation = slice.frame.imageOrientationPatient;
    if (orientation === undefined) continue;
    const group = groups.find((known) => sameOrientation(known.orientation, orientation));
    if (group !== undefined) group.slices.push(slice);
    else if (groups.length < MOST_ORIENTATIONS) groups.push({ orientation, slices: [slice] });
    else groups.at(-1)!.slices.push(slice);
  }
  return groups.map((group) => group.slices);
}

/** Sorted distances along the common normal, mm; frames without a position are left out. */
function distancesOf(slices: readonly SliceRef[]): number[] {
  const orientation = slices.find((slice) => slice.frame.imageOrientationPatient)?.frame.imageOrientationPatient;
  if (orientation === undefined) return [];
  const normal = normalOf(orientation);
  return slices
    .flatMap(({ frame }) => (frame.imagePositionPatient ? [dot(normal, frame.imagePositionPatient)] : []))
    .sort((a, b) => a - b);
}

function stepsOf(distances: readonly number[]): number[] {
  return distances.slice(1).map((distance, index) => distance - distances[index]!);
}

const hasRepeats = (slices: readonly SliceRef[]): boolean =>
  byOrientation(slices).some((group) => stepsOf(distancesOf(group)).some((step) => step < SAME_POSITION_MM));

/** What may tell two images at one position apart, the most telling first. */
const SEPARATORS: readonly ((slice: SliceRef) => string)[] = [
  ({ instance }) => instance.acquisition.imageType.join('\\'),
  ({ instance }) => String(instance.acquisition.echoTime),
  ({ instance }) => String(instance.acquisition.inversionTime),
  ({ frame }) => String(frame.temporalPositionIndex),
  ({ instance }) => String(instance.acquisitionNumber),
];

function separate(slices: readonly SliceRef[], separators: typeof SEPARATORS): (readonly SliceRef[])[] {
  if (!hasRepeats(slices)) return [slices];
  for (const [index, keyOf] of separators.entries()) {
    const groups = groupBy(slices, keyOf);
    if (groups.length > 1) return groups.flatMap((group) => separate(group, separators.slice(index + 1)));
  }
  return [slices];
}

/** Objects of another class or matrix never belong to one volume: a screenshot filed into the series, for example. */
const formOf = ({ instance }: SliceRef): string =>
  [instance.sopClassUid, instance.pixels?.rows, instance.pixels?.columns].join('|');

/** Stands in for what a report or a file without pixels lacks, so that the rules can say what it is. */
const NO_FRAME: FrameHeader = { frameNumber: 1, rescaleSlope: 1, rescaleIntercept: 0 };

/** One instance for each SOPInstanceUID where the headers agree: the same file copied twice is no second image. */
function withoutCopies(instances: readonly InstanceHeader[]): InstanceHeader[] {
  return groupBy(instances, (instance) => instance.sopInstanceUid).flatMap((same) =>
    same.length === 1 ? same : groupBy(same, (instance) => JSON.stringify(instance)).map((equal) => equal[0]!),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function inFixedOrder(slices: readonly SliceRef[]): SliceRef[] {
  return [...slices].sort(
    (a, b) =>
      compare(a.instance.sopInstanceUid, b.instance.sopInstanceUid) ||
      a.frame.frameNumber - b.frame.frameNumber ||
      // Only for different headers under one UID, which the geometry then shows as a repeat.
      compare(JSON.stringify(a.instance), JSON.stringify(b.instance)),
  );
}

/**
 * Takes a series apart into what can be volumes: by SOP class and matrix always, by image type, echo, inversion time,
 * time point and acquisition only where frames would otherwise lie on top of each other, because scanners vary those
 * tags harmlessly inside one volume too.
 */
export function stacksOf(series: SeriesOfInstances): Stack[] {
  const slices = withoutCopies(series.instances).flatMap((instance) =>
    (instance.frames.length > 0 ? instance.frames : [NO_FRAME]).map((frame): SliceRef => ({ instance, frame })),
  );
  return groupBy(inFixedOrder(slices), formOf).flatMap((group) => {
    const parts = separate(group, SEPARATORS);
    return parts.map((part) => ({
      seriesInstanceUid: series.seriesInstanceUid,
      slices: part,
      siblings: parts.length,
    }));
  });
}

const medianOf = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? 0;

/** Measures a stack as it lies in the patient (PS3.3 C.7.6.2.1.1); never throws. */
export function geometryOf(stack: Stack): StackGeometry {
  const first = stack.slices[0];
  const pixelMm = first?.frame.pixelSpacing ?? [0, 0];
  const distances = distancesOf(stack.slices);
  const steps = stepsOf(distances);
  const real = steps.filter((step) => step >= SAME_POSITION_MM).sort((a, b) => a - b);
  const stepMm = medianOf(real);
  const { rows = 0, columns = 0 } = first?.instance.pixels ?? {};
  return {
    located: stack.slices.every(
      ({ frame }) => frame.imagePositionPatient && frame.imageOrientationPatient && frame.pixelSpacing,
    ),
    orientations: byOrientation(stack.slices).length,
    positions: distances.length === 0 ? 0 : real.length + 1,
    repeated: real.length < steps.length,
    stepMm,
    uneven: real.some((step) => Math.abs(step - stepMm) > stepMm / 4),
    framesOfReference: new Set(stack.slices.map(({ instance }) => instance.series.frameOfReferenceUid)).size,
    pixelMm,
    planeExtentMm: Math.min(rows * pixelMm[0], columns * pixelMm[1]),
    normalExtentMm: (real.length + 1) * stepMm,
  };
}

/** The stack as a series again; an instance whose frames are all used stays the very same object. */
export function seriesOfStack(stack: Stack): SeriesOfInstances {
  const framesOf = new Map<InstanceHeader, SliceRef[]>();
  for (const slice of stack.slices) {
    const known = framesOf.get(slice.instance);
    if (known === undefined) framesOf.set(slice.instance, [slice]);
    else known.push(slice);
  }
  return {
    seriesInstanceUid: stack.seriesInstanceUid,
    instances: [...framesOf].map(([instance, slices]) =>
      slices.length === instance.frames.length ? instance : { ...instance, frames: slices.map(({ frame }) => frame) },
    ),
  };
}
