import { entryOf } from '../../dicom/dictionary.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import {
  type DicomMatch,
  type DicomMatchRow,
  type DicomQuery,
  type InstanceRow,
  MATCHABLE,
  type QueryLevel,
} from '../../ports/index.ts';
import {
  foldedWords,
  isUniversal,
  matchesPieces,
  modalityPatterns,
  NAME_SEPARATORS,
  piecesOf,
} from '../dicom-pattern.ts';
import { columnOf } from '../sqlite/dicom-columns.ts';
import { compare, compareMissingLast } from './compare.ts';

type Column = string | number | null;

const LEVELS: readonly QueryLevel[] = ['study', 'series', 'instance'];

/** What a study or a series is as a whole. */
interface Study {
  readonly series: Set<string>;
  readonly modalities: Set<string>;
  instances: number;
  readonly instancesOfSeries: Map<string, number>;
}

/**
 * The answers of a query among the instances of one site. The rows carry the attributes that their study and series
 * have been given by their first instance.
 *
 * @throws invalid-request for a keyword that is not in MATCHABLE at the level or above it.
 */
export function matchInstances(rows: readonly InstanceRow[], query: DicomQuery): DicomMatchRow[] {
  const studies = studiesOf(rows);
  const levels = LEVELS.slice(0, LEVELS.indexOf(query.level) + 1);
  const found = new Map<string, InstanceRow>();
  for (const row of rows) {
    const key = JSON.stringify(uidsOf(row).slice(0, levels.length));
    const study = studies.get(row.studyInstanceUid)!;
    if (!found.has(key) && query.where.every((match) => isMatch(row, study, match, levels))) found.set(key, row);
  }
  // A keyword that cannot be matched is refused in an empty archive too.
  for (const match of query.where) levelOf(match, levels);
  return [...found.values()]
    .sort((a, b) => inOrder(a, b, query.level))
    .slice(query.offset, query.offset + query.limit)
    .map((row) => answerOf(row, studies.get(row.studyInstanceUid)!, query.level));
}

const uidsOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceRow): string[] => [
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
];

function studiesOf(rows: readonly InstanceRow[]): Map<string, Study> {
  const studies = new Map<string, Study>();
  for (const row of rows) {
    const { studyInstanceUid, seriesInstanceUid } = row;
    const study = studies.get(studyInstanceUid) ?? {
      series: new Set<string>(),
      modalities: new Set<string>(),
      instances: 0,
      instancesOfSeries: new Map<string, number>(),
    };
    studies.set(studyInstanceUid, study);
    const modality = columnOf('Modality', row.attributes.series);
    if (typeof modality === 'string') study.modalities.add(modality);
    study.series.add(seriesInstanceUid);
    study.instances++;
    study.instancesOfSeries.set(seriesInstanceUid, (study.instancesOfSeries.get(seriesInstanceUid) ?? 0) + 1);
  }
  return studies;
}

function levelOf({ keyword }: DicomMatch, levels: readonly QueryLevel[]): QueryLevel {
  const level = levels.find((one) => MATCHABLE[one].includes(keyword));
  if (level === undefined)
    throw new NeuroInsightError('invalid-request', 'the attribute cannot be matched at this level');
  return level;
}

function isMatch(row: InstanceRow, study: Study, match: DicomMatch, levels: readonly QueryLevel[]): boolean {
  const level = levelOf(match, levels);
  const { keyword } = match;
  if (keyword === 'ModalitiesInStudy') return hasModality(study, match);
  const column = columnOfRow(row, keyword, level);
  switch (match.kind) {
    case 'any':
      return true;
    case 'uid':
      return match.anyOf.includes(String(column));
    case 'range':
      return isInRange(column, match);
    case 'fuzzy':
      return isFuzzyMatch(column, match.words);
    case 'text':
      return isTextMatch(column, keyword, match.pattern);
  }
}

/** The identifiers are those of the row, whatever its attributes say: so they are in the index of a database. */
function columnOfRow(row: InstanceRow, keyword: string, level: QueryLevel): Column {
  const own: Readonly<Record<string, Column>> = {
    StudyInstanceUID: row.studyInstanceUid,
    SeriesInstanceUID: row.seriesInstanceUid,
    SOPInstanceUID: row.sopInstanceUid,
    SOPClassUID: row.sopClassUid,
    InstanceNumber: row.instanceNumber ?? null,
  };
  return keyword in own ? own[keyword]! : columnOf(keyword, row.attributes[level]);
}

function isInRange(column: Column, { from, to }: Extract<DicomMatch, { kind: 'range' }>): boolean {
  if (from === undefined && to === undefined) return true;
  if (column === null) return false;
  const against = (end: string): number =>
    typeof column === 'number' ? compare(column, Number(end)) : compare(column, end);
  return (from === undefined || against(from) >= 0) && (to === undefined || against(to) <= 0);
}

function isFuzzyMatch(column: Column, words: readonly string[]): boolean {
  const wanted = foldedWords(words);
  if (wanted.length === 0) return true;
  const name = NAME_SEPARATORS.reduce((text, separator) => text.replaceAll(separator, ' '), String(column ?? ''));
  return wanted.every((word) => ` ${name}`.includes(` ${word}`));
}

function isTextMatch(column: Column, keyword: string, pattern: string): boolean {
  const pieces = piecesOf(keyword, pattern);
  if (isUniversal(pieces)) return true;
  if (column === null) return false;
  if (matchesPieces(String(column), pieces)) return true;
  // A pattern may describe one of the groups of a name.
  const anything = ['*', { literal: '=' }] as const;
  return (
    entryOf(keyword).vr === 'PN' && matchesPieces(`=${column}=`, [...anything, ...pieces, anything[1], anything[0]])
  );
}

function hasModality({ modalities }: Study, match: DicomMatch): boolean {
  if (match.kind === 'uid') return match.anyOf.some((modality) => modalities.has(modality));
  if (match.kind !== 'text') return true;
  return modalityPatterns(match.pattern).some(
    (pieces) => isUniversal(pieces) || [...modalities].some((modality) => matchesPieces(modality, pieces)),
  );
}

function inOrder(a: InstanceRow, b: InstanceRow, level: QueryLevel): number {
  const text = (row: InstanceRow, keyword: string): string | undefined => {
    const column = columnOf(keyword, row.attributes.study);
    return column === null ? undefined : String(column);
  };
  const number = (row: InstanceRow): number | undefined => {
    const column = columnOf('SeriesNumber', row.attributes.series);
    return column === null ? undefined : Number(column);
  };
  return (
    compareMissingLast(text(a, 'StudyDate'), text(b, 'StudyDate'), true) ||
    compareMissingLast(text(a, 'StudyTime'), text(b, 'StudyTime'), true) ||
    compare(a.studyInstanceUid, b.studyInstanceUid) ||
    (level === 'study'
      ? 0
      : compareMissingLast(number(a), number(b), false) ||
        compare(a.seriesInstanceUid, b.seriesInstanceUid) ||
        compareMissingLast(a.instanceNumber, b.instanceNumber, false) ||
        compare(a.sopInstanceUid, b.sopInstanceUid))
  );
}

function answerOf(row: InstanceRow, study: Study, level: QueryLevel): DicomMatchRow {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, attributes } = row;
  return {
    studyInstanceUid,
    ...(level !== 'study' && { seriesInstanceUid }),
    ...(level === 'instance' && { sopInstanceUid }),
    attributes: {
      study: attributes.study,
      ...(level !== 'study' && { series: attributes.series }),
      ...(level === 'instance' && { instance: attributes.instance }),
    },
    modalitiesInStudy: [...study.modalities].sort(compare),
    numberOfStudyRelatedSeries: study.series.size,
    numberOfStudyRelatedInstances: study.instances,
    ...(level !== 'study' && { numberOfSeriesRelatedInstances: study.instancesOfSeries.get(seriesInstanceUid)! }),
  };
}
