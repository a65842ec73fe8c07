import { entryOf } from '../../dicom/dictionary.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import {
  type DicomMatch,
  type DicomMatchRow,
  type DicomQuery,
  type JsonDataset,
  MATCHABLE,
  type QueryLevel,
} from '../../ports/index.ts';
import {
  foldedWords,
  globOf,
  isUniversal,
  literalOf,
  modalityPatterns,
  NAME_SEPARATORS,
  type Piece,
  piecesOf,
  prefixOf,
} from '../dicom-pattern.ts';
import type { Row, Value } from './database.ts';
import { parsed } from './rows.ts';
import { all, any, type Bindings, beginsWith, createBindings, isOneOf } from './sql-text.ts';

const LEVELS: readonly QueryLevel[] = ['study', 'series', 'instance'];
const ALIAS: Readonly<Record<QueryLevel, string>> = { study: 's', series: 'e', instance: 'i' };

const COLUMNS: Readonly<Record<QueryLevel, string>> = {
  study: `s.StudyInstanceUID, s.attributes AS study_attributes, s.modalities, s.series_count,
    s.instance_count AS study_instances`,
  series: 'e.SeriesInstanceUID, e.attributes AS series_attributes, e.instance_count AS series_instances',
  instance: 'i.SOPInstanceUID, i.attributes AS instance_attributes',
};

const FROM: Readonly<Record<QueryLevel, string>> = {
  study: 'studies s',
  series: 'studies s JOIN series e ON e.sid = s.sid',
  instance: 'studies s JOIN series e ON e.sid = s.sid JOIN instances i ON i.eid = e.eid',
};

/** Descending order has what is missing at its end. */
const ORDER: Readonly<Record<QueryLevel, string>> = {
  study: 's.StudyDate DESC, s.StudyTime DESC, s.StudyInstanceUID',
  series: 'e.SeriesNumber IS NULL, e.SeriesNumber, e.SeriesInstanceUID',
  instance: 'i.InstanceNumber IS NULL, i.InstanceNumber, i.SOPInstanceUID',
};

/**
 * One statement for one request of QIDO-RS, with the attributes of the level and those above it in its rows.
 * `dicomMatchRowsOf` reads them.
 *
 * @throws invalid-request for a keyword that is not in MATCHABLE at the level or above it.
 */
export function compileDicomQuery(
  site: string,
  { level, where, limit, offset }: DicomQuery,
): { readonly sql: string; readonly params: readonly Value[] } {
  const bindings = createBindings();
  const levels = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  const ours = bindings.bind(site);
  const conditions = where.map((match) => conditionOf(match, levels, ours, bindings));
  const sites = levels.map((one) => `${ALIAS[one]}.site = ${ours}`);
  const sql = `SELECT ${levels.map((one) => COLUMNS[one]).join(', ')} FROM ${FROM[level]}
    WHERE ${all([...sites, ...conditions])} ORDER BY ${levels.map((one) => ORDER[one]).join(', ')}
    LIMIT ${bindings.bind(limit)} OFFSET ${bindings.bind(offset)}`;
  return { sql, params: bindings.values };
}

function conditionOf(match: DicomMatch, levels: readonly QueryLevel[], site: string, bindings: Bindings): string {
  const { keyword } = match;
  const level = levels.find((one) => MATCHABLE[one].includes(keyword));
  if (level === undefined)
    throw new NeuroInsightError('invalid-request', 'the attribute cannot be matched at this level');
  if (keyword === 'ModalitiesInStudy') return modalitiesTest(match, bindings);
  const column = `${ALIAS[level]}.${keyword}`;
  switch (match.kind) {
    case 'any':
      return '1';
    case 'uid':
      return isOneOf(column, match.anyOf, bindings);
    case 'range':
      return rangeTest(column, match, bindings);
    case 'fuzzy':
      return fuzzyTest(column, match.words, bindings);
    case 'text': {
      const pieces = piecesOf(keyword, match.pattern);
      if (entryOf(keyword).vr !== 'PN' || isUniversal(pieces)) return patternTest(column, pieces, bindings);
      return keyword === 'PatientName' ? patientNameTest(pieces, site, bindings) : nameTest(column, pieces, bindings);
    }
  }
}

function patternTest(column: string, pieces: readonly Piece[], bindings: Bindings): string {
  if (isUniversal(pieces)) return '1';
  const literal = literalOf(pieces);
  if (literal !== undefined) return `${column} = ${bindings.bind(literal)}`;
  const prefix = prefixOf(pieces);
  const glob = `${column} GLOB ${bindings.bind(globOf(pieces))}`;
  return prefix === '' ? glob : `(${beginsWith(column, prefix, bindings)} AND ${glob})`;
}

/** A pattern may describe one of the groups of a name: alphabetic, ideographic, phonetic (PS3.4 C.2.2.2.1). */
function groupTest(column: string, pieces: readonly Piece[], { bind }: Bindings): string {
  return `'=' || ${column} || '=' GLOB ${bind(`*=${globOf(pieces)}=*`)}`;
}

const nameTest = (column: string, pieces: readonly Piece[], bindings: Bindings): string =>
  any([patternTest(column, pieces, bindings), groupTest(column, pieces, bindings)]);

/** Most names have one group and are found by the index of names; the others have an index of their own. */
function patientNameTest(pieces: readonly Piece[], site: string, bindings: Bindings): string {
  if (prefixOf(pieces) === '') return nameTest('s.PatientName', pieces, bindings);
  return `s.sid IN (SELECT sid FROM studies WHERE site = ${site} AND ${patternTest('PatientName', pieces, bindings)}
    UNION ALL SELECT sid FROM studies INDEXED BY studies_name_groups WHERE site = ${site}
      AND instr(PatientName, '=') > 0 AND ${groupTest('PatientName', pieces, bindings)})`;
}

function rangeTest(
  column: string,
  { keyword, from, to }: Extract<DicomMatch, { kind: 'range' }>,
  { bind }: Bindings,
): string {
  const isNumber = entryOf(keyword).vr === 'IS';
  const end = (text: string): string => bind(isNumber ? Number(text) : text);
  return all([
    ...(from === undefined ? [] : [`${column} >= ${end(from)}`]),
    ...(to === undefined ? [] : [`${column} <= ${end(to)}`]),
  ]);
}

function fuzzyTest(column: string, words: readonly string[], { bind }: Bindings): string {
  const name = NAME_SEPARATORS.reduce((text, separator) => `replace(${text}, '${separator}', ' ')`, column);
  return all(foldedWords(words).map((word) => `instr(' ' || ${name}, ${bind(` ${word}`)}) > 0`));
}

function modalitiesTest(match: DicomMatch, bindings: Bindings): string {
  const patterns =
    match.kind === 'text'
      ? modalityPatterns(match.pattern)
      : match.kind === 'uid'
        ? match.anyOf.map((literal): Piece[] => [{ literal }])
        : [];
  if (match.kind !== 'text' && match.kind !== 'uid') return '1';
  if (patterns.some(isUniversal)) return '1';
  const series = bindings.alias();
  const tests = patterns.map((pieces) => patternTest(`${series}.Modality`, pieces, bindings));
  return `EXISTS (SELECT 1 FROM series ${series} WHERE ${series}.sid = s.sid AND ${any(tests)})`;
}

/** Rows of the statement as the port says them. */
export function dicomMatchRowsOf(level: QueryLevel, rows: readonly Row[]): DicomMatchRow[] {
  // The instances of a study repeat its attributes: each text is parsed once.
  const known = new Map<Value | undefined, JsonDataset>();
  const datasetOf = (value: Value | undefined): JsonDataset => {
    const dataset = known.get(value) ?? parsed<JsonDataset>(value);
    known.set(value, dataset);
    return dataset;
  };
  return rows.map(
    (row): DicomMatchRow => ({
      studyInstanceUid: String(row.StudyInstanceUID),
      ...(level !== 'study' && { seriesInstanceUid: String(row.SeriesInstanceUID) }),
      ...(level === 'instance' && { sopInstanceUid: String(row.SOPInstanceUID) }),
      attributes: {
        study: datasetOf(row.study_attributes),
        ...(level !== 'study' && { series: datasetOf(row.series_attributes) }),
        ...(level === 'instance' && { instance: datasetOf(row.instance_attributes) }),
      },
      modalitiesInStudy: parsed(row.modalities),
      numberOfStudyRelatedSeries: Number(row.series_count),
      numberOfStudyRelatedInstances: Number(row.study_instances),
      ...(level !== 'study' && { numberOfSeriesRelatedInstances: Number(row.series_instances) }),
    }),
  );
}
