import { NeuroInsightError } from '../domain/errors.ts';
import { auditEventOf } from '../fhir/audit-event.ts';
import type { AuditQuery, AuditRow, Principal, StoredResource } from '../ports/index.ts';
import type { TextBundle } from './bundle-text.ts';
import { baseOf, type RecordsDeps, type SearchParams } from './deps.ts';
import { pageLinks } from './page-links.ts';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1000;
const MAX_OFFSET = 1_000_000;
const ACTIONS: ReadonlySet<string> = new Set(['C', 'R', 'U', 'D', 'E']);
const OUTCOMES: ReadonlySet<string> = new Set(['0', '4', '8']);

type Draft = { -readonly [Name in keyof AuditQuery]: AuditQuery[Name] };

const invalid = (what: string): NeuroInsightError => new NeuroInsightError('invalid-request', what);

/** An audit row as the resource it stands for; there is one version of it, ever. */
function storedOf(row: AuditRow, publicUrl: string): StoredResource {
  return {
    resourceType: 'AuditEvent',
    id: row.id,
    versionId: 1,
    lastUpdated: row.recorded,
    method: 'POST',
    json: JSON.stringify(auditEventOf(row, { publicUrl })),
  };
}

/** Undefined when there is no such row. */
export async function readAuditEvent(
  deps: Pick<RecordsDeps, 'auditLog' | 'publicUrl'>,
  principal: Principal,
  id: string,
): Promise<StoredResource | undefined> {
  const row = await deps.auditLog.get(principal.site, id);
  return row && storedOf(row, deps.publicUrl);
}

/** First millisecond of the date or dateTime, and the last that it may mean. */
function spanOf(text: string): readonly [number, number] {
  const parts = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?)?)?$/.exec(text);
  const low = parts ? Date.parse(text) : Number.NaN;
  if (!parts || Number.isNaN(low)) throw invalid('date must be a date, or a dateTime with a zone');
  const [, year, month, day, time] = parts;
  if (time !== undefined) return [low, low + (time.includes('.') ? 0 : 999)];
  const next = day
    ? Date.UTC(Number(year), Number(month) - 1, Number(day) + 1)
    : month
      ? Date.UTC(Number(year), Number(month), 1)
      : Date.UTC(Number(year) + 1, 0, 1);
  return [low, next - 1];
}

/** Narrows the time: eq, ge, gt, le and lt; several dates hold together. */
function narrow(query: Draft, text: string): void {
  const [, comparator = 'eq', rest = ''] = /^(eq|ge|gt|le|lt)?(.*)$/s.exec(text) ?? [];
  const [low, high] = spanOf(rest);
  const from = { eq: low, ge: low, gt: high + 1 }[comparator];
  const to = { eq: high, le: high, lt: low - 1 }[comparator];
  const iso = (time: number): string => new Date(time).toISOString();
  if (from !== undefined && (query.from === undefined || iso(from) > query.from)) query.from = iso(from);
  if (to !== undefined && (query.to === undefined || iso(to) < query.to)) query.to = iso(to);
}

function wholeNumber(name: string, text: string, most: number): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(`${name} must be a whole number`);
  return Math.min(Number(text), most);
}

function readParameter(query: Draft, name: string, value: string): void {
  if (name === 'date') narrow(query, value);
  else if (name === 'agent') query.agent = value.slice(value.lastIndexOf('/') + 1);
  else if (name === 'patient') query.patient = value.includes('/') ? value : `Patient/${value}`;
  else if (name === 'entity') query.entity = value;
  else if (name === 'action') {
    if (!ACTIONS.has(value)) throw invalid('action is one of C, R, U, D, E');
    query.action = value as NonNullable<AuditQuery['action']>;
  } else if (name === 'outcome') {
    if (!OUTCOMES.has(value)) throw invalid('outcome is one of 0, 4, 8');
    query.outcome = value as NonNullable<AuditQuery['outcome']>;
  } else if (name === '_summary' && value === 'count') query.count = 0;
  else if (name === '_count') query.count = wholeNumber(name, value, MAX_COUNT);
  else if (name === '_offset') query.offset = wholeNumber(name, value, MAX_OFFSET);
  else
    throw invalid(
      'AuditEvent is searched by _id, date, agent, patient, entity, action, outcome, _count, _offset and _summary=count',
    );
}

interface AuditSearch {
  readonly id: string | undefined;
  readonly query: AuditQuery;
  readonly selfLinkParams: SearchParams;
}

/** Passed over: said to the HTTP door. _sort=-date is the order in which events come anyway, _total is always there. */
const isPassedOver = (name: string, value: string): boolean =>
  name === '_format' || name === '_pretty' || (name === '_sort' && value === '-date') || name === '_total';

function parse(params: SearchParams): AuditSearch {
  const query: Draft = { count: DEFAULT_COUNT, offset: 0 };
  const seen = new Set<string>();
  let id: string | undefined;
  for (const [name, value] of params) {
    if (isPassedOver(name, value)) continue;
    if (seen.has(name) && name !== 'date') throw invalid('a parameter is given twice');
    seen.add(name);
    if (name === '_id') id = value;
    else readParameter(query, name, value);
  }
  return { id, query, selfLinkParams: params.filter(([name]) => name !== '_offset') };
}

/** AuditEvents, newest first, with their number. Throws invalid-request for a parameter that is not understood. */
export async function searchAuditEvents(
  deps: RecordsDeps,
  principal: Principal,
  params: SearchParams,
): Promise<TextBundle> {
  const { id, query, selfLinkParams } = parse(params);
  const { site } = principal;
  const one = id === undefined ? undefined : await deps.auditLog.get(site, id);
  const known = one ? [one] : [];
  const { rows, total } =
    id === undefined ? await deps.auditLog.search(site, query) : { rows: known, total: known.length };
  const { count, offset } = query;
  const base = baseOf(deps);
  const more = id === undefined && offset + rows.length < total;
  return {
    type: 'searchset',
    total,
    links: pageLinks(`${base}AuditEvent`, selfLinkParams, { count, offset, more }),
    entries: rows.map((row) => ({
      fullUrl: `${base}AuditEvent/${row.id}`,
      resource: storedOf(row, deps.publicUrl).json!,
      search: { mode: 'match' as const },
    })),
  };
}
