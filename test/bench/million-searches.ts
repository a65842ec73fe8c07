import type { Condition, DicomMatch, ResourceQuery, SortKey } from '../../src/ports/index.ts';
import type { Store } from '../../src/storage/store.ts';
import { CODES, LOINC, mrnOf, pick, studyDateOf, studyUidOf } from './million-rows.ts';

export interface Measured {
  readonly name: string;
  /** The query number `n`; the number of rows found. */
  readonly ask: (n: number) => Promise<number>;
}

/** How much the store holds, as the searches have to know it. */
export interface Filled {
  readonly site: string;
  readonly patients: number;
  readonly studies: number;
}

const DAY = 86_400_000;
const PAGE = 50;

const byDate = (param: string, descending = true): SortKey => ({ param, kind: 'date', descending });
const names = (text: string, match: 'starts' | 'contains'): Condition => ({
  kind: 'string',
  param: 'name',
  anyOf: [text],
  match,
});

export function fhirSearches({ resources }: Store, { site, patients }: Filled): Measured[] {
  const found = async (resourceType: string, where: readonly Condition[], given: Partial<ResourceQuery> = {}) => {
    const query = { resourceType, where, sort: [], count: PAGE, offset: 0, total: false, ...given };
    return (await resources.search(site, query)).rows.length;
  };
  const subject = (n: number): Condition => ({
    kind: 'reference',
    param: 'subject',
    anyOf: [{ type: 'Patient', id: `p${pick(patients, 'asked', n)}` }],
  });
  const code = (n: number): Condition => ({
    kind: 'token',
    param: 'code',
    anyOf: [{ system: LOINC, code: CODES[n % CODES.length]! }],
  });
  const days = (n: number, length: number): Condition[] => {
    const low = Date.UTC(2017, 0, 1) + pick(3_000, 'from', n) * DAY;
    const bounds = { low, high: low + DAY - 1 };
    const last = { low: low + length * DAY, high: low + (length + 1) * DAY - 1 };
    return [
      { kind: 'date', param: 'date', anyOf: [{ comparator: 'ge', ...bounds }] },
      { kind: 'date', param: 'date', anyOf: [{ comparator: 'le', ...last }] },
    ];
  };
  return [
    {
      name: 'point read of a resource',
      ask: async (n) => Number((await resources.get(site, 'Patient', `p${pick(patients, 'read', n)}`)) !== undefined),
    },
    {
      name: 'Patient?identifier=',
      ask: (n) =>
        found('Patient', [{ kind: 'token', param: 'identifier', anyOf: [{ code: mrnOf(pick(patients, n)) }] }]),
    },
    { name: 'Observation?subject=&code=', ask: (n) => found('Observation', [subject(n), code(n)]) },
    {
      name: 'Observation?subject=&_sort=-date',
      ask: (n) => found('Observation', [subject(n)], { sort: [byDate('date')] }),
    },
    {
      name: 'Observation?date (30 days), sorted',
      ask: (n) => found('Observation', days(n, 30), { sort: [byDate('date')] }),
    },
    {
      name: 'Observation?code=&date (30 days), sorted',
      ask: (n) => found('Observation', [code(n), ...days(n, 30)], { sort: [byDate('date', false)] }),
    },
    {
      name: 'Patient?name=mueller (prefix)',
      ask: (n) => found('Patient', [names(PREFIXES[n % PREFIXES.length]!, 'starts')]),
    },
    {
      name: 'Patient?name:contains=mann',
      ask: (n) => found('Patient', [names(COMMON[n % COMMON.length]!, 'contains')]),
    },
    {
      name: 'Patient?name:contains= (rare)',
      ask: (n) => found('Patient', [names(RARE[n % RARE.length]!, 'contains')]),
    },
    {
      name: 'Patient?name:contains= (rare, with total)',
      ask: (n) => found('Patient', [names(RARE[n % RARE.length]!, 'contains')], { total: true }),
    },
  ];
}

const PREFIXES = ['mueller', 'schm', 'zimmer', 'kow', 'hof'];
const COMMON = ['mann', 'ller', 'sch', 'er', 'zim'];
/** Double names, and one that nobody has. */
const RARE = ['mueller-novak', 'koch-popa', 'xyzzy', 'rossi-lang', 'nn-zim'];

export function dicomSearches({ dicom }: Store, { site, studies }: Filled): Measured[] {
  const found = async (level: 'study' | 'series', ...where: DicomMatch[]) =>
    (await dicom.query(site, { level, where, limit: 100, offset: 0 })).length;
  const name = (pattern: string): DicomMatch => ({ kind: 'text', keyword: 'PatientName', pattern });
  const someDay = (n: number): string => studyDateOf(pick(studies, 'day', n));
  return [
    {
      name: 'instances of a study (100)',
      ask: async (n) => (await dicom.instances(site, { studyInstanceUid: studyUidOf(pick(studies, n)) })).length,
    },
    {
      name: 'one instance',
      ask: async (n) => {
        const study = studyUidOf(pick(studies, n));
        const selector = {
          studyInstanceUid: study,
          seriesInstanceUid: `${study}.1`,
          sopInstanceUid: `${study}.1.${n % 25}`,
        };
        return (await dicom.instances(site, selector)).length;
      },
    },
    {
      name: 'PatientName=Mueller*',
      ask: (n) => found('study', name(['Mueller*', 'Schm*', 'Zimmer*', 'Kow*'][n % 4]!)),
    },
    { name: 'PatientName=*mann*', ask: (n) => found('study', name(['*mann*', '*eva', '*ller^*'][n % 3]!)) },
    {
      name: 'PatientName=*... (rare)',
      ask: (n) => found('study', name(['*xyzzy*', '*koch-popa*', '*-rossi^eva'][n % 3]!)),
    },
    {
      name: 'PatientName fuzzy',
      ask: (n) =>
        found('study', {
          kind: 'fuzzy',
          keyword: 'PatientName',
          words: [['muel', 'eva'], ['rossi'], ['zimm', 'an']][n % 3]!,
        }),
    },
    {
      name: 'StudyDate range (a week)',
      ask: (n) => {
        const from = someDay(n);
        return found('study', { kind: 'range', keyword: 'StudyDate', from, to: String(Number(from) + 7) });
      },
    },
    {
      name: 'ModalitiesInStudy=CT',
      ask: () => found('study', { kind: 'text', keyword: 'ModalitiesInStudy', pattern: 'CT' }),
    },
    {
      name: 'Modality=PT (series, rare)',
      ask: () => found('series', { kind: 'text', keyword: 'Modality', pattern: 'PT' }),
    },
    {
      name: 'Modality=XA (series, none)',
      ask: () => found('series', { kind: 'text', keyword: 'Modality', pattern: 'XA' }),
    },
  ];
}
