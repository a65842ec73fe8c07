import { MATCHABLE, type QueryLevel } from '../../ports/index.ts';
import { agreesWithContent, type ContentKind, type ContentOf } from './content-columns.ts';
import { type Row, rowsOf } from './database.ts';
import { columnOf } from './dicom-columns.ts';
import { parsed } from './rows.ts';
import { brokenSeals, type SealName } from './sealed-answers.ts';
import type { Verifying } from './verify-loop.ts';

interface Sealed {
  /** As it is counted. */
  readonly name: string;
  readonly seals: readonly SealName[];
  readonly sql: string;
  /** What the columns that searches compare are made of. */
  readonly content?: ContentKind;
  readonly level?: QueryLevel;
}

const plain = (name: string, kind: SealName, table: string, place = 'rowid'): Sealed => ({
  name,
  seals: [kind],
  sql: `SELECT ${place} AS place, * FROM ${table} WHERE ${place} > {after} ORDER BY ${place} LIMIT {limit}`,
});

const SERIES = `SELECT e.eid AS place, s.StudyInstanceUID, e.* FROM series e LEFT JOIN studies s ON s.sid = e.sid
  WHERE e.eid > {after} ORDER BY e.eid LIMIT {limit}`;
const INSTANCES = `SELECT i.iid AS place, s.StudyInstanceUID, e.SeriesInstanceUID, i.*
  FROM instances i LEFT JOIN series e ON e.eid = i.eid LEFT JOIN studies s ON s.sid = e.sid AND s.sid = i.sid
  WHERE i.iid > {after} ORDER BY i.iid LIMIT {limit}`;

const ALL: readonly Sealed[] = [
  plain('resources', 'resource', 'resources', 'rid'),
  plain('versions of resources', 'resource', 'resource_versions'),
  { ...plain('studies', 'study', 'studies', 'sid'), level: 'study' },
  { name: 'series', seals: ['series'], sql: SERIES, level: 'series' },
  { name: 'instances', seals: ['instance', 'place'], sql: INSTANCES, level: 'instance' },
  { ...plain('runs', 'run', 'runs'), content: 'run' },
  plain('lines of run logs', 'run log', 'run_log'),
  { ...plain('deliveries', 'outbox', 'outbox'), content: 'outbox' },
  { ...plain('API keys', 'api key', 'api_keys'), content: 'api key' },
  { ...plain('seen studies', 'seen', 'seen_studies'), content: 'seen' },
  { ...plain('audit rows', 'audit', 'audit', 'sequence'), content: 'audit' },
  plain('packs', 'pack', 'packs'),
  plain('documents', 'document', 'documents'),
];

/** The MAC of every row, and the columns that rows are found by against what they say. */
export async function verifyRows(verifying: Verifying): Promise<void> {
  for (const sealed of ALL) await verifyTable(verifying, sealed);
}

async function verifyTable(
  { key, pages, found }: Verifying,
  { name, seals, sql, content, level }: Sealed,
): Promise<void> {
  for await (const page of pages(name, sql)) {
    const broken = new Set<number>();
    for (const seal of seals) {
      let place = 0;
      for (const error of brokenSeals(key, page, seal)) {
        if (error) broken.add(place);
        place++;
      }
    }
    for (const place of broken) found(`${name} are what was written`, page.rows[place]![0]);
    if (!content && !level) continue;
    rowsOf(page).forEach((row, place) => {
      // What is not what was written need not be read.
      if (broken.has(place)) return;
      const agrees = content ? contentAgrees(content, row) : attributesAgree(level!, row);
      if (!agrees) found(`${name} are found by what they say`, row.place);
    });
  }
}

const contentAgrees = (kind: ContentKind, row: Row): boolean =>
  agreesWithContent(kind, row, parsed<ContentOf<typeof kind>>(row.row));

/** Keys of the levels and what the rows keep in columns of their own. */
const NO_COLUMN: readonly string[] = [
  'StudyInstanceUID',
  'SeriesInstanceUID',
  'SOPInstanceUID',
  'SOPClassUID',
  'InstanceNumber',
  'ModalitiesInStudy',
];

function attributesAgree(level: QueryLevel, row: Row): boolean {
  const attributes = parsed<Parameters<typeof columnOf>[1]>(row.attributes);
  return MATCHABLE[level]
    .filter((keyword) => !NO_COLUMN.includes(keyword))
    .every((keyword) => (row[keyword] ?? null) === columnOf(keyword, attributes));
}

/** Every current resource is the last of its history, and every history has a current resource: no row was put back. */
export async function verifyHistory({ pages, found }: Verifying): Promise<void> {
  const current = `SELECT r.rid AS place, v.mac IS NOT r.mac OR EXISTS (SELECT 1 FROM resource_versions later
      WHERE later.site = r.site AND later.type = r.type AND later.id = r.id AND later.version > r.version) AS broken
    FROM resources r LEFT JOIN resource_versions v
      ON v.site = r.site AND v.type = r.type AND v.id = r.id AND v.version = r.version
    WHERE r.rid > {after} ORDER BY r.rid LIMIT {limit}`;
  for await (const page of pages('current versions', current)) {
    for (const [place, broken] of page.rows) {
      if (broken === 1) found('every resource is at the last version of its history', place);
    }
  }
  const versions = `SELECT v.rowid AS place, r.rid IS NULL OR c.mac IS NOT v.mac AS broken
    FROM resource_versions v LEFT JOIN resources r ON r.site = v.site AND r.type = v.type AND r.id = v.id
      LEFT JOIN changes c ON c.sequence = v.sequence AND c.kind = 'resource' AND c.site = v.site
        AND c.key = v.type || '/' || v.id AND c.version = v.version
    WHERE v.rowid > {after} ORDER BY v.rowid LIMIT {limit}`;
  for await (const page of pages('history', versions)) {
    for (const [place, broken] of page.rows) if (broken === 1) found('every version stands in the log', place);
  }
}
