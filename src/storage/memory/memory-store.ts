import type { Clock } from '../../ports/index.ts';
import { MOST_PAGE_BYTES } from '../page-budget.ts';
import type { Store } from '../store.ts';
import type { ExportReader } from '../transfer/export-reader.ts';
import { createMemoryDicom } from './memory-dicom.ts';
import { openMemoryExportReader } from './memory-export.ts';
import { createMemoryLedger } from './memory-ledger.ts';
import { createMemoryChanges } from './memory-log.ts';
import { createMemoryDocuments, createMemoryPacks } from './memory-packs.ts';
import {
  createMemoryApiKeys,
  createMemoryAudit,
  createMemoryOutbox,
  createMemoryRuns,
  createMemorySeen,
} from './memory-readers.ts';
import { createMemoryResources } from './memory-resources.ts';
import { createMemoryPackContents, createMemoryRetention } from './memory-retention.ts';
import { emptyTables } from './tables.ts';

export interface MemoryOptions {
  /** Dates the log of commits. */
  readonly clock?: Clock;
  /** Bytes of the resources of one page of a search or history; a larger page is refused with limit-exceeded. */
  readonly mostPageBytes?: number;
}

export interface MemoryStore extends Store {
  openExport(): Promise<ExportReader>;
}

/** A store that lasts as long as its process; for tests and for trying things out. */
export async function openMemoryStore(options: MemoryOptions = {}): Promise<MemoryStore> {
  const tables = emptyTables();
  return {
    ledger: createMemoryLedger(tables, options.clock ?? { now: () => new Date() }),
    resources: createMemoryResources(tables, options.mostPageBytes ?? MOST_PAGE_BYTES),
    dicom: createMemoryDicom(tables),
    runs: createMemoryRuns(tables),
    outbox: createMemoryOutbox(tables),
    apiKeys: createMemoryApiKeys(tables),
    audit: createMemoryAudit(tables),
    seen: createMemorySeen(tables),
    packs: createMemoryPacks(tables),
    documents: createMemoryDocuments(tables),
    changes: createMemoryChanges(tables),
    retention: createMemoryRetention(tables),
    packContents: createMemoryPackContents(tables),
    openExport: async () => openMemoryExportReader(tables),
    close: async () => undefined,
  };
}
