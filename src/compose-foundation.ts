import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createAuditTrail } from './audit/audit-trail.ts';
import { type ApiKeys, createApiKeys } from './auth/api-keys.ts';
import { systemClock } from './compose.ts';
import type { Config } from './config.ts';
import { NeuroInsightError } from './domain/errors.ts';
import type { AuditTrail, BlobStore, Clock, Ids, Log, Metrics, Tracing } from './ports/index.ts';
import { openFileBlobStore } from './storage/blobs/file-blob-store.ts';
import { guardSpace } from './storage/space-guard.ts';
import { openSqliteStore, type SqliteStore } from './storage/sqlite/open.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createTracing } from './telemetry/tracing.ts';

/** What every process over a data folder has: the store, who may ask, what is written down, and how it is seen. */
export interface Foundation {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: SqliteStore;
  readonly blobs: BlobStore;
  readonly audit: AuditTrail;
  readonly apiKeys: ApiKeys;
  close(): Promise<void>;
}

const systemIds: Ids = { uuid: () => randomUUID() };
const NOWHERE = { write: () => undefined };

/** Holds the place of the key chest, which is to be opened here. */
function keysOf(dataDir: string): { readonly database: string; readonly rowMac: Uint8Array } {
  const rowMac = createHash('sha256').update(dataDir).digest();
  return { database: rowMac.toString('hex'), rowMac };
}

/** @param logStream where log lines go; undefined: nowhere. */
export async function openFoundation(config: Config, logStream?: NodeJS.WritableStream): Promise<Foundation> {
  const dataDir = resolve(config.storage.dataDir);
  const clock = systemClock;
  const ids = systemIds;
  const tracing = createTracing();
  const destination = logStream ? { write: (line: string) => void logStream.write(line) } : NOWHERE;
  const log = createLog({ level: config.log.level, tracing, destination });
  const metrics = createMetrics();
  const opened = await openSqliteStore({ dataDir, clock, metrics, keys: keysOf(dataDir) });
  const packs = await openFileBlobStore({ dataDir }).catch(async (cause: NodeJS.ErrnoException) => {
    // Its threads would keep a process alive that has failed to start.
    await opened.close();
    if (typeof cause.code !== 'string') throw cause;
    const message = `the folder for instances cannot be made or written (${cause.code})`;
    throw new NeuroInsightError('invalid-configuration', message, { cause });
  });
  const { ledger, blobs } = guardSpace({
    ledger: opened.ledger,
    blobs: packs,
    clock,
    reserveBytes: config.storage.minimumFreeMiB * 2 ** 20,
  });
  const store = { ...opened, ledger };
  const audit = createAuditTrail({ ledger: store.ledger, clock, ids, tracing });
  const apiKeys = createApiKeys({
    ledger: store.ledger,
    reader: store.apiKeys,
    clock,
    ids,
    random: randomBytes,
    audit,
  });
  const close = async (): Promise<void> => {
    await packs.close();
    await store.close();
    metrics.close();
  };
  return { dataDir, clock, ids, tracing, log, metrics, store, blobs, audit, apiKeys, close };
}
