import type { Dataset } from './dataset.ts';

/** A date (DA) as YYYYMMDD; undefined when it is no date. The dots of ACR-NEMA (YYYY.MM.DD) are taken out. PS3.5 6.2. */
export function date(dataset: Dataset, keyword: string): string | undefined {
  const match = /^(\d{4})(\.?)(\d{2})\2(\d{2})$/.exec(dataset.string(keyword) ?? '');
  if (!match) return undefined;
  const [, year, , month, day] = match;
  const time = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const exists = new Date(time).getUTCMonth() === Number(month) - 1 && Number(day) > 0 && Number(year) > 99;
  return exists ? `${year}${month}${day}` : undefined;
}

/** A time (TM) as HH, HHMM, HHMMSS or HHMMSS.F to six digits; colons are taken out; undefined when it is none. */
export function time(dataset: Dataset, keyword: string): string | undefined {
  const text = dataset.string(keyword)?.replace(/^(\d{2}):(\d{2}):(\d{2})/, '$1$2$3');
  return text && /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/.test(text) ? text : undefined;
}

/** Timezone Offset From UTC (0008,0201): +HHMM or -HHMM. */
export function timezone(dataset: Dataset): string | undefined {
  const text = dataset.string('TimezoneOffsetFromUTC');
  return text && /^[+-](0\d|1[0-4])[0-5]\d$/.test(text) ? text : undefined;
}

/** An age (AS) such as 042Y; undefined when it is none. */
export function age(dataset: Dataset, keyword: string): string | undefined {
  const text = dataset.string(keyword);
  return text && /^\d{3}[DWMY]$/.test(text) ? text : undefined;
}
