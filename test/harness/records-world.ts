import type { Bundle, Resource } from '@medplum/fhirtypes';
import { createAuditTrail } from '../../src/audit/audit-trail.ts';
import type { Clock, Commit, Ids, Ledger, Principal } from '../../src/ports/index.ts';
import { bundleText, createRecords, type Records, type TextBundle } from '../../src/records/records.ts';
import { openMemoryStore } from '../../src/storage/memory/memory-store.ts';

export const PUBLIC_URL = 'https://neuro.example';
export const FHIR_BASE = `${PUBLIC_URL}/fhir/R4`;

/** A key that may do what the scopes say. */
export function keyWith(scopes: string, site = 'main'): Principal {
  return { kind: 'api-key', id: 'key-1', name: 'tester', site, scopes, address: '127.0.0.1' };
}

export const EVERYTHING = keyWith('system/*.cruds');

/** One second later at each look. */
export function tickingClock(start = '2026-11-24T10:00:00.000Z'): Clock {
  let time = Date.parse(start);
  return {
    now: () => {
      const now = new Date(time);
      time += 1000;
      return now;
    },
  };
}

export function countingIds(): Ids {
  let last = 0;
  return {
    uuid: () => {
      last += 1;
      return `00000000-0000-4000-8000-${String(last).padStart(12, '0')}`;
    },
  };
}

export interface RecordsWorld {
  readonly records: Records;
  readonly store: Awaited<ReturnType<typeof openMemoryStore>>;
  /** Every commit that was asked for, refused ones too. */
  readonly commits: readonly Commit[];
  /** Called before each commit; what it throws is the answer. */
  beforeCommit: (commit: Commit) => Promise<void> | void;
}

/** The FHIR service over the memory store. */
export async function openRecordsWorld(clock: Clock = tickingClock()): Promise<RecordsWorld> {
  const store = await openMemoryStore({ clock });
  const commits: Commit[] = [];
  const ids = countingIds();
  const ledger: Ledger = {
    commit: async (commit) => {
      commits.push(commit);
      await world.beforeCommit(commit);
      return store.ledger.commit(commit);
    },
  };
  const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceparent: '' };
  const audit = createAuditTrail({ ledger, clock, ids, tracing: { current: () => trace } });
  const records = createRecords({
    reader: store.resources,
    ledger,
    audit,
    auditLog: store.audit,
    clock,
    ids,
    publicUrl: PUBLIC_URL,
  });
  const world: RecordsWorld = { records, store, commits, beforeCommit: () => {} };
  return world;
}

/** The Bundle as a client reads it. */
export const bundleOf = (text: TextBundle): Bundle => JSON.parse(bundleText(text));

/** A stored resource as a client reads it. */
export const resourceOf = <T extends Resource>(stored: { readonly json: string | undefined } | undefined): T =>
  JSON.parse(stored!.json!);

export const patient = (mrn: string, family = 'Rossi') => ({
  resourceType: 'Patient' as const,
  identifier: [{ system: 'urn:mrn', value: mrn }],
  name: [{ family, given: ['Ada'] }],
  birthDate: '1950-02-03',
});

export const observation = (subject: string, value = 3.4) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  code: { coding: [{ system: 'http://loinc.org', code: '9843-4' }] },
  subject: { reference: subject },
  effectiveDateTime: '2026-03-04T05:06:07Z',
  valueQuantity: { value, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' },
});
