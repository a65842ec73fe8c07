import { entryOf } from '../../dicom/dictionary.ts';
import { NeuroInsightError } from '../../domain/errors.ts';
import { inTurns } from '../../domain/in-turns.ts';
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
import type { Query } from './reader-loop.ts';
import { parsed } from './rows.ts';
import { all, any, type Bindings, beginsWith, createBindings, isOneOf } from './sql-text.ts';

/** Rows whose texts are parsed in one turn of the event loop; some milliseconds. */
const ROWS_A_TURN = 250;

const LEVELS: readonly QueryLevel[] = ['study', 'series', 'instance'];
const ALIAS: Readonly<Record<QueryLevel, string>> = { study: 's', series: 'e', instance: 'i' };

const COLUMNS: Readonly<Record<QueryLevel, string>> = {
  study: `s.StudyInstanceUID, s.attributes AS study_attributes, s.modalities, s.series_count,
    s.instance_count AS study_instances`,
  series: 'e.SeriesInstanceUID, e.attributes AS series_attributes, e.instance_count AS series_instances',
  instance: 'i.SOPInstanceUID, i.attributes AS instance_attributes',
};

const NUMBER_OF_COLUMNS: Readonly<Record<QueryLevel, number>> = { study: 5, series: 3, instance: 2 };

/** What the MACs of the level's rows cover beside COLUMNS: read for them alone, so they stand last. */
const SEALED_COLUMNS: Readonly<Record<QueryLevel, string>> = {
  study: 's.site, s.mac AS study_mac',
  series: 'e.mac AS series_mac',
  instance: `i.SOPClassUID, i.InstanceNumber, i.transfer_syntax, i.frames, i.received_sha256, i.stored_sha256,
    i.received_at, i.received_from, i.is_source, i.mac AS instance_mac`,
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
export function compileDicomQuery(site: string, { level, where, limit, offset }: DicomQuery): Query {
  const bindings = createBindings();
  const levels = LEVELS.slice(0, LEVELS.indexOf(level) + 1);
  const ours = bindings.bind(site);
  const conditions = where.map((match) => conditionOf(match, levels, ours, bindings));
  const { from, first } = joinOf(level, where);
  const given = levels.map((one) => COLUMNS[one]).join(', ');
  const sql = `SELECT ${given}, ${levels.map((one) => SEALED_COLUMNS[one]).join(', ')} FROM ${from}
    WHERE ${all([`${ALIAS[first]}.site = ${ours}`, ...conditions])}
    ORDER BY ${levels.map((one) => ORDER[one]).join(', ')}
    LIMIT ${bindings.bind(limit)} OFFSET ${bindings.bind(offset)}`;
  const columns = levels.reduce((sum, one) => sum + NUMBER_OF_COLUMNS[one], 0);
  return { sql, params: bindings.values, columns, seals: levels.map((one) => `joined ${one}` as const) };
}

/** Where the statement begins: the table, and its index, that give the fewest rows; the others are joined to it. */
interface Join {
  readonly from: string;
  readonly first: QueryLevel;
}

/**
 * The plan is ours, as statistics may be old or none: from the identifiers given or, without any, along the studies in
 * their order, so that a page is complete after a few. Rows of one study are of one site.
 */
function joinOf(level: QueryLevel, where: readonly DicomMatch[]): Join {
  const given = new Set(where.filter(isSelective).map(({ keyword }) => keyword));
  const below: Readonly<Record<QueryLevel, string>> = {
    study: '',
    series: ' CROSS JOIN series e INDEXED BY series_uid ON e.sid = s.sid',
    instance: ` CROSS JOIN series e INDEXED BY series_uid ON e.sid = s.sid
      CROSS JOIN instances i INDEXED BY instances_series ON i.eid = e.eid`,
  };
  if (level === 'instance' && given.has('SOPInstanceUID')) {
    const from = `instances i INDEXED BY instances_uid CROSS JOIN series e ON e.eid = i.eid
      CROSS JOIN studies s ON s.sid = i.sid`;
    return { from, first: 'instance' };
  }
  if (level !== 'study' && given.has('SeriesInstanceUID') && !given.has('StudyInstanceUID')) {
    const instances =
      level === 'instance' ? ' CROSS JOIN instances i INDEXED BY instances_series ON i.eid = e.eid' : '';
    const from = `series e INDEXED BY series_site_uid CROSS JOIN studies s ON s.sid = e.sid${instances}`;
    return { from, first: 'series' };
  }
  const [, index] = STUDY_INDEXES.find(([keyword]) => given.has(keyword)) ?? ['', ' INDEXED BY studies_date'];
  return { from: `studies s${index}${below[level]}`, first: 'study' };
}

/** The most selective first. The names of patients are looked up apart, by two indexes. */
const STUDY_INDEXES: readonly (readonly [keyword: string, index: string])[] = [
  ['StudyInstanceUID', ' INDEXED BY studies_uid'],
  ['AccessionNumber', ' INDEXED BY studies_accession'],
  ['PatientID', ' INDEXED BY studies_patient'],
  ['PatientName', ' NOT INDEXED'],
];

/** Whether an index has the beginning of the match. */
function isSelective(match: DicomMatch): boolean {
  if (match.kind === 'uid') return true;
  return match.kind === 'text' && prefixOf(piecesOf(match.keyword, match.pattern)) !== '';
}

function conditionOf(match: DicomMatch, levels: readonly QueryLevel[], site: string, bindings: Bindings): string {
  const { keyword } = match;
  const level = levels.find((one) => MATCHABLE[one].includes(keyword));
  if (level === undefined)
    throw new NeuroInsightError('invalid-request', 'the attribute cannot be matched at this level');
  if (keyword === 'ModalitiesInStudy') return modalitiesTest(match, site, bindings);
  const column = `${ALIAS[level]}.${keyword}`;
  switch (match.kind) {
    case 'any':
      return '1';
    case 'uid':
      return isOneOf(column, match.anyOf, bindings);
    case 'range':
      return rangeTest(column, match, bindings);
    case 'fuzzy':
      if (keyword === 'PatientName') return amongNames(site, fuzzyTest('PatientName', match.words, bindings));
      return fuzzyTest(column, match.words, bindings);
    case 'text': {
      const pieces = piecesOf(keyword, match.pattern);
      if (keyword === 'Modality') return modalityTest(pieces, site, bindings);
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
  return `(instr(${column}, '=') > 0 AND '=' || ${column} || '=' GLOB ${bind(`*=${globOf(pieces)}=*`)})`;
}

const nameTest = (column: string, pieces: readonly Piece[], bindings: Bindings): string =>
  any([patternTest(column, pieces, bindings), groupTest(column, pieces, bindings)]);

/**
 * The study is one of those whose names meet the test. All names are looked at, but in their index alone, which is a
 * fiftieth of the studies; the walk along the dates then knows each study by its number.
 */
const amongNames = (site: string, test: string): string =>
  `s.sid IN (SELECT sid FROM studies INDEXED BY studies_name WHERE site = ${site} AND ${test})`;

/** Most names have one group and are found by the index of names; the others have an index of their own. */
function patientNameTest(pieces: readonly Piece[], site: string, bindings: Bindings): string {
  if (prefixOf(pieces) === '') return amongNames(site, nameTest('PatientName', pieces, bindings));
  return `s.sid IN (SELECT sid FROM studies WHERE site = ${site} AND ${patternTest('PatientName', pieces, bindings)}
    UNION ALL SELECT sid FROM studies INDEXED BY studies_name_groups WHERE site = ${site}
      AND ${groupTest('PatientName', pieces, bindings)})`;
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
  const wanted = foldedWords(words);
  // Most names do not even hold the words, which is told sooner than where they begin.
  return all([
    ...wanted.map((word) => `instr(${column}, ${bind(word)}) > 0`),
    ...wanted.map((word) => `instr(' ' || ${name}, ${bind(` ${word}`)}) > 0`),
  ]);
}

function modalitiesTest(match: DicomMatch, site: string, bindings: Bindings): string {
  const patterns =
    match.kind === 'text'
      ? modalityPatterns(match.pattern)
      : match.kind === 'uid'
        ? match.anyOf.map((literal): Piece[] => [{ literal }])
        : [];
  if (match.kind !== 'text' && match.kind !== 'uid') return '1';
  if (patterns.some(isUniversal)) return '1';
  const literals = patterns.map(literalOf).filter((literal) => literal !== undefined);
  if (literals.length === patterns.length) return haveModality(literals, site, bindings);
  const series = bindings.alias();
  const tests = patterns.map((pieces) => patternTest(`${series}.Modality`, pieces, bindings));
  return `EXISTS (SELECT 1 FROM series ${series} WHERE ${series}.sid = s.sid AND ${any(tests)})`;
}

/** The study is asked first: most studies have no series of a rare modality. */
function modalityTest(pieces: readonly Piece[], site: string, bindings: Bindings): string {
  const test = patternTest('e.Modality', pieces, bindings);
  const literal = literalOf(pieces);
  return literal ? all([haveModality([literal], site, bindings), test]) : test;
}

/** A study has its modalities as a JSON list of text, which an index holds beside the number of the study. */
const haveModality = (modalities: readonly string[], site: string, { bind }: Bindings): string =>
  `s.sid IN (SELECT sid FROM studies INDEXED BY studies_modalities WHERE site = ${site}
    AND ${any(modalities.map((modality) => `instr(modalities, ${bind(JSON.stringify(modality))}) > 0`))})`;

/** Rows of the statement as the port says them. */
export function dicomMatchRowsOf(level: QueryLevel, rows: readonly Row[]): Promise<DicomMatchRow[]> {
  // The instances of a study repeat its attributes: each text is parsed once.
  const known = new Map<Value | undefined, JsonDataset>();
  const datasetOf = (value: Value | undefined): JsonDataset => {
    const dataset = known.get(value) ?? parsed<JsonDataset>(value);
    known.set(value, dataset);
    return dataset;
  };
  return inTurns(
    rows,
    ROWS_A_TURN,
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
