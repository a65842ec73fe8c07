import { contrastOfTiming, type StackFacts } from './series-rules.ts';

/** One thing that makes a measurable stack better than another. */
interface Preference {
  /** Points; only differences count. A difference of 1 000 outweighs everything else together. */
  readonly points: (facts: StackFacts) => number;
  /** Said of the stack that has fewer points. */
  readonly less: string;
}

const voxelMm = ({ geometry }: StackFacts): number[] => [...geometry.pixelMm, geometry.stepMm];
const has = (facts: StackFacts, value: string): boolean => facts.imageType.includes(value);
const either = (holds: boolean, points: number): number => (holds ? points : 0);

const PREFERENCES: readonly Preference[] = [
  { points: ({ geometry }) => either(!geometry.repeated, 1000), less: 'doubled slice positions' },
  { points: ({ geometry }) => either(!geometry.uneven, 1000), less: 'missing slices' },
  { points: ({ geometry }) => either(geometry.framesOfReference === 1, 1000), less: 'several frames of reference' },
  // The lobes end here: a slab that cuts them is worse than any coarser whole head.
  {
    points: ({ geometry }) => 2 * Math.min(geometry.normalExtentMm, geometry.planeExtentMm, 150),
    less: 'smaller field of view',
  },
  { points: (facts) => either(facts.imageType[0] !== 'DERIVED', 60), less: 'derived image' },
  { points: (facts) => either(facts.names.t1, 25), less: 'not named T1' },
  {
    points: ({ acquisition }) => {
      const timing = contrastOfTiming(acquisition);
      return either(timing !== undefined && 't1' in timing, 20);
    },
    less: 'timing does not show T1 weighting',
  },
  { points: ({ acquisition }) => either(acquisition.mrAcquisitionType !== '2D', 40), less: '2D acquisition' },
  {
    points: (facts) => -60 * Math.max(0, Math.max(...voxelMm(facts)) - 0.8),
    less: 'larger voxels',
  },
  {
    points: (facts) => -15 * (Math.max(...voxelMm(facts)) / Math.min(...voxelMm(facts)) - 1),
    less: 'less isotropic voxels',
  },
  { points: ({ names }) => either(!names.spinEcho3d, 30), less: '3D turbo spin echo' },
  { points: ({ names }) => either(!names.mp2rageUniform, 15), less: 'uniform image of MP2RAGE' },
  { points: ({ names }) => either(!names.mp2rageUniform || names.denoised, 10), less: 'background not denoised' },
  { points: (facts) => either(!has(facts, 'WATER'), 20), less: 'Dixon water image' },
  { points: (facts) => either(!has(facts, 'OUT_PHASE') && !has(facts, 'OPP_PHASE'), 20), less: 'opposed-phase image' },
  { points: (facts) => either(has(facts, 'NORM'), 6), less: 'not intensity-normalised' },
  { points: (facts) => either(!has(facts, 'ND'), 3), less: 'not distortion-corrected' },
  // Of several echoes the first has the least susceptibility loss near the skull base.
  { points: ({ acquisition }) => -0.5 * (acquisition.echoTime ?? 0), less: 'later echo' },
];

/** Differences below this are rounding of the headers. */
const SAME_POINTS = 1e-6;

/** In whole steps, so that the order stays a total one. */
const totalOf = (facts: StackFacts): number =>
  Math.round(PREFERENCES.reduce((sum, preference) => sum + preference.points(facts), 0) / SAME_POINTS);

const firstUid = (facts: StackFacts): string => facts.stack.slices[0]!.instance.sopInstanceUid;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const seriesNumber = (facts: StackFacts): number => facts.stack.slices[0]!.instance.series.seriesNumber ?? 0;
/** Orders stacks, the one to measure first; a total order, so that sorting never depends on the input's order. */
export function preferredFirst(a: StackFacts, b: StackFacts): number {
  return (
    totalOf(b) - totalOf(a) ||
    // Technologists repeat a scan because the first was spoilt.
    seriesNumber(b) - seriesNumber(a) ||
    compare(a.stack.seriesInstanceUid, b.stack.seriesInstanceUid) ||
    compare(firstUid(a), firstUid(b))
  );
}

/** In words, why the chosen stack was preferred to another that could have been measured as well. */
export function whyLess(facts: StackFacts, chosen: StackFacts): string[] {
  const reasons = PREFERENCES.filter((one) => one.points(facts) < one.points(chosen) - SAME_POINTS).map(
    ({ less }) => less,
  );
  const number = chosen.stack.slices[0]!.instance.series.seriesNumber;
  const name = number === undefined ? 'another series' : `series ${number}`;
  if (facts.stack.seriesInstanceUid === chosen.stack.seriesInstanceUid) {
    return reasons.length > 0 ? reasons : ['an equal repeat'];
  }
  return [`usable, but ${name} is preferred: ${reasons.length > 0 ? reasons.join(', ') : 'an equal, earlier repeat'}`];
}
