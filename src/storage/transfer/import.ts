import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Resource } from '@medplum/fhirtypes';
import { NeuroInsightError } from '../../domain/errors.ts';
import type {
  AuditTrail,
  BlobLocation,
  BlobStore,
  ChangeFeed,
  Commit,
  IndexEntry,
  Ledger,
  PackWriter,
  Principal,
  StoredResource,
} from '../../ports/index.ts';
import { type ContainerLock, openContainer, type Taking, takeFrom } from './container.ts';
import type { ExportEnd } from './export.ts';
import type { ExportReader } from './export-reader.ts';
import { commitOfInstances, commitOfRow, type InstanceInPack } from './import-rows.ts';
import {
  checkedBody,
  type ExportedInstance,
  lineOf,
  RECORD_KINDS,
  type RecordKind,
  recordsOf,
  startSumming,
} from './records.ts';

export interface ImportDeps {
  readonly ledger: Ledger;
  readonly changes: Pick<ChangeFeed, 'after'>;
  readonly blobs: Pick<BlobStore, 'openPack' | 'stream'>;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  /** By what a resource can be found. */
  readonly indexOf: (resource: Resource) => readonly IndexEntry[];
  /** What was imported, read again; absent: it is not compared. */
  readonly openReader?: () => Promise<ExportReader>;
}

export interface ImportRequest {
  readonly file: string;
  readonly lock: ContainerLock;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly records: number; readonly bytes: number }) => void;
}

export interface ImportReport {
  /** Moment and server version of the export. */
  readonly at: string;
  readonly softwareVersion: string;
  readonly counts: ExportEnd['counts'];
  readonly bodyBytes: number;
  /** Whether every row and byte was read again and is equal. */
  readonly compared: boolean;
  readonly seconds: number;
}

/** Rows and bytes of one commit; a pack larger than this is ended between two instances. */
const BATCH_ROWS = 200;
const BATCH_BYTES = 2 ** 26;
/** The largest line: a resource of an EHR with its attachments. */
const LONGEST_LINE = 2 ** 28;

/**
 * Writes an export into an empty server through its ports: new packs, and new keys for every study. The server must not
 * be in use; when this throws, what was written is of no use and its folder is to be thrown away.
 *
 * @throws conflict: the server is not empty. wrong-key, damaged: see `openContainer`; also when what was written is not
 *   equal to what was exported.
 */
export async function importServer(deps: ImportDeps, request: ImportRequest): Promise<ImportReport> {
  const started = performance.now();
  const { principal } = request;
  if ((await deps.changes.after(undefined, 0, 1)).length > 0) {
    throw new NeuroInsightError('conflict', 'an export can only be imported into an empty server');
  }
  const input = takeFrom(openContainer(createReadStream(request.file, { highWaterMark: 2 ** 20 }), request.lock));
  const batch = startBatch(deps);
  const end = await importRecords(batch, request, input).finally(async () => {
    await batch.discard();
    await input.close();
  });
  if (deps.openReader) await compare(deps, await deps.openReader(), end);
  const row = deps.audit.rowOf({ principal, action: 'E', interaction: 'admin/import' });
  await deps.ledger.commit({ site: principal.site, audit: [row] });
  const { at, softwareVersion, counts, bodyBytes } = end;
  const seconds = (performance.now() - started) / 1000;
  return { at, softwareVersion, counts, bodyBytes, compared: deps.openReader !== undefined, seconds };
}

interface Line {
  readonly kind: RecordKind;
  readonly site: string;
  readonly row: unknown;
  readonly bodies: readonly number[];
}

async function importRecords(batch: Batch, request: ImportRequest, input: Taking): Promise<ExportEnd> {
  const summing = startSumming();
  let records = 0;
  let bytes = 0;
  for (;;) {
    if (request.signal.aborted) throw new NeuroInsightError('cancelled', 'the import was cancelled');
    const text = await input.line(LONGEST_LINE);
    const line = parseLine(text);
    if ('end' in line) {
      await batch.flush();
      requireEqual(line.end, summing.summary());
      return line.end;
    }
    summing.line(line.kind, `${text}\n`);
    const bodies = line.bodies.map((length) =>
      tallied(input.pieces(length), (piece) => summing.body(line.kind, piece)),
    );
    await batch.add(line, bodies);
    bytes += line.bodies.reduce((sum, length) => sum + length, 0);
    records++;
    if (records % 256 === 0) request.onProgress?.({ records, bytes });
  }
}

async function* tallied(pieces: AsyncIterable<Uint8Array>, tell: (piece: Uint8Array) => void) {
  for await (const piece of pieces) {
    tell(piece);
    yield piece;
  }
}

function parseLine(text: string): Line | { readonly end: ExportEnd } {
  try {
    const line = JSON.parse(text) as Line | ExportEnd;
    if (line.kind === 'end') return { end: line };
    const isLine = RECORD_KINDS.includes(line.kind) && typeof line.site === 'string' && Array.isArray(line.bodies);
    if (isLine && line.bodies.every((length) => Number.isSafeInteger(length) && length >= 0)) return line;
  } catch {
    // Told below.
  }
  throw new NeuroInsightError('damaged', 'a line of the export is malformed');
}

interface Batch {
  add(line: Line, bodies: readonly AsyncIterable<Uint8Array>[]): Promise<void>;
  flush(): Promise<void>;
  /** Takes away the pack that was being written. */
  discard(): Promise<void>;
}

/** Rows of one kind and site become few commits, instances of one study few packs. */
function startBatch(deps: ImportDeps): Batch {
  let site = '';
  let rows: Commit[] = [];
  let bytes = 0;
  let open: { readonly study: string; readonly writer: PackWriter; readonly instances: InstanceInPack[] } | undefined;

  const flush = async (): Promise<void> => {
    if (open) {
      const { writer, instances } = open;
      open = undefined;
      await deps.ledger.commit(commitOfInstances(site, instances, await writer.seal()));
    }
    if (rows.length > 0) await deps.ledger.commit(joined(site, rows));
    rows = [];
    bytes = 0;
  };
  const addInstance = async (row: ExportedInstance, bodies: readonly AsyncIterable<Uint8Array>[]): Promise<void> => {
    if (open?.study !== row.studyInstanceUid) {
      await flush();
      const writer = await deps.blobs.openPack(site, row.studyInstanceUid);
      open = { study: row.studyInstanceUid, writer, instances: [] };
    }
    const blob = await append(open.writer, bodies[0]!, row.storedSha256);
    const metadata = await append(open.writer, bodies[1]!);
    open.instances.push({ row, blob, metadata });
    bytes += blob.length;
  };
  const addRow = async (line: Line, bodies: readonly AsyncIterable<Uint8Array>[]): Promise<void> => {
    if (open) await flush();
    const study = studyOf(line);
    const writer = bodies.length > 0 ? await deps.blobs.openPack(line.site, study) : undefined;
    const locations: BlobLocation[] = [];
    for (const body of bodies) locations.push(await append(writer!, body));
    rows.push(
      commitOfRow(line.kind, line.site, line.row, { locations, indexOf: deps.indexOf, sealed: await writer?.seal() }),
    );
    // A pack's key is known to the store when its commit is there: the next pack of the study then uses it.
    if (writer) await flush();
    bytes += line.kind === 'resource' ? ((line.row as StoredResource).json?.length ?? 0) : 0;
  };
  return {
    flush,
    discard: async () => void (await open?.writer.discard()),
    async add(line, bodies) {
      if (line.site !== site || rows.length >= BATCH_ROWS || bytes >= BATCH_BYTES) await flush();
      site = line.site;
      if (line.kind === 'instance') await addInstance(line.row as ExportedInstance, bodies);
      else await addRow(line, bodies);
    },
  };
}

const studyOf = ({ row }: Line): string =>
  (row as { run?: { studyInstanceUid?: string } }).run?.studyInstanceUid ?? 'none';

/** All the rows of several commits in one. */
function joined(site: string, commits: readonly Commit[]): Commit {
  const lists = new Map<string, unknown[]>();
  for (const { site: _, ...parts } of commits) {
    for (const [name, list] of Object.entries(parts)) {
      lists.set(name, [...(lists.get(name) ?? []), ...(list as readonly unknown[])]);
    }
  }
  return { site, ...Object.fromEntries(lists) };
}

/** Pieces that follow each other are one stretch of the pack. @throws damaged when the bytes are others. */
async function append(writer: PackWriter, body: AsyncIterable<Uint8Array>, sha256?: string): Promise<BlobLocation> {
  const hash = createHash('sha256');
  let whole: BlobLocation | undefined;
  for await (const piece of body) {
    hash.update(piece);
    const { pack, offset, length } = await writer.append(piece);
    whole = whole ? { ...whole, length: whole.length + length } : { pack, offset, length };
  }
  if (sha256 !== undefined && hash.digest('hex') !== sha256) {
    throw new NeuroInsightError('damaged', 'bytes of the export are not what was stored');
  }
  return whole ?? writer.append(new Uint8Array());
}

/** Reads everything again as it would be exported, as far as the export goes: the import itself is audited. */
async function compare(deps: ImportDeps, reader: ExportReader, end: ExportEnd): Promise<void> {
  const summing = startSumming();
  const left = { ...end.counts };
  try {
    for await (const record of recordsOf(reader, deps.blobs)) {
      if (left[record.kind]-- <= 0) continue;
      summing.line(record.kind, lineOf(record));
      for (const body of record.bodies) {
        for await (const piece of checkedBody(body)) summing.body(record.kind, piece);
      }
    }
  } finally {
    await reader.release();
  }
  requireEqual(end, summing.summary());
}

function requireEqual(expected: ExportEnd, found: Pick<ExportEnd, 'counts' | 'digests'>): void {
  for (const kind of RECORD_KINDS) {
    if (expected.counts?.[kind] !== found.counts[kind] || expected.digests?.[kind] !== found.digests[kind]) {
      throw new NeuroInsightError('damaged', `what was imported of kind ${kind} is not equal to what was exported`);
    }
  }
}
