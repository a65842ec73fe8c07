import { isUid } from '../dicom/dataset.ts';
import { entryOf } from '../dicom/dictionary.ts';
import { NeuroInsightError } from '../domain/errors.ts';
import type { DicomMatch } from '../ports/index.ts';

const MOST_UIDS = 1000;
const MOST_TEXT = 1024;
/** More runs of "anything" than this cost the index time and tell nothing apart. */
const MOST_WILDCARDS = 8;

const invalid = (message: string) => new NeuroInsightError('invalid-request', message);

/**
 * One condition from the value of a query parameter, by the VR of its attribute (PS3.4 C.2.2.2): single value, list of
 * UIDs, range of dates, times or numbers, wildcards * and ? in text; empty or * alone matches everything.
 *
 * @throws invalid-request naming the keyword when the value is none of its VR.
 */
export function matchOf(keyword: string, value: string, fuzzy: boolean): DicomMatch {
  if (value === '') return { kind: 'any', keyword };
  const { vr } = entryOf(keyword);
  switch (vr) {
    case 'UI':
      return uidMatch(keyword, value);
    case 'DA':
      return rangeMatch(keyword, value, dateBounds);
    case 'TM':
      return rangeMatch(keyword, value, timeBounds);
    case 'IS':
      return rangeMatch(keyword, value, integerBounds);
    case 'CS':
      // Viewers write lists of modalities with commas, which no code holds; the index reads them as DICOM does.
      return textMatch(keyword, keyword === 'ModalitiesInStudy' ? value.replaceAll(',', '\\') : value, false);
    default:
      return textMatch(keyword, value, fuzzy && vr === 'PN');
  }
}

/** Separated by commas or backslashes; PS3.18 8.3.4.1 and PS3.4 C.2.2.2.2. */
function uidMatch(keyword: string, value: string): DicomMatch {
  if (value === '*') return { kind: 'any', keyword };
  const anyOf = value.split(/[,\\]/).map((uid) => uid.trim());
  if (anyOf.length > MOST_UIDS) throw invalid(`${keyword}: more than ${MOST_UIDS} UIDs`);
  if (!anyOf.every(isUid)) throw invalid(`${keyword} is a list of UIDs`);
  return { kind: 'uid', keyword, anyOf: [...new Set(anyOf)] };
}

type Bounds = readonly [first: string, last: string];

/** A-B, A-, -B or A alone, both ends inclusive; PS3.4 C.2.2.2.5. */
function rangeMatch(keyword: string, value: string, boundsOf: (text: string) => Bounds | undefined): DicomMatch {
  if (value === '*') return { kind: 'any', keyword };
  const ends = value.split('-');
  const [from, to] = ends.length === 1 ? [value, value] : ends;
  const first = from === '' ? undefined : boundsOf(from!.trim());
  const last = to === '' ? undefined : boundsOf(to!.trim());
  const wrong = ends.length > 2 || (from !== '' && !first) || (to !== '' && !last) || (!first && !last);
  if (wrong) throw invalid(`${keyword} is a ${entryOf(keyword).vr} value or a range of two`);
  return { kind: 'range', keyword, ...(first && { from: first[0] }), ...(last && { to: last[1] }) };
}

/** YYYYMMDD of a day that exists. */
function dateBounds(text: string): Bounds | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (!parts) return undefined;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(2000, month - 1, day));
  // The year is set apart: Date.UTC takes 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? [text, text] : undefined;
}

/**
 * HH, HHMM, HHMMSS or HHMMSS.F to .FFFFFF: the moments that begin like it. The first in its shortest form, because a
 * stored "10" is 10:00:00 and compares as text before "100000".
 */
function timeBounds(text: string): Bounds | undefined {
  const parts = /^([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(?:\.(\d{1,6}))?)?)?$/.exec(text);
  if (!parts) return undefined;
  const [, hours, minutes = '59', seconds = '59', fraction = ''] = parts;
  const first = fraction === '' ? text.replace(/(?<=^\d\d(?:\d\d)?)(?:00)+$/, '') : text;
  return [first, `${hours}${minutes}${seconds}.${fraction.padEnd(6, '9')}`];
}

/** IS has no range matching of its own, and a hyphen is its sign: one number, in its shortest form. */
function integerBounds(text: string): Bounds | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const plain = String(Number(text));
  return [plain, plain];
}

function textMatch(keyword: string, value: string, fuzzy: boolean): DicomMatch {
  if (value.length > MOST_TEXT) throw invalid(`${keyword} is longer than ${MOST_TEXT} characters`);
  if (value.includes('\0')) throw invalid(`${keyword} holds a character that no text has`);
  const pattern = value.replace(/\*+/g, '*');
  if (pattern === '*') return { kind: 'any', keyword };
  if (pattern.split('*').length - 1 > MOST_WILDCARDS)
    throw invalid(`${keyword} has more than ${MOST_WILDCARDS} wildcards`);
  // Whoever writes a wildcard says what may differ; guessing on top of it would find what was not asked for.
  if (!fuzzy || /[*?]/.test(pattern)) return { kind: 'text', keyword, pattern };
  const words = pattern.split(/[\s^=,]+/).filter((word) => word !== '');
  return words.length > 0 ? { kind: 'fuzzy', keyword, words } : { kind: 'any', keyword };
}
