import type { QualityCheck, QualityVerdict } from '../domain/result.ts';

/** Where pass ends and where review ends. `below` and `above` say on which side of the limits a value is good. */
export interface QualityLimit {
  readonly good: 'below' | 'above';
  readonly pass: number;
  readonly review: number;
}

/** One check against its limits; the limits are inclusive and are told in words. A value that is no number fails. */
export function judge(name: string, value: number, unit: string, { good, pass, review }: QualityLimit): QualityCheck {
  const within = (limit: number): boolean => (good === 'below' ? value <= limit : value >= limit);
  const verdict = within(pass) ? 'pass' : within(review) ? 'review' : 'fail';
  const word = good === 'below' ? 'up to' : 'from';
  const inUnit = (limit: number): string => (unit === '1' ? `${limit}` : `${limit} ${unit}`);
  return { name, verdict, value, unit, limit: `pass ${word} ${inUnit(pass)}, review ${word} ${inUnit(review)}` };
}

/** A value that is good between two numbers and bad on either side. */
export function judgeRange(
  name: string,
  value: number,
  unit: string,
  pass: readonly [number, number],
  review: readonly [number, number],
): QualityCheck {
  const within = ([low, high]: readonly [number, number]): boolean => value >= low && value <= high;
  const verdict = within(pass) ? 'pass' : within(review) ? 'review' : 'fail';
  return {
    name,
    verdict,
    value,
    unit,
    limit: `pass ${pass[0]} to ${pass[1]} ${unit}, review ${review[0]} to ${review[1]} ${unit}`,
  };
}

const BADNESS: Record<QualityVerdict, number> = { pass: 0, review: 1, fail: 2 };

export function worstOf(checks: readonly QualityCheck[]): QualityVerdict {
  return checks.reduce<QualityVerdict>(
    (worst, { verdict }) => (BADNESS[verdict] > BADNESS[worst] ? verdict : worst),
    'pass',
  );
}

/** What each doubtful or failed check leaves of the score. */
const KEPT: Record<QualityVerdict, number> = { pass: 1, review: 0.85, fail: 0.3 };

/** 1 when every check passes; each review takes 15 % of what is left, each failure 70 %. */
export function scoreOf(checks: readonly QualityCheck[]): number {
  return checks.reduce((score, { verdict }) => score * KEPT[verdict], 1);
}
