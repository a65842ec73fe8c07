/** First and last instant, for a period without a start or an end: the limits of ECMAScript's time. */
export const BEGINNING_OF_TIME = -8.64e15;
export const END_OF_TIME = 8.64e15;

/** Milliseconds since 1970, UTC, both included. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

const DATE_TIME =
  /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d{1,9}))?)?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?)?)?)?$/;
const MINUTE = 60_000;

/** `month` counts from 0 and may be 12. Years before 100 are what they say, unlike in Date.UTC. */
function startOf(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month, day);
  return new Date(0).setUTCFullYear(year, month, day);
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone[0] === '-' ? -minutes : minutes) * MINUTE;
}

/** Milliseconds that a fraction of a second begins at and its last one: "5" is 500 to 599. */
function fractionOf(digits: string): readonly [number, number] {
  const first = Number(digits.slice(0, 3).padEnd(3, '0'));
  return [first, first + 10 ** Math.max(0, 3 - digits.length) - 1];
}

/**
 * The time that a date, dateTime or instant stands for at its precision (R4 3.1.1.4.3): a year is all its
 * milliseconds. Without a zone it is read as UTC. Undefined for text that is no date; the 31st of June is none.
 */
export function spanOfDateTime(text: string): Span | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, years, months, days, hours, minutes, seconds, fraction, zone] = match;
  const year = Number(years);
  if (year === 0) return undefined;
  if (months === undefined) return { low: startOf(year, 0, 1), high: startOf(year + 1, 0, 1) - 1 };
  const month = Number(months) - 1;
  const nextMonth = startOf(year, month + 1, 1);
  if (days === undefined) return { low: startOf(year, month, 1), high: nextMonth - 1 };
  const day = startOf(year, month, Number(days));
  if (day >= nextMonth) return undefined;
  if (hours === undefined) return { low: day, high: day + 24 * 60 * MINUTE - 1 };
  const minute = day + (Number(hours) * 60 + Number(minutes)) * MINUTE - offsetOf(zone);
  if (seconds === undefined) return { low: minute, high: minute + MINUTE - 1 };
  const second = minute + Number(seconds) * 1000;
  const [from, to] = fraction === undefined ? [0, 999] : fractionOf(fraction);
  return { low: second + from, high: second + to };
}
