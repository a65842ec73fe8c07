import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NeuroInsightError } from '../../domain/errors.ts';
import type { AuditTrail, BlobStore, Clock, Ledger, LogHead, Principal } from '../../ports/index.ts';
import { writeFileWhole } from '../backup/repository.ts';
import { syncFolder } from '../durable-files.ts';
import { type ContainerLock, sealContainer } from './container.ts';
import type { ExportReader } from './export-reader.ts';
import { checkedBody, type ExportSummary, lineOf, recordsOf, startSumming } from './records.ts';

export interface ExportDeps {
  readonly openReader: () => Promise<ExportReader>;
  readonly blobs: Pick<BlobStore, 'stream'>;
  readonly ledger: Ledger;
  readonly audit: Pick<AuditTrail, 'rowOf'>;
  readonly clock: Clock;
  readonly softwareVersion: string;
}

export interface ExportRequest {
  /** The file to make; it must not be there. */
  readonly file: string;
  readonly lock: ContainerLock;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { readonly records: number; readonly bytes: number }) => void;
}

export interface ExportReport extends ExportSummary {
  readonly at: string;
  readonly log: LogHead;
  readonly fileBytes: number;
  readonly seconds: number;
}

/** The last line of an export. */
export interface ExportEnd extends ExportSummary {
  readonly kind: 'end';
  readonly at: string;
  readonly log: LogHead;
  readonly softwareVersion: string;
}

/**
 * Writes everything that a server keeps into one enciphered file: rows as lines of JSON, the bytes of each after its
 * line. Of one moment, while the server works; in memory is one row and one piece of bytes. No key of the server is in
 * it. Audited before the first row is read.
 *
 * @throws output-exists, storage-full, cancelled; damaged for rows or bytes that are not what was written.
 */
export async function exportServer(deps: ExportDeps, request: ExportRequest): Promise<ExportReport> {
  const started = performance.now();
  const { file, principal } = request;
  const audited = { principal, action: 'R', interaction: 'admin/export' } as const;
  await deps.ledger.commit({ site: principal.site, audit: [deps.audit.rowOf(audited)] });
  const aside = `${file}.unfinished`;
  let end: ExportEnd | undefined;
  let fileBytes = 0;
  const reader = await deps.openReader();
  try {
    await requireAbsent(file);
    const lines = linesOf(deps, reader, request, (made) => {
      end = made;
    });
    await rm(aside, { force: true });
    await writeFileWhole(aside, async (to) => {
      for await (const piece of sealContainer(lines, request.lock)) {
        await to.writeFile(piece);
        fileBytes += piece.length;
      }
    });
    await rename(aside, file);
    await syncFolder(dirname(file));
  } finally {
    await rm(aside, { force: true });
    await reader.release();
  }
  const { kind: _, softwareVersion: __, ...summary } = end!;
  return { ...summary, fileBytes, seconds: (performance.now() - started) / 1000 };
}

async function requireAbsent(file: string): Promise<void> {
  const there = await open(file, 'r').then(
    (handle) => handle.close().then(() => true),
    () => false,
  );
  if (there) throw new NeuroInsightError('output-exists', 'the file to export to is there already');
}

async function* linesOf(
  deps: ExportDeps,
  reader: ExportReader,
  { signal, onProgress }: ExportRequest,
  onEnd: (end: ExportEnd) => void,
): AsyncGenerator<Uint8Array> {
  const at = deps.clock.now().toISOString();
  const summing = startSumming();
  let records = 0;
  let bytes = 0;
  for await (const record of recordsOf(reader, deps.blobs)) {
    if (signal.aborted) throw new NeuroInsightError('cancelled', 'the export was cancelled');
    const line = lineOf(record);
    summing.line(record.kind, line);
    yield Buffer.from(line);
    for (const body of record.bodies) {
      for await (const piece of checkedBody(body)) {
        summing.body(record.kind, piece);
        bytes += piece.length;
        yield piece;
      }
    }
    records++;
    if (records % 256 === 0) onProgress?.({ records, bytes });
  }
  const { softwareVersion } = deps;
  const end: ExportEnd = { kind: 'end', at, log: reader.log, softwareVersion, ...summing.summary() };
  onEnd(end);
  yield Buffer.from(`${JSON.stringify(end)}\n`);
}
