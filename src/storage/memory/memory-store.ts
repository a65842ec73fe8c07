import type { Clock } from '../../ports/index.ts';
import type { Store } from '../store.ts';
import { createMemoryDicom } from './memory-dicom.ts';
import { createMemoryLedger } from './memory-ledger.ts';
import {
  createMemoryApiKeys,
  createMemoryAudit,
  createMemoryOutbox,
  createMemoryRuns,
  createMemorySeen,
} from './memory-readers.ts';
import { createMemoryResources } from './memory-resources.ts';
import { emptyTables } from './tables.ts';

/** A store that lasts as long as its process; for tests and for trying things out. */
export async function openMemoryStore(_options?: { readonly clock: Clock }): Promise<Store> {
  const tables = emptyTables();
  return {
    ledger: createMemoryLedger(tables),
    resources: createMemoryResources(tables),
    dicom: createMemoryDicom(tables),
    runs: createMemoryRuns(tables),
    outbox: createMemoryOutbox(tables),
    apiKeys: createMemoryApiKeys(tables),
    audit: createMemoryAudit(tables),
    seen: createMemorySeen(tables),
    close: async () => undefined,
  };
}
