import { NeuroInsightError } from '../domain/errors.ts';
import type { Vec3 } from '../domain/geometry.ts';
import type { FrameHeader } from '../domain/instance.ts';
import type { Dataset } from './dataset.ts';

/** No MR object of today comes near; keeps a hostile Number of Frames from filling memory with headers. */
const MOST_FRAMES = 100_000;

/** Six decimal strings take 102 bytes; what is far longer is no geometry, and would be parsed again for every frame. */
const MOST_BYTES_OF_NUMBERS = 1024;

/** One item of functional groups; its macros are looked up once, the shared ones once for all frames. */
class GroupItem {
  readonly #item: Dataset;
  readonly #macros = new Map<string, Dataset | undefined>();

  constructor(item: Dataset) {
    this.#item = item;
  }

  macro(keyword: string): Dataset | undefined {
    if (!this.#macros.has(keyword)) this.#macros.set(keyword, this.#item.item(keyword));
    return this.#macros.get(keyword);
  }
}

/**
 * What one frame says of itself: in a multi-frame functional group (PS3.3 C.7.6.16) of the frame, else in a shared
 * one, else at the top of the dataset.
 */
export class FrameGroups {
  readonly #places: readonly GroupItem[];
  readonly #dataset: Dataset;

  constructor(dataset: Dataset, places: readonly GroupItem[]) {
    this.#dataset = dataset;
    this.#places = places;
  }

  /** The macro's item that has the keyword, else the dataset itself; undefined where none has it. */
  holder(macros: readonly string[], keyword: string): Dataset | undefined {
    for (const place of this.#places) {
      for (const macro of macros) {
        const item = place.macro(macro);
        if (item?.element(keyword)?.length) return item;
      }
    }
    return this.#dataset.element(keyword)?.length ? this.#dataset : undefined;
  }

  numbers(macro: string, keyword: string): readonly number[] | undefined {
    const holder = this.holder([macro, ...CONVERTED], keyword);
    return (holder?.element(keyword)?.length ?? 0) > MOST_BYTES_OF_NUMBERS ? undefined : holder?.numbers(keyword);
  }

  number(macro: string, keyword: string): number | undefined {
    return this.numbers(macro, keyword)?.[0];
  }

  string(macro: string, keyword: string): string | undefined {
    return this.holder([macro, ...CONVERTED], keyword)?.string(keyword);
  }

  strings(macro: string, keyword: string): readonly string[] {
    return this.holder([macro, ...CONVERTED], keyword)?.strings(keyword) ?? [];
  }
}

/** Where legacy converted enhanced objects keep the attributes of the classic instances. PS3.3 C.7.6.16.2.25. */
const CONVERTED: readonly string[] = [
  'UnassignedPerFrameConvertedAttributesSequence',
  'UnassignedSharedConvertedAttributesSequence',
];

/**
 * The functional groups of every frame of an instance with pixel data: one entry for a classic one.
 * @throws malformed-dicom for a frame count that is no count or does not match the per-frame groups; limit-exceeded.
 */
export function frameGroupsOf(dataset: Dataset): readonly FrameGroups[] {
  const count = numberOfFrames(dataset);
  const shared = dataset.item('SharedFunctionalGroupsSequence');
  const perFrame = dataset.sequence('PerFrameFunctionalGroupsSequence');
  if (perFrame.length > 0 && perFrame.length !== count) {
    throw new NeuroInsightError(
      'malformed-dicom',
      `${count} frames but ${perFrame.length} per-frame functional groups`,
    );
  }
  const sharedPlaces = shared ? [new GroupItem(shared)] : [];
  if (perFrame.length === 0) return new Array<FrameGroups>(count).fill(new FrameGroups(dataset, sharedPlaces));
  return perFrame.map((frame) => new FrameGroups(dataset, [new GroupItem(frame), ...sharedPlaces]));
}

function numberOfFrames(dataset: Dataset): number {
  if (!dataset.string('NumberOfFrames')) return 1;
  const count = dataset.integer('NumberOfFrames');
  if (count === undefined || count < 1) throw new NeuroInsightError('malformed-dicom', 'Number of Frames is no count');
  if (count > MOST_FRAMES) throw new NeuroInsightError('limit-exceeded', `more than ${MOST_FRAMES} frames`);
  return count;
}

/** Geometry and rescale of each frame, frame numbers from 1. Millimetres, LPS. */
export function framesOf(groups: readonly FrameGroups[]): FrameHeader[] {
  const [first] = groups;
  // Without per-frame groups all frames are the same one, read once: a hostile Number of Frames costs little.
  const same = first && groups.every((group) => group === first) ? frameOf(first, 1) : undefined;
  return groups.map((group, index) => (same ? { ...same, frameNumber: index + 1 } : frameOf(group, index + 1)));
}

function frameOf(group: FrameGroups, frameNumber: number): FrameHeader {
  const position = group.numbers('PlanePositionSequence', 'ImagePositionPatient');
  const orientation = group.numbers('PlaneOrientationSequence', 'ImageOrientationPatient');
  const spacing = group.numbers('PixelMeasuresSequence', 'PixelSpacing');
  const sliceThickness = group.number('PixelMeasuresSequence', 'SliceThickness');
  const spacingBetweenSlices = group.number('PixelMeasuresSequence', 'SpacingBetweenSlices');
  const temporalPositionIndex = temporalPosition(group);
  return {
    frameNumber,
    ...(position?.length === 3 && { imagePositionPatient: position as unknown as Vec3 }),
    ...(orientation?.length === 6 && { imageOrientationPatient: orientation as unknown as Orientation }),
    ...(spacing?.length === 2 && { pixelSpacing: spacing as unknown as readonly [number, number] }),
    ...(sliceThickness !== undefined && { sliceThickness }),
    ...(spacingBetweenSlices !== undefined && { spacingBetweenSlices }),
    rescaleSlope: rescale(group, 'RescaleSlope', 1),
    rescaleIntercept: rescale(group, 'RescaleIntercept', 0),
    ...(temporalPositionIndex !== undefined && { temporalPositionIndex }),
  };
}

type Orientation = readonly [number, number, number, number, number, number];

function temporalPosition(group: FrameGroups): number | undefined {
  const enhanced = group.number('FrameContentSequence', 'TemporalPositionIndex');
  return enhanced ?? group.number('FrameContentSequence', 'TemporalPositionIdentifier');
}

/** An absent rescale is the identity; one that cannot be read must not become it silently. */
function rescale(group: FrameGroups, keyword: 'RescaleSlope' | 'RescaleIntercept', absent: number): number {
  const holder = group.holder(['PixelValueTransformationSequence', ...CONVERTED], keyword);
  if (!holder?.string(keyword)) return absent;
  const value = holder.number(keyword);
  if (value === undefined) throw new NeuroInsightError('malformed-dicom', `${keyword} is not a number`);
  return value;
}
