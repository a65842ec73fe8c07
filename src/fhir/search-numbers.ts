/** A number as it was written, with the half of its last digit: 5.40 is 5.4 and 0.005 (R4 3.1.1.4.2). */
export interface WrittenNumber {
  readonly value: number;
  readonly half: number;
}

const DECIMAL = /^[+-]?\d{1,40}(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Undefined for text that is no decimal, or one beyond what a double holds. */
export function readNumber(text: string): WrittenNumber | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const value = Number(text);
  const half = Number(`5e${Number(match[2] ?? 0) - (match[1]?.length ?? 0) - 1}`);
  return Number.isFinite(value) && Number.isFinite(half) ? { value, half } : undefined;
}

/** The largest number that is surely below: the range of a written number has its upper end outside. */
const below = (value: number): number => value - Math.max(Math.abs(value) * Number.EPSILON, Number.MIN_VALUE);

/** Without the last bits, in which a sum of decimals differs from the decimal that was meant. */
const decimal = (value: number): number => Number(value.toPrecision(15));

/** What rounds to the number at its precision: 100 is [99.5, 100.5), and 1e2 is [50, 150). */
export const spanOfNumber = ({ value, half }: WrittenNumber): { readonly low: number; readonly high: number } => ({
  low: decimal(value - half),
  high: below(decimal(value + half)),
});
