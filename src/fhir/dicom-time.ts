const DATE = /^(\d{4})(\d{2})(\d{2})$/;
const TIME = /^(\d{2})(\d{2})(?:(\d{2})(?:\.\d{1,6})?)?$/;
const OFFSET = /^([+-])(\d{2})(\d{2})$/;

/** DA (YYYYMMDD, PS3.5 6.2) as a FHIR date; undefined for anything that is no day of the calendar. */
export function fhirDate(da: string | undefined): string | undefined {
  const parts = DATE.exec(da?.trim() ?? '');
  if (parts === null) return undefined;
  const [, year, month, day] = parts;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const real = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return real ? `${year}-${month}-${day}` : undefined;
}

/**
 * DA, TM and Timezone Offset From UTC (0008,0201) as a FHIR dateTime. FHIR wants a zone with every time of day: where
 * the header names none the answer is the date alone, never a guessed zone.
 */
export function fhirDateTime(
  da: string | undefined,
  tm: string | undefined,
  offset: string | undefined,
): string | undefined {
  const date = fhirDate(da);
  const time = TIME.exec(tm?.trim() ?? '');
  const zone = OFFSET.exec(offset?.trim() ?? '');
  if (date === undefined || time === null || zone === null) return date;
  const [, hours, minutes, seconds = '00'] = time;
  const valid = Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60;
  return valid ? `${date}T${hours}:${minutes}:${seconds}${zone[1]}${zone[2]}:${zone[3]}` : date;
}
