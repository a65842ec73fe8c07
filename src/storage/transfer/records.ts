import { createHash, type Hash } from 'node:crypto';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { BlobLocation, BlobStore, DocumentKind, InstanceRow, OutboxRow } from '../../ports/index.ts';
import type { ExportReader, RunWithAll, Sited } from './export-reader.ts';

export const RECORD_KINDS = [
  'resource',
  'instance',
  'study',
  'run',
  'outbox',
  'api-key',
  'seen',
  'document',
  'audit',
] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

/** One line of an export and the bytes that follow it. */
export interface ExportRecord {
  readonly kind: RecordKind;
  readonly site: string;
  /** The row without what holds in its server only: where bytes lie, and how often the row was written. */
  readonly row: unknown;
  /** What follows the line, one after the other. */
  readonly bodies: readonly Body[];
}

export interface Body {
  readonly bytes: number;
  /** sha256 (hex) of what must be read; absent: it is not known to anybody. */
  readonly sha256?: string;
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** These say something of a server, not of what it keeps. */
const LEFT_BEHIND: ReadonlySet<DocumentKind> = new Set<DocumentKind>(['backup', 'key-rotation', 'scrub', 'damage']);

/** Everything, in an order in which it can be written again: what is pointed to before what points to it. */
export async function* recordsOf(reader: ExportReader, blobs: Pick<BlobStore, 'stream'>): AsyncGenerator<ExportRecord> {
  const bodyOf = (location: BlobLocation, sha256?: string): Body => ({
    bytes: location.length,
    ...(sha256 !== undefined && { sha256 }),
    read: () => blobs.stream(location),
  });
  yield* plain('resource', reader.resources());
  for await (const { site, row: study } of reader.studies()) {
    for await (const instance of reader.instancesOf(site, study.studyInstanceUid)) {
      const { blob, metadata, ...row } = instance;
      yield { kind: 'instance', site, row, bodies: [bodyOf(blob, row.storedSha256), bodyOf(metadata)] };
    }
    yield { kind: 'study', site, row: study, bodies: [] };
  }
  for await (const { site, row } of reader.runs()) yield runRecord(site, row, bodyOf);
  for await (const { site, row } of reader.looseOutbox()) {
    yield { kind: 'outbox', site, row: outboxOf(row), bodies: bundlesOf([row]).map((at) => bodyOf(at)) };
  }
  for await (const { site, row } of reader.apiKeys()) {
    yield { kind: 'api-key', site, row: { ...row, version: 1 }, bodies: [] };
  }
  yield* plain('seen', reader.seen());
  for await (const { site, row } of reader.documents()) {
    if (!LEFT_BEHIND.has(row.kind)) yield { kind: 'document', site, row: { ...row, version: 1 }, bodies: [] };
  }
  yield* plain('audit', reader.audit());
}

async function* plain(kind: RecordKind, rows: AsyncIterable<Sited<unknown>>): AsyncGenerator<ExportRecord> {
  for await (const { site, row } of rows) yield { kind, site, row, bodies: [] };
}

export type ExportedInstance = Omit<InstanceRow, 'blob' | 'metadata'>;

/** Bodies: the files of the run by name, then the bundles of its deliveries. */
function runRecord(
  site: string,
  { run, log, outbox }: RunWithAll,
  bodyOf: (location: BlobLocation) => Body,
): ExportRecord {
  const names = Object.keys(run.files);
  const row = { run: { ...run, version: 1, files: names }, log, outbox: outbox.map(outboxOf) };
  const locations = [...names.map((name) => run.files[name]!), ...bundlesOf(outbox)];
  return { kind: 'run', site, row, bodies: locations.map((location) => bodyOf(location)) };
}

const outboxOf = (row: OutboxRow): unknown => ({
  ...row,
  version: 1,
  payload: row.payload.kind === 'fhir' ? { kind: 'fhir' } : row.payload,
});

const bundlesOf = (rows: readonly OutboxRow[]): BlobLocation[] =>
  rows.flatMap(({ payload }) => (payload.kind === 'fhir' ? [payload.bundle] : []));

/** What is known of an export at its end. */
export interface ExportSummary {
  readonly counts: Readonly<Record<RecordKind, number>>;
  /** sha256 (hex) over the lines of a kind and the bytes that follow them: equal stores have equal ones. */
  readonly digests: Readonly<Record<RecordKind, string>>;
  /** Of everything that follows lines. */
  readonly bodyBytes: number;
}

/** Sums up records as they pass by. */
export interface Summing {
  line(kind: RecordKind, line: string): void;
  body(kind: RecordKind, piece: Uint8Array): void;
  summary(): ExportSummary;
}

export function startSumming(): Summing {
  const counts = Object.fromEntries(RECORD_KINDS.map((kind) => [kind, 0])) as Record<RecordKind, number>;
  const hashes = new Map<RecordKind, Hash>(RECORD_KINDS.map((kind) => [kind, createHash('sha256')]));
  let bodyBytes = 0;
  return {
    line(kind, line) {
      counts[kind]++;
      hashes.get(kind)!.update(line);
    },
    body(kind, piece) {
      hashes.get(kind)!.update(piece);
      bodyBytes += piece.length;
    },
    summary() {
      const digests = [...hashes].map(([kind, hash]) => [kind, hash.copy().digest('hex')]);
      return { counts: { ...counts }, digests: Object.fromEntries(digests), bodyBytes };
    },
  };
}

/** Members in the order of their names: rows that are equal make equal lines, whichever store they come from. */
export function lineOf({ kind, site, row, bodies }: ExportRecord): string {
  const line = { kind, site, row, bodies: bodies.map(({ bytes }) => bytes) };
  return `${JSON.stringify(line, (_, value: unknown) => sorted(value))}\n`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The bytes of a body, held to what is known of it. @throws damaged */
export async function* checkedBody({ bytes, sha256, read }: Body): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of read()) {
    hash.update(piece);
    length += piece.length;
    yield piece;
  }
  if (length !== bytes || (sha256 !== undefined && hash.digest('hex') !== sha256)) {
    throw new NeuroInsightError('damaged', 'stored bytes are not what was written');
  }
}
