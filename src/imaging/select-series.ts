import { NeuroInsightError } from '../domain/errors.ts';
import type { InstanceHeader, SeriesOfInstances } from '../domain/instance.ts';
import type { SeriesRejection } from '../domain/result.ts';
import { preferredFirst, whyLess } from './series-preference.ts';
import { factsOf, type Objection, objectionsTo, type StackFacts } from './series-rules.ts';
import { seriesOfStack, stacksOf } from './series-stack.ts';

export interface SeriesSelection {
  /** The series to measure. Of a series that holds several stacks (echoes, phase images) only the chosen frames. */
  readonly selected: SeriesOfInstances;
  /** Every other series, by series number and UID, with the reasons in words. */
  readonly rejected: readonly SeriesRejection[];
  /** What the chosen series holds besides the chosen frames, in words; empty for nearly every series. */
  readonly leftOut: readonly string[];
}

interface Judged {
  readonly series: SeriesOfInstances;
  readonly stacks: readonly { readonly facts: StackFacts; readonly objections: readonly Objection[] }[];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const differs = (values: readonly (string | undefined)[]): boolean =>
  new Set(values.filter((value) => value !== undefined)).size > 1;

/** The name without case, padding and empty components: "DOE^JANE^^" is "doe^jane". */
const plainName = (name: string | undefined): string | undefined =>
  name
    ?.toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replace(/[\s^=]+$/, '')
    .trim() || undefined;

/**
 * A folder holds one patient. With an ID everywhere the ID decides (names are corrected, IDs are not); where an ID is
 * missing somewhere, the names must agree.
 */
function refuseMixtures(instances: readonly InstanceHeader[]): void {
  const patients = instances.map((instance) => instance.patient);
  const ids = patients.map((patient) => patient.patientId?.trim() || undefined);
  const someWithoutId = ids.some((id) => id === undefined);
  if (differs(ids) || differs(patients.map((patient) => patient.issuerOfPatientId?.trim() || undefined))) {
    throw new NeuroInsightError('mixed-patients', 'the input holds more than one patient (different Patient IDs)');
  }
  if (someWithoutId && differs(patients.map((patient) => plainName(patient.patientName)))) {
    throw new NeuroInsightError(
      'mixed-patients',
      'the input holds more than one patient (different names, no Patient ID)',
    );
  }
  const studies = new Set(instances.map((instance) => instance.study.studyInstanceUid)).size;
  if (studies > 1) {
    throw new NeuroInsightError('mixed-studies', `the input holds ${studies} studies: give one study at a time`);
  }
}

function judge(series: SeriesOfInstances): Judged {
  const stacks = stacksOf(series).map((stack) => {
    const facts = factsOf(stack);
    return { facts, objections: objectionsTo(facts) };
  });
  return { series, stacks };
}

const numberOf = ({ series }: Judged): number | undefined =>
  series.instances.find((instance) => instance.series.seriesNumber !== undefined)?.series.seriesNumber;

/** Reasons against all stacks of a series; where it holds several, each with the number of images it is about. */
function reasonsAgainst({ stacks }: Judged): Objection[] {
  if (stacks.length === 0) return [{ rule: 'empty', reason: 'no images' }];
  if (stacks.length === 1) return [...stacks[0]!.objections];
  const total = stacks.reduce((sum, { facts }) => sum + facts.stack.slices.length, 0);
  const counts = new Map<string, { rule: string; reason: string; images: number }>();
  for (const { facts, objections } of stacks) {
    for (const { rule, reason } of objections) {
      const known = counts.get(reason)?.images ?? 0;
      counts.set(reason, { rule, reason, images: known + facts.stack.slices.length });
    }
  }
  return [...counts.values()].map(({ rule, reason, images }) => ({
    rule,
    reason: images === total ? reason : `${images} of ${total} images: ${reason}`,
  }));
}

function rejection(judged: Judged, reasons: readonly string[]): SeriesRejection {
  const seriesNumber = numberOf(judged);
  const seriesDescription = judged.series.instances[0]?.series.seriesDescription;
  return {
    seriesInstanceUid: judged.series.seriesInstanceUid,
    ...(seriesNumber !== undefined && { seriesNumber }),
    ...(seriesDescription !== undefined && { seriesDescription }),
    reasons,
  };
}

/** Rules whose holding for every MR series makes a sentence of its own. */
const T2_REASON = /T2-weighted$/;
const MOST_REASONS_TOLD = 8;

function headlineOf(objections: readonly (readonly Objection[])[]): string {
  const everySeries = (test: (objection: Objection) => boolean): boolean => objections.every((list) => list.some(test));
  const modalities = new Set(
    objections.flatMap((list) => list.flatMap(({ reason }) => /^modality (.+) is not MR$/.exec(reason)?.[1] ?? [])),
  );
  if (modalities.size > 0 && everySeries(({ rule }) => rule === 'modality')) {
    return `the study holds only ${[...modalities].sort().join(', ')}, no MR series`;
  }
  const mr = objections.filter((list) => list.every(({ rule }) => rule !== 'modality'));
  if (mr.length > 0 && mr.every((list) => list.some(({ reason }) => T2_REASON.test(reason)))) {
    return 'the study holds only T2-weighted MR series';
  }
  if (mr.some((list) => list.length === 1 && list[0]!.rule === 'contrast-agent')) {
    return 'the only T1-weighted 3D series was taken after contrast agent';
  }
  return 'no series is a T1-weighted 3D series of the head that can be measured';
}

/** One line: what the study lacks, then each reason with the numbers of the series it holds for. */
function refusal(judged: readonly Judged[]): NeuroInsightError {
  if (judged.length === 0) return new NeuroInsightError('no-usable-series', 'the input holds no series');
  const objections = judged.map(reasonsAgainst);
  if (objections.every((list) => list.some(({ rule }) => rule === 'no-pixels'))) {
    return new NeuroInsightError('no-pixel-data', 'no series has pixel data');
  }
  const seriesOf = new Map<string, string[]>();
  judged.forEach((one, index) => {
    const label = numberOf(one) === undefined ? 'without number' : String(numberOf(one));
    for (const { reason } of objections[index]!) seriesOf.set(reason, [...(seriesOf.get(reason) ?? []), label]);
  });
  const told = [...seriesOf].map(
    ([reason, labels]) => `${reason} (series ${labels.slice(0, 6).join(', ')}${labels.length > 6 ? ', ...' : ''})`,
  );
  const more = told.length - MOST_REASONS_TOLD;
  const tail = more > 0 ? `; and ${more} more reasons` : '';
  return new NeuroInsightError(
    'no-usable-series',
    `${headlineOf(objections)}: ${told.slice(0, MOST_REASONS_TOLD).join('; ')}${tail}`,
  );
}

function othersOf(judged: readonly Judged[], best: StackFacts): SeriesRejection[] {
  return judged
    .filter(({ series }) => series.seriesInstanceUid !== best.stack.seriesInstanceUid)
    .map((one) => {
      const usable = one.stacks.filter(({ objections }) => objections.length === 0).map(({ facts }) => facts);
      const nearest = usable.sort(preferredFirst)[0];
      const reasons = nearest ? whyLess(nearest, best) : reasonsAgainst(one).map(({ reason }) => reason);
      return rejection(one, reasons);
    });
}

function leftOutOf(own: Judged, best: StackFacts): string[] {
  return own.stacks
    .filter(({ facts }) => facts !== best)
    .map(({ facts, objections }) => {
      const reasons = objections.length > 0 ? objections.map(({ reason }) => reason) : whyLess(facts, best);
      return `${facts.stack.slices.length} images of the same series: ${reasons.join('; ')}`;
    });
}

/**
 * Chooses the T1-weighted three-dimensional series of one study, by tags and by geometry, and says of every other
 * series why it was not chosen. The order of series and instances never changes the answer. Incomplete stacks (gaps,
 * doubled positions, several frames of reference) are chosen only where nothing whole is left; assembling them then
 * names what is wrong.
 *
 * A declaration (name, Acquisition Contrast) is enough where the times are missing, as in series made from NIfTI;
 * where times are there and say something else, the times win.
 *
 * @throws NeuroInsightError mixed-patients, mixed-studies, no-pixel-data, or no-usable-series with the reasons of each
 * series in one line that quotes no free text of the headers.
 */
export function selectSeries(series: readonly SeriesOfInstances[]): SeriesSelection {
  refuseMixtures(series.flatMap((one) => one.instances));
  const judged = series
    .map(judge)
    .sort(
      (a, b) =>
        (numberOf(a) ?? Number.MAX_SAFE_INTEGER) - (numberOf(b) ?? Number.MAX_SAFE_INTEGER) ||
        compare(a.series.seriesInstanceUid, b.series.seriesInstanceUid),
    );
  const best = judged
    .flatMap(({ stacks }) => stacks.filter(({ objections }) => objections.length === 0).map(({ facts }) => facts))
    .sort(preferredFirst)[0];
  if (best === undefined) throw refusal(judged);
  const own = judged.find(({ stacks }) => stacks.some(({ facts }) => facts === best))!;
  return { selected: seriesOfStack(best.stack), rejected: othersOf(judged, best), leftOut: leftOutOf(own, best) };
}
